"""What the owner of a recording is told of how it was heard; part of rag.notes.SENTENCES."""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # While it is heard
    "speech_away": "It waits for the speech model, which does not answer; it goes on by itself.",
    "speech_not_installed": "It waits because no speech model is set up here. An administrator can install the extra "
    "`speech` and set `model` in [speech]; then it goes on by itself.",
    "speech_busy": "It waits until another recording has been heard; one is heard at a time.",
    "recording_heard": "{heard} of {total} have been heard; the rest follows after what else is waiting.",
    # Why nothing was heard
    "recording_not_audio": "It is in no format that is known for sound, whatever its name says.",
    "recording_no_sound": "There is no sound in it, only pictures or data.",
    "recording_unknown_codec": "Its sound is in a code that cannot be read here.",
    "recording_damaged": "It is damaged, or was cut off before any sound.",
    "recording_protected": "It is locked with a password or rights management.",
    "recording_channels": "It has more channels than a recording of speech has.",
    "recording_rate": "Its sample rate is none that a recording has.",
    "recording_too_large": "It is larger than this box accepts.",
    "recording_too_long": "It is longer than this box accepts.",
    "recording_slow": "Reading it took longer than any honest recording does.",
}
