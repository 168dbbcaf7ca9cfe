"""What a box was like while it was well: how many GPUs answered, how fast each engine wrote. Pure.

Kept beyond the process that learned it, so that whoever watches next misses what was lost in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from inference.watchdog.readings import EngineReading, Reading

SAMPLES_NEEDED = 24
_SAMPLES_KEPT = 60
COLLAPSED = 0.2
_LONGEST_PAUSE_S = 120.0
_SHORTEST_S, _LONGEST_S = 0.5, 20.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """gpus: the most that answered at once. gpu_shares: of each engine, the largest part it had on a GPU (0 to 1).

    rates: steps of progress a second by `ENGINE/LOAD`, the last of them, the oldest first. pauses_s: the longest time
    for which each engine stood still with requests and then went on.
    """

    gpus: int = 0
    gpu_shares: Mapping[str, float] = field(default_factory=dict)
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    pauses_s: Mapping[str, float] = field(default_factory=dict)

    def usual_rate(self, engine: EngineReading) -> float | None:
        """Under a load like this one; None while too little is known."""
        known = self.rates.get(_load_of(engine), ())
        return median(known) if len(known) >= SAMPLES_NEEDED else None


def learn(known: Baseline, history: Sequence[Reading]) -> Baseline:
    """With what the last reading adds."""
    if not history:
        return known
    last, before = history[-1], history[-2] if len(history) > 1 else None
    shares, rates, pauses = dict(known.gpu_shares), dict(known.rates), dict(known.pauses_s)
    for engine in last.engines:
        share = gpu_share(engine, last)
        if share:
            shares[engine.name] = max(share, shares.get(engine.name, 0.0))
        rate = None if before is None else rate_of(engine, before, last)
        usual = known.usual_rate(engine)
        if rate and (usual is None or rate >= COLLAPSED * usual):
            name = _load_of(engine)
            rates[name] = (*rates.get(name, ()), rate)[-_SAMPLES_KEPT:]
        pause_s = 0.0 if len(history) < 2 else standstill_s(engine.name, history[:-1])
        if pause_s and not standstill_s(engine.name, history) and engine.running:
            longest = max(pause_s, pauses.get(engine.name, 0.0))
            pauses[engine.name] = min(longest, _LONGEST_PAUSE_S)
    answering = len(last.gpus.cards) if last.gpus is not None else 0
    return Baseline(max(known.gpus, answering), shares, rates, pauses)


def gpu_share(engine: EngineReading, reading: Reading) -> float | None:
    """How much of it lies on a GPU by its own word, or whether it has any memory there by NVML's. None: unknown.

    In a container NVML's process numbers are the machine's, not those that we know.
    """
    if engine.gpu_share is not None:
        return engine.gpu_share
    if engine.pid is None or reading.is_contained or not reading.has_gpu:
        return None
    assert reading.gpus is not None
    told = [card.computing for card in reading.gpus.cards if card.computing is not None]
    return float(any(engine.pid in pids for pids in told)) if told else None


def rate_of(engine: EngineReading, before: Reading, now: Reading) -> float | None:
    """Its steps a second from one reading to the next, while it only wrote, at a load that stayed alike; else None."""
    earlier, past_s = before.engine(engine.name), now.at_s - before.at_s
    if earlier is None or not _SHORTEST_S <= past_s <= _LONGEST_S:
        return None
    if not (earlier.writes_only and engine.writes_only) or _load_of(earlier) != _load_of(engine):
        return None
    done, before_that = _done(engine), _done(earlier)
    if done is None or before_that is None or done < before_that:
        return None
    return (done - before_that) / past_s


def standstill_s(name: str, history: Sequence[Reading]) -> float:
    """For how long it has had requests and made no step, as far as was looked; 0 where it has none, or is down."""
    now = history[-1].engine(name)
    if now is None or now.progress is None:
        return 0.0
    began_s = history[-1].at_s
    for reading in reversed(history):
        one = reading.engine(name)
        if one is None or not one.is_healthy or not one.running or one.progress != now.progress:
            break
        began_s = reading.at_s
    return history[-1].at_s - began_s


def _done(engine: EngineReading) -> int | None:
    """By its own word, else by what came from it."""
    return engine.written if engine.progress is None else engine.progress


def _load_of(engine: EngineReading) -> str:
    """Loads are alike where their number of requests has as many binary digits: 1, 2–3, 4–7 …"""
    return f"{engine.name}/{engine.running.bit_length()}"
