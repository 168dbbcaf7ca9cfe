"""A finding: a stable id, how bad it is, the values of its sentence, and the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.services.doctor.sentences import SENTENCES

Value = str | int | float


class Severity(StrEnum):
    """ok; warning: it works, but somebody should look; error: something does not work, or soon will not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """id: `check.what`. command: exact, to be copied; empty where there is none. lines: of a log, last one last."""

    id: str
    severity: Severity
    values: Mapping[str, Value] = field(default_factory=dict)
    command: str = ""
    lines: tuple[str, ...] = ()

    @property
    def check(self) -> str:
        return self.id.partition(".")[0]

    @property
    def sentence(self) -> str:
        return filled(SENTENCES[self.id].sentence, self.values)

    @property
    def remedy(self) -> str:
        return filled(SENTENCES[self.id].remedy, self.values)


def ok(code: str, /, **values: Value) -> Finding:
    """All is well there."""
    return Finding(code, Severity.OK, values)


def warning(code: str, /, command: str = "", lines: tuple[str, ...] = (), **values: Value) -> Finding:
    """It works; somebody should look."""
    return Finding(code, Severity.WARNING, values, command, lines)


def error(code: str, /, command: str = "", lines: tuple[str, ...] = (), **values: Value) -> Finding:
    """It does not work, or soon will not."""
    return Finding(code, Severity.ERROR, values, command, lines)


def filled(sentence: str, values: Mapping[str, Value]) -> str:
    """The sentence with its places filled; numbers with one digit after the point at most."""
    return sentence.format_map({name: _shown(value) for name, value in values.items()})


def _shown(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) else value
