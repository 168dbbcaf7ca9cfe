"""Reads what the box is to hear with, and whether it does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from appliance.bootstrap.box import model_folder
from appliance.bootstrap.doctor.place import Place
from appliance.bootstrap.speech import EXTRA
from appliance.services.doctor.speech import SpeechReading
from appliance.supervisor.readiness import accepts_on


def read_speech(place: Place) -> SpeechReading:
    """Opens no model."""
    box = place.needed_box
    wanted = box.settings.speech.model
    if not wanted:
        return SpeechReading()
    folder: Path = model_folder(box.models_folder, box.config.parent if box.config else box.data, wanted)
    return SpeechReading(
        model=wanted,
        has_extra=importlib.util.find_spec(EXTRA) is not None,
        folder=str(folder),
        is_there=(folder / "model.bin").is_file(),
        listens=accepts_on(box.speech_socket)() if place.is_running else None,
    )
