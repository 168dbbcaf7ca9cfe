"""What a history of readings looks like: one rule for each kind of trouble. Pure; what must last is `vigil`'s business.

No rule takes the normal for trouble: a power cap, a machine without a GPU, an engine that runs on the processor by
choice, one that reads a long prompt, a process that died once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from inference.gpu_health import Card
from inference.watchdog.baseline import COLLAPSED, Baseline, gpu_share, rate_of, standstill_s
from inference.watchdog.findings import Remedy, Suspicion, Value
from inference.watchdog.readings import EngineReading, Reading

HUNG_S = 20.0
_LOOP_TIMES, _LOOP_S, _LOOP_CALM_S = 3, 600.0, 120.0
_DOWN_TIMES, _DOWN_S, _DOWN_CALM_S = 3, 900.0, 180.0
KEPT_S = 900.0
"""How much history the rules look at."""
_MOSTLY = 0.999
_GIB = 1 << 30
_TIGHT_BYTES, _SCANT_BYTES, _SCANT_SHARE = 2 * _GIB, 10 * _GIB, 0.05
_PACE_S, _FULL_WITHIN_S = 60.0, 1800.0


def suspicions(history: Sequence[Reading], known: Baseline) -> Iterator[Suspicion]:
    """Of the last reading, in the light of those before it. history: oldest first, not empty."""
    now = history[-1]
    yield from _gpus_lost(now, known)
    for card in now.gpus.cards if now.gpus is not None else ():
        yield from _card(card)
    for engine in now.engines:
        yield from _on_cpu(engine, now, known)
        yield from _hung(engine, history, known)
        yield from _slow(engine, history, known)
    yield from _restarted_again_and_again(history)
    yield from _down_again_and_again(history)
    yield from _disk(history)


def _gpus_lost(now: Reading, known: Baseline) -> Iterator[Suspicion]:
    """A driver that never answered is no loss: nothing of it was ever used."""
    health = now.gpus
    if health is None:
        return
    answering, expected = len(health.cards), max(known.gpus, health.counted)
    values: dict[str, Value] = {"answering": answering, "expected": expected, "detail": health.detail}
    if health.state == "answers":
        if answering < expected:
            yield Suspicion("gpu_lost", "gpu", remedy=Remedy.REBOOT, values={**values, "reason": "fell_off"})
    elif health.state == "unknown_error" and (now.is_contained or known.gpus or health.has_devices):
        remedy = Remedy.RECREATE if now.is_contained else Remedy.REBOOT
        yield Suspicion("gpu_lost", "gpu", remedy=remedy, values={**values, "reason": "taken_away"})
    elif known.gpus:
        remedy = Remedy.RECREATE if now.is_contained else Remedy.REBOOT
        reason = {"mismatch": "mismatch", "silent": "silent"}.get(health.state, "driver_gone")
        yield Suspicion("gpu_lost", "gpu", remedy=remedy, values={**values, "reason": reason})


def _card(card: Card) -> Iterator[Suspicion]:
    subject = f"gpu {card.index}"
    if card.repairs == "failed":
        yield Suspicion(
            "gpu_memory", subject, remedy=Remedy.REPLACE, values={"name": card.name, "reason": "worn"}
        )
    elif card.uncorrected:
        values: dict[str, Value] = {"name": card.name, "reason": "uncorrected", "count": card.uncorrected}
        yield Suspicion("gpu_memory", subject, remedy=Remedy.REBOOT, values=values)
    elif card.repairs == "waiting":
        values = {"name": card.name, "reason": "waiting"}
        yield Suspicion("gpu_memory", subject, "warning", Remedy.REBOOT, values)
    if card.slowed_by:
        values = {"name": card.name, "reason": card.slowed_by[0], "temperature_c": card.temperature_c or 0.0}
        yield Suspicion("gpu_throttled", subject, "warning", Remedy.COOL, values)


def _on_cpu(engine: EngineReading, now: Reading, known: Baseline) -> Iterator[Suspicion]:
    """It was on a GPU before, or was told to be, or tells itself that it is not on the one that is there."""
    share = gpu_share(engine, now)
    if share is None or not engine.is_healthy:
        return
    best = known.gpu_shares.get(engine.name, 0.0)
    tells_itself = engine.gpu_share is not None and now.has_gpu
    should = 1.0 if tells_itself or (engine.wants_gpu and now.has_gpu) else best
    if share < min(should, _MOSTLY) and share < should - 0.01:
        values: dict[str, Value] = {"share": round(share, 3), "engine": engine.name}
        yield Suspicion(
            "engine_on_cpu", engine.name, "error" if share < 0.5 else "warning", Remedy.RESTART, values
        )


def _hung(engine: EngineReading, history: Sequence[Reading], known: Baseline) -> Iterator[Suspicion]:
    """It answers when asked how it is, has requests, and makes no step; longer than it ever did and then went on."""
    stands_s = standstill_s(engine.name, history)
    if stands_s >= max(HUNG_S, 2 * known.pauses_s.get(engine.name, 0.0)):
        values: dict[str, Value] = {
            "running": engine.running,
            "seconds": round(stands_s),
            "engine": engine.name,
        }
        yield Suspicion("engine_hung", engine.name, remedy=Remedy.RESTART, values=values)


def _slow(engine: EngineReading, history: Sequence[Reading], known: Baseline) -> Iterator[Suspicion]:
    usual = known.usual_rate(engine)
    rate = rate_of(engine, history[-2], history[-1]) if len(history) > 1 else None
    if usual is not None and rate is not None and rate < COLLAPSED * usual:
        values: dict[str, Value] = {"rate": round(rate, 2), "usual": round(usual, 2), "engine": engine.name}
        yield Suspicion("engine_slow", engine.name, "warning", Remedy.LOOK, values)


def _restarted_again_and_again(history: Sequence[Reading]) -> Iterator[Suspicion]:
    now = history[-1]
    for child in now.children:
        times, last_s = 0, 0.0
        for before, after in pairwise(history):
            one, other = before.child(child.name), after.child(child.name)
            if one is None or other is None or after.at_s < now.at_s - _LOOP_S:
                continue
            if other.restarts > one.restarts:
                times, last_s = times + other.restarts - one.restarts, after.at_s
        if times >= _LOOP_TIMES and last_s >= now.at_s - _LOOP_CALM_S:
            values: dict[str, Value] = {"times": times, "last_exit": child.last_exit, "engine": child.engine}
            yield Suspicion("restart_loop", child.name, values=values)


def _down_again_and_again(history: Sequence[Reading]) -> Iterator[Suspicion]:
    """Engines that somebody else runs: a container that dies and comes back."""
    now = history[-1]
    ours = {child.engine for child in now.children if child.engine}
    for engine in now.engines:
        if engine.name in ours:
            continue
        times, last_s = 0, 0.0
        for before, after in pairwise(history):
            one, other = before.engine(engine.name), after.engine(engine.name)
            if one is not None and other is not None and one.is_healthy and not other.is_healthy:
                times, last_s = times + 1, after.at_s
        if times >= _DOWN_TIMES and last_s >= now.at_s - _DOWN_CALM_S:
            values: dict[str, Value] = {"times": times, "last_exit": "", "engine": engine.name}
            yield Suspicion("restart_loop", engine.name, values=values)


def _disk(history: Sequence[Reading]) -> Iterator[Suspicion]:
    """Hardly anything is free, or what little is free goes within half an hour at the pace of the last minutes."""
    now, disk = history[-1], history[-1].disk
    if disk is None or disk.size_bytes <= _SCANT_BYTES:
        return
    earlier = [one for one in history if one.disk is not None and one.at_s <= now.at_s - _PACE_S]
    left_s = float("inf")
    if earlier and earlier[0].disk is not None:
        lost = earlier[0].disk.free_bytes - disk.free_bytes
        if lost > 0:
            left_s = disk.free_bytes * (now.at_s - earlier[0].at_s) / lost
    is_scant = disk.free_bytes < max(_SCANT_BYTES, _SCANT_SHARE * disk.size_bytes)
    if disk.free_bytes < _TIGHT_BYTES or (is_scant and left_s < _FULL_WITHIN_S):
        values: dict[str, Value] = {"free_gb": round(disk.free_bytes / 1e9, 1)}
        yield Suspicion("disk_filling", "models", remedy=Remedy.FREE, values=values)
