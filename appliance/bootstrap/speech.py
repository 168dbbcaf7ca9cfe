"""Which speech model the box hears with, if any: the command of its process, and the client of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.bootstrap.box import Box, model_folder

if TYPE_CHECKING:
    from inference.speech.client import SpeechClient

EXTRA = "faster_whisper"  # what the extra `speech` brings; looked for and never imported here


def speech_folder(box: Box) -> Path | None:
    """The model's folder; None where none is named or the extra is missing.

    A folder that does not exist comes back as well: its process says what is wrong with it.
    """
    wanted = box.settings.speech.model
    if not wanted or importlib.util.find_spec(EXTRA) is None:
        return None
    return model_folder(box.models_folder, box.config.parent if box.config else box.data, wanted)


def speech_words(box: Box) -> tuple[str, ...] | None:
    """What the process is called with, behind its module; None where there is none to start."""
    folder = speech_folder(box)
    if folder is None:
        return None
    return (
        *("--socket", str(box.speech_socket), "--model", str(folder)),
        *("--settings", box.settings.speech.model_dump_json()),
    )


def speech_client(box: Box) -> SpeechClient:
    """Says `speech_not_installed` where there is none."""
    from inference.speech.client import SpeechClient  # not for the supervisor

    folder = speech_folder(box)
    if folder is None:
        return SpeechClient(None)
    wanted = box.settings.speech.model
    return SpeechClient(box.speech_socket, Path(wanted).name if "/" in wanted else wanted)
