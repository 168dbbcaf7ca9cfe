"""How long each request had an engine, and what energy its answer took. Shares: they add up to what was really used.

Engine seconds: while n requests run on an engine, a second of it is shared evenly by them, so that the sum over all
requests is the time for which the engine was busy, and a request among many takes less of it than its wall clock says.

Energy: what the machine's GPUs counted from one look to the next (NVML) is idle for the part of the time in which
nothing ran; the rest is shared out over the requests that ran on engines of this machine, by the tokens they wrote
meanwhile. Who tells no tokens (a prompt that is being read, an answer that is not streamed) counts like the average of
those who do. A request that ends between two looks takes what the GPUs drew when they were looked at last; the
difference goes to the next look, so that no joule is told twice or lost. One GPU counts like another, and an engine of
this machine that runs on its processor like one on a GPU.

Requests of others on the same engines (`look`) have their part too, which is told by nobody here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Counts(Protocol):
    """Something that counts pieces of an answer: `answer_scan.StreamScan`."""

    events: int


class _Shared:
    """The seconds of something that is shared evenly: `each` is what one that was there all the time has of them."""

    __slots__ = ("_at_s", "busy_s", "each_s", "others", "running")

    def __init__(self, at_s: float) -> None:
        self.running = 0
        self.others = 0
        self.each_s = 0.0
        self.busy_s = 0.0
        self._at_s = at_s

    def until(self, now_s: float) -> float:
        """Bring it up to now; returns `each_s`."""
        count = self.running + self.others
        past_s = now_s - self._at_s
        self._at_s = now_s
        if count and past_s > 0:
            self.each_s += past_s / count
            self.busy_s += past_s
        return self.each_s


@dataclass(slots=True)
class Metered:
    """One request on an engine. scan: counts what it writes, once it does."""

    engine: str
    _from_s: float
    seconds: float = 0.0
    joules: float | None = None
    scan: Counts | None = None
    _counted: int = 0
    _gpu_from_s: float | None = None


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules since the start of this process. given: to requests that ended or run; others: of other processes' and
    foreign requests; carried: measured and not yet given, or given in advance (then below 0)."""

    total: float = 0.0
    idle: float = 0.0
    given: float = 0.0
    others: float = 0.0
    carried: float = 0.0


@dataclass(slots=True)
class _Look:
    """The last look at the energy counter."""

    at_s: float
    counted_j: float
    busy_s: float
    power_w: float | None = None
    taken_s: float = 0.0  # of each_s, by own requests that ended since
    running: dict[int, float] = field(default_factory=dict)


class Meter:
    """One a process. clock: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._engines: dict[str, _Shared] = {}
        self._here = _Shared(clock())
        self._local: frozenset[str] = frozenset()
        self._running: dict[int, Metered] = {}
        self._look: _Look | None = None
        self._advanced_j = 0.0
        self.energy = Energy()

    def begin(self, engine: str) -> Metered:
        """A request has been given to an engine."""
        now_s = self._clock()
        shared = self._engines.get(engine)
        if shared is None:
            shared = self._engines[engine] = _Shared(now_s)
        metered = Metered(engine, shared.until(now_s))
        shared.running += 1
        if engine in self._local:
            metered._gpu_from_s = self._here.until(now_s)
            self._here.running += 1
            if self._look is not None:
                self._running[id(metered)] = metered
        return metered

    def end(self, metered: Metered) -> None:
        """It has been answered, or not: `seconds` and `joules` are its shares. joules None: unknown."""
        now_s = self._clock()
        shared = self._engines[metered.engine]
        metered.seconds += max(0.0, shared.until(now_s) - metered._from_s)
        shared.running -= 1
        if metered._gpu_from_s is None:
            return
        each_s = self._here.until(now_s)
        self._here.running -= 1
        if self._running.pop(id(metered), None) is None or self._look is None:
            metered.joules = None
            return
        last = self._look
        took_s = each_s - metered._gpu_from_s
        last.taken_s += took_s
        if last.power_w is None:
            metered.joules = None
            return
        advance = last.power_w * took_s
        metered.joules = (metered.joules or 0.0) + advance
        self._advanced_j += advance

    def look(self, others: Mapping[str, int], local: frozenset[str]) -> None:
        """others: requests of others by engine, as just seen; local: engines of this machine."""
        now_s = self._clock()
        for name, shared in self._engines.items():
            shared.until(now_s)
            shared.others = others.get(name, 0)
        self._here.until(now_s)
        self._here.others = sum(count for name, count in others.items() if name in local)
        self._local = local

    def count(self, counted_j: float | None) -> None:
        """The machine's energy counter stands there; None: it tells nothing, and nothing is given out."""
        now_s = self._clock()
        self._here.until(now_s)
        last, here = self._look, self._here
        if counted_j is None or last is None or counted_j < last.counted_j:
            self._forget(now_s, counted_j)
            return
        past_s, spent_j = now_s - last.at_s, counted_j - last.counted_j
        if past_s <= 0:
            return
        busy_s = min(past_s, here.busy_s - last.busy_s)
        active_j = spent_j * busy_s / past_s
        own_s = last.taken_s + sum(here.each_s - (one._gpu_from_s or 0.0) for one in self._running.values())
        own_j = active_j * min(1.0, own_s / busy_s) if busy_s > 0 else 0.0
        left_j = own_j + self.energy.carried - self._advanced_j
        given_j = self._share_out(left_j)
        for one in self._running.values():
            one._gpu_from_s = here.each_s
        before = self.energy
        self.energy = Energy(
            before.total + spent_j,
            before.idle + spent_j - active_j,
            before.given + given_j + self._advanced_j,
            before.others + active_j - own_j,
            left_j - given_j,
        )
        self._advanced_j = 0.0
        self._look = _Look(now_s, counted_j, here.busy_s, spent_j / past_s)

    def _share_out(self, joules: float) -> float:
        """By the tokens written since the last look; returns what was given."""
        if joules <= 0 or not self._running:
            return 0.0
        told: dict[int, int] = {}
        for key, one in self._running.items():
            if one.scan is not None:
                told[key] = max(0, one.scan.events - one._counted)
                one._counted = one.scan.events
        wrote = [tokens for tokens in told.values() if tokens]
        like_others = sum(wrote) / len(wrote) if wrote else 1.0
        weights = {key: told.get(key) or like_others for key in self._running}
        all_of_them = sum(weights.values())
        for key, one in self._running.items():
            one.joules = (one.joules or 0.0) + joules * weights[key] / all_of_them
        return joules

    def _forget(self, now_s: float, counted_j: float | None) -> None:
        """Without a beginning no share is known: what runs now is told no joules."""
        for one in self._running.values():
            one.joules = None
        self._running.clear()
        self._advanced_j = 0.0
        self._look = None if counted_j is None else _Look(now_s, counted_j, self._here.busy_s)
