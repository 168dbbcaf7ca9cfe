"""What the doctor says: one line a finding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """ok; warn: it works, but somebody should look; fail: something does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. remedy: the next step, empty where none is needed."""

    check: str
    verdict: Verdict
    sentence: str
    remedy: str = ""
