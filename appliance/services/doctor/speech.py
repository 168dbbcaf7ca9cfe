"""What the box hears with: whether dictation and recordings work, and what is missing where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways


@dataclass(frozen=True, slots=True)
class SpeechReading:
    """model: as the setting names it, empty for none. has_extra: the packages that hear are installed.

    folder: where the model should lie. listens: its process does; None where the appliance is stopped.
    """

    model: str = ""
    has_extra: bool = True
    folder: str = ""
    is_there: bool = True
    listens: bool | None = None


def speech_findings(seen: SpeechReading, ways: Ways) -> Iterator[Finding]:
    """No model is a choice, not a fault."""
    if not seen.model:
        yield ok("speech.none")
    elif not seen.has_extra:
        yield warning("speech.no_extra", "./setup.sh install --with speech", model=seen.model)
    elif not seen.is_there:
        yield error("speech.missing", ways.appliance("model list"), model=seen.model, folder=seen.folder)
    elif seen.listens is False:
        yield error("speech.down", ways.log("speech"), model=seen.model)
    else:
        yield ok("speech.ok", model=seen.model)
