"""What the watchdog finds, and what helps against each kind of trouble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Kind = Literal[
    "gpu_lost",
    "gpu_memory",
    "gpu_throttled",
    "engine_on_cpu",
    "engine_hung",
    "engine_slow",
    "restart_loop",
    "disk_filling",
]
Severity = Literal["warning", "error"]
Value = str | int | float
Key = tuple[Kind, str]
"""A kind of trouble, and whose it is: `gpu`, `gpu 0`, an engine's name, a process's name, `models`."""


class Remedy(StrEnum):
    """What helps, as docs/operating.md tells it in full."""

    RESTART = "restart"
    """Start the engine's process again. Safe for one of ours: it loses at most what did not go on anyway."""
    REBOOT = "reboot"
    RECREATE = "recreate"
    """Start the container anew: the devices it was given are gone."""
    COOL = "cool"
    """See to air, power supply and power limit."""
    REPLACE = "replace"
    LOOK = "look"
    """Read the log; nothing that is known to help can be done blindly."""
    FREE = "free"
    """Remove models or files."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What one look makes of a history. values: the evidence, by name."""

    kind: Kind
    subject: str
    severity: Severity = "error"
    remedy: Remedy = Remedy.LOOK
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspicion that lasted. since_s: Unix time of its first sign; values: of the last look that saw it."""

    kind: Kind
    subject: str
    severity: Severity
    remedy: Remedy
    since_s: float
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.kind, self.subject

    @property
    def slows_answers(self) -> bool:
        """Whether people who ask something notice it."""
        return self.kind not in ("gpu_memory", "disk_filling") and not (
            self.kind == "restart_loop" and not self.values.get("engine")
        )


_DROWNS: Mapping[Kind, tuple[Kind, ...]] = {
    "engine_slow": ("gpu_lost", "gpu_throttled", "engine_on_cpu", "engine_hung", "restart_loop"),
    "engine_on_cpu": ("gpu_lost",),
    "engine_hung": ("gpu_lost", "restart_loop"),
}
_OF_THE_MACHINE = ("gpu_lost", "gpu_throttled")


def without_consequences(findings: Mapping[Key, Finding]) -> list[Finding]:
    """One trouble, one voice: what only follows from another finding is left out; the worst come first."""
    told = [
        one
        for one in findings.values()
        if not any(
            kind in _DROWNS.get(one.kind, ())
            and (
                kind in _OF_THE_MACHINE
                or subject == one.subject
                or findings[kind, subject].values.get("engine") == one.subject
            )
            for kind, subject in findings
        )
    ]
    return sorted(told, key=lambda one: (one.severity != "error", one.since_s, one.key))
