"""From suspicions to findings: what lasts is told within 30 s, what comes and goes neither alarms nor flickers. Pure.

A suspicion becomes a finding when three quarters of the looks of the last seconds had it, two at least, and stays one
until no look of some more seconds has had it. Looks are at most ten seconds apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inference.watchdog.baseline import Baseline, learn
from inference.watchdog.findings import Finding, Key, Kind, Suspicion, without_consequences
from inference.watchdog.readings import Reading
from inference.watchdog.rules import KEPT_S, suspicions

NOTICED_WITHIN_S = 30.0
_LONGEST_GAP_S = 60.0
_MOST_LOOKS = 0.75


@dataclass(frozen=True, slots=True)
class Hold:
    """In seconds. raise_s 0: one look is enough, because the rule itself has waited."""

    raise_s: float
    clear_s: float


HOLDS: Mapping[Kind, Hold] = {
    "gpu_lost": Hold(15, 20),
    "gpu_memory": Hold(0, 0),
    "gpu_throttled": Hold(15, 60),
    "engine_on_cpu": Hold(15, 20),
    "engine_hung": Hold(0, 10),
    "engine_slow": Hold(15, 60),
    "restart_loop": Hold(0, 0),
    "disk_filling": Hold(15, 60),
}
_LONGEST_HOLD_S = max(max(hold.raise_s, hold.clear_s) for hold in HOLDS.values())


@dataclass(frozen=True, slots=True)
class Vigil:
    """Where the watch stands. history, looks: oldest first; seen: when each suspicion was had."""

    history: tuple[Reading, ...] = ()
    baseline: Baseline = field(default_factory=Baseline)
    seen: Mapping[Key, tuple[float, ...]] = field(default_factory=dict)
    findings: Mapping[Key, Finding] = field(default_factory=dict)

    @property
    def told(self) -> list[Finding]:
        """What is to be said: each trouble once, the worst first."""
        return without_consequences(self.findings)


def look(vigil: Vigil, reading: Reading) -> Vigil:
    """After one more reading."""
    vigil = _unless_interrupted(vigil, reading.at_s)
    history = (*(one for one in vigil.history if one.at_s >= reading.at_s - KEPT_S), reading)
    suspected = list(suspicions(history, vigil.baseline))
    judged = judge(replace(vigil, history=history), suspected)
    return replace(judged, baseline=learn(vigil.baseline, history))


def judge(vigil: Vigil, suspected: Iterable[Suspicion]) -> Vigil:
    """vigil: with the reading that these are of as the last of its history."""
    now_s = vigil.history[-1].at_s
    looks = [one.at_s for one in vigil.history]
    had = {one.key: one for one in suspected}
    seen = {
        key: tuple(at for at in times if at >= now_s - _LONGEST_HOLD_S) for key, times in vigil.seen.items()
    }
    for key in had:
        seen[key] = (*seen.get(key, ()), now_s)
    seen = {key: times for key, times in seen.items() if times}
    findings = {}
    for key, times in seen.items():
        before, one = vigil.findings.get(key), had.get(key)
        hold = HOLDS[key[0]]
        if before is not None:
            if times[-1] >= now_s - hold.clear_s:
                findings[key] = before if one is None else _of(one, before.since_s)
        elif one is not None and _lasts(times, looks, now_s, hold.raise_s):
            findings[key] = _of(one, min(at for at in times if at >= now_s - hold.raise_s))
    return replace(vigil, seen=seen, findings=findings)


def _lasts(times: Sequence[float], looks: Sequence[float], now_s: float, raise_s: float) -> bool:
    if raise_s == 0:
        return True
    since_s = now_s - raise_s
    had = sum(1 for at in times if at >= since_s)
    looked = sum(1 for at in looks if at >= since_s)
    return had >= 2 and had >= looked * _MOST_LOOKS


def _of(one: Suspicion, since_s: float) -> Finding:
    return Finding(one.kind, one.subject, one.severity, one.remedy, since_s, one.values)


def _unless_interrupted(vigil: Vigil, now_s: float) -> Vigil:
    """A machine that slept, or whose clock was set, has no history to go by; what was found stays to be judged anew."""
    if not vigil.history:
        return vigil
    past_s = now_s - vigil.history[-1].at_s
    if 0 <= past_s <= _LONGEST_GAP_S:
        return vigil
    seen = dict.fromkeys(vigil.findings, (now_s,))
    return replace(vigil, history=(), seen=seen)
