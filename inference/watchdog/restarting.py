"""Whether an engine may be started again by itself: when it helps, when it harms nobody, and not for ever. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from inference.watchdog.findings import Finding, Remedy
from inference.watchdog.readings import Reading

HOPELESS_S = 180.0
"""So long an engine must have stood still: a slow machine may take minutes for a long prompt."""
_PAUSES_S = (0.0, 120.0, 600.0)
_HOUR_S = 3600.0

Step = Literal["restart", "wait", "give_up"]


@dataclass(frozen=True, slots=True)
class Restarts:
    """When each engine was started again by the watchdog, in the last hour. Unix times, oldest first."""

    past: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def with_one(self, engine: str, now_s: float) -> Restarts:
        """After one more, now."""
        kept = tuple(at for at in self.past.get(engine, ()) if now_s - _HOUR_S < at <= now_s)
        return Restarts({**self.past, engine: (*kept, now_s)})


def next_step(engine: str, restarts: Restarts, now_s: float, most_per_hour: int) -> Step:
    """At once, two minutes after the first, ten after the next; give_up: as often as allowed within an hour."""
    past = [at for at in restarts.past.get(engine, ()) if now_s - _HOUR_S < at <= now_s]
    if len(past) >= most_per_hour:
        return "give_up"
    pause_s = _PAUSES_S[min(len(past), len(_PAUSES_S) - 1)]
    return "restart" if not past or now_s - past[-1] >= pause_s else "wait"


def restartable(findings: Sequence[Finding], reading: Reading) -> list[Finding]:
    """Those that a restart helps against and that it is safe for just now: ours alone, and nobody loses an answer."""
    return [one for one in findings if one.remedy is Remedy.RESTART and _is_safe(one, reading)]


def _is_safe(finding: Finding, reading: Reading) -> bool:
    engine = reading.engine(finding.subject)
    if engine is None or not engine.is_ours:
        return False
    if finding.kind == "engine_hung":
        return int(finding.values.get("seconds", 0)) >= HOPELESS_S
    return finding.kind == "engine_on_cpu" and reading.has_gpu and engine.running == 0
