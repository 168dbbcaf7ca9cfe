"""Times in a recording, as they stand in references and as people read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d{1,3})?)"
_SPAN = re.compile(rf"{_CLOCK}–{_CLOCK}\Z")


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in seconds from the recording's start."""

    start_s: float
    end_s: float

    @property
    def told(self) -> str:
        """As people read it: "12:34–12:58"; one time where both are the same second."""
        first, last = clock(self.start_s), clock(self.end_s)
        return first if first == last else f"{first}–{last}"


def clock(seconds: float) -> str:
    """Whole seconds as 12:34, from an hour on as 1:02:34."""
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def spelled(span: Span) -> str:
    """With hundredths, for a reference that is read again: "12:34.20–12:58.90"."""
    return f"{_exact(span.start_s)}–{_exact(span.end_s)}"


def read(reference: str) -> Span | None:
    """What `spelled` wrote; None for any other reference."""
    found = _SPAN.match(reference)
    return Span(_seconds(*found.group(1, 2, 3)), _seconds(*found.group(4, 5, 6))) if found else None


def covering(references: Sequence[str]) -> str | None:
    """One reference from the first's start to the last's end; None where one of them is no time."""
    spans = [read(reference) for reference in references]
    if not spans or not all(spans):
        return None
    known = [span for span in spans if span]
    return spelled(Span(min(span.start_s for span in known), max(span.end_s for span in known)))


def _exact(seconds: float) -> str:
    hundredths = max(0, round(seconds * 100))
    whole, rest = divmod(hundredths, 100)
    return f"{clock(whole)}.{rest:02}"


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
