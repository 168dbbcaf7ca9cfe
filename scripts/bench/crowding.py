"""Fairness: five polite people alone, then beside a greedy one, on an engine with four slots."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress

from bench.client import Reply, Target
from bench.measurements import failures
from bench.tables import Row, quantile
from bench.targets import Measured, ModelledEngine

SLOTS, TTFT_MS, TOKEN_MS, TOKENS = 4, 150.0, 50.0, 12
GREEDY_OPEN, POLITE, RATE_PER_S = 40, 5, 0.3
_LEAD_S = 2.0
_PAUSE_AFTER_REFUSAL_S = 0.25
_LONG_WAIT_S = 2.0
_SEED = 7


async def fairness(engine: ModelledEngine, measured: Measured, seconds: float) -> Row:
    """One target's row. Its first key is the greedy person's, the others the polite ones', as far as it has several."""
    await engine.change(slots=SLOTS, ttft_ms=TTFT_MS, token_ms=TOKEN_MS)
    target = measured.target
    await asyncio.gather(*(target.ask(key, 1) for key in target.keys))
    alone = await _polite(target, seconds)
    greedy: list[Reply] = []
    flood = [asyncio.create_task(_flood(target, greedy)) for _ in range(GREEDY_OPEN)]
    await asyncio.sleep(_LEAD_S)
    before = await engine.stats()
    counting = asyncio.create_task(_after(engine, seconds))
    beside = await _polite(target, seconds)
    after = await counting
    for task in flood:
        task.cancel()
    for task in flood:
        with suppress(asyncio.CancelledError):
            await task
    await _until_idle(engine)
    use = (after["busy_slot_s"] - before["busy_slot_s"]) / (after["time_s"] - before["time_s"]) / SLOTS
    return _row(measured.name, alone, beside, greedy, use)


def _row(name: str, alone: list[Reply], beside: list[Reply], greedy: list[Reply], use: float) -> Row:
    ttfts = [[reply.ttft_s for reply in replies if reply.ttft_s is not None] for replies in (alone, beside)]
    ratios = [quantile(ttfts[1], q) / quantile(ttfts[0], q) for q in (0.5, 0.95)]
    errors = _estimate_errors([*beside, *greedy])
    return {
        "target": name,
        "polite alone, TTFT p50 / p95, s": _pair_s(ttfts[0]),
        "beside the greedy one, s": _pair_s(ttfts[1]),
        "÷ alone p50 / p95": f"**{ratios[0]:.2f} / {ratios[1]:.2f}**",
        "engine use": f"{use:.1%}",
        "greedy served": sum(reply.is_ok for reply in greedy),
        "refused": sum(reply.status == 429 for reply in [*greedy, *beside]),
        "failed": failures([reply for reply in [*greedy, *alone, *beside] if reply.status != 429]),
        "first estimate, median error": f"{quantile(errors, 0.5):.0%} of {len(errors)}" if errors else "–",
    }


async def _polite(target: Target, seconds: float) -> list[Reply]:
    """Each asks about every three seconds, whether the last answer has come or not; returns with the last answer."""
    keys = target.keys[1:] or target.keys
    chance, asking = random.Random(_SEED), []

    async def person(number: int) -> None:
        end = time.perf_counter() + seconds
        pause = number / POLITE / RATE_PER_S
        while time.perf_counter() + pause < end:
            await asyncio.sleep(pause)
            asking.append(asyncio.create_task(target.ask(keys[number % len(keys)], TOKENS)))
            pause = chance.uniform(0.7, 1.3) / RATE_PER_S

    await asyncio.gather(*(person(number) for number in range(POLITE)))
    return list(await asyncio.gather(*asking))


async def _flood(target: Target, replies: list[Reply]) -> None:
    while True:
        reply = await target.ask(target.keys[0], TOKENS)
        replies.append(reply)
        if not reply.is_ok:
            await asyncio.sleep(_PAUSE_AFTER_REFUSAL_S)


async def _after(engine: ModelledEngine, seconds: float) -> dict[str, float]:
    await asyncio.sleep(seconds)
    return await engine.stats()


async def _until_idle(engine: ModelledEngine) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(30):
            while (await engine.stats())["running"]:  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.1)


def _estimate_errors(replies: Sequence[Reply]) -> list[float]:
    errors = []
    for reply in replies:
        if reply.told_eta_s is None or reply.told_at_s is None or reply.first_at_s is None:
            continue
        # an estimate is of the wait for a slot; the engine's own time to the first token comes after it
        waited = reply.first_at_s - reply.told_at_s - TTFT_MS / 1000
        if waited >= _LONG_WAIT_S:
            errors.append(abs(reply.told_eta_s - waited) / waited)
    return errors


def _pair_s(values: Sequence[float]) -> str:
    return f"{quantile(values, 0.5):.2f} / {quantile(values, 0.95):.2f}"
