"""What travels between a transcriber and whoever asked it. All times are seconds from the recording's start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SpeechTask = Literal["transcribe", "translate"]


@dataclass(frozen=True, slots=True)
class SpeechWish:
    """How a recording is to be heard.

    language: ISO 639-1 code such as es; None: told by the first speech. task translate: into English.
    words: times of single words too. prompt: names and terms that occur in it. temperature: 0 to 1; 0 also tries
    higher ones where the text comes out badly. vad: leave out what is no speech. start_s: what comes before is known
    already and is not heard again; times still count from the recording's start.
    """

    language: str | None = None
    task: SpeechTask = "transcribe"
    words: bool = False
    prompt: str = ""
    temperature: float = 0.0
    vad: bool = True
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechWord:
    """One word with the blank before it, as the model wrote it."""

    start_s: float
    end_s: float
    text: str
    probability: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechSegment:
    """A sentence or so. text: without blanks at its ends. The last four are the model's own measures, as OpenAI names
    them; a caller that only wants text ignores them."""

    start_s: float
    end_s: float
    text: str
    words: tuple[SpeechWord, ...] = ()
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechHeader:
    """language: what is spoken, ISO 639-1; told before the first segment, and not at all where nobody speaks."""

    language: str
    language_probability: float = 1.0


@dataclass(frozen=True, slots=True)
class SpeechProgress:
    """So far this much has been heard, speech or not. duration_s: what the file says of itself; None: nothing."""

    heard_s: float
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """The whole recording was heard. duration_s: measured, not claimed. speech_s: of it, somebody spoke."""

    duration_s: float
    speech_s: float


SpeechPart = SpeechHeader | SpeechSegment | SpeechProgress | SpeechEnd


@dataclass(frozen=True, slots=True)
class SpeechFile:
    """What a recording is before it is heard. duration_s: as its header claims; None: it claims nothing.

    container, codec: FFmpeg's names.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration_s: float | None = None
