"""Tokens a second and time to the first token, directly and through the appliance; and fairness on the same engine."""

from __future__ import annotations

import time
from typing import Any

import aiohttp

from appliance.demo.crowd import Habits
from appliance.demo.phases import Demonstration, Figures, Stage
from scripts.bench.before_engine import before_engine, compare
from scripts.bench.streams import Pairs
from scripts.gpu_check.options import Options
from scripts.gpu_check.report import Line, fairness_lines, speed_line
from scripts.gpu_check.serving import NAME, SLOTS, Served

STREAMS = (1, 16, 64)
_FAIR_SLOTS = 8
_GREEDY = 80
_SPREAD_S, _QUICK_SPREAD_S = 3.0, 1.0
"""Over which the streams of a round begin: the small server reads one prompt a step, and is not to fall behind."""
_LEAST_PAIRS, _MOST_PAIRS = 2, 12


class _Silent:
    """A screen for the demonstration that shows nothing."""

    def look(self, stage: Stage) -> None: ...

    def ended(self, stage: Stage, figures: Figures) -> None: ...


def _session() -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=300)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))


async def measure_speed(
    options: Options, served: Served, size: str
) -> tuple[list[Line], list[dict[str, Any]]]:
    """Each number of streams takes its share of the time, two pairs at least."""
    lines, figures = [], []
    tokens, spread_s = (32, _QUICK_SPREAD_S) if options.is_quick else (256, _SPREAD_S)
    async with before_engine(served.base_url, NAME, SLOTS, served.kind) as before, _session() as session:
        for streams in STREAMS:
            started = time.perf_counter()
            tried = await compare(session, before, streams, tokens, 1, spread_s)
            each = (time.perf_counter() - started) / 2  # the unmeasured round before it counts as one
            pairs = int(options.seconds / len(STREAMS) / max(each, 0.1))
            count = min(_MOST_PAIRS, max(_LEAST_PAIRS, pairs))
            done = await compare(session, before, streams, tokens, count, spread_s)
            lines.append(speed_line(size, served.engine, done))
            figures.append({"size": size, "engine": served.engine, **_kept(done), "first": _kept(tried)})
    return lines, figures


async def measure_fairness(
    options: Options, served: Served, size: str
) -> tuple[list[Line], list[dict[str, Any]]]:
    """Five polite people alone, beside a greedy one first come first served, and fairly; on eight slots of the gate."""
    habits = Habits(greedy=_GREEDY, polite=5, rate_per_s=0.5, tokens=16 if options.is_quick else 64)
    async with (
        before_engine(served.base_url, NAME, _FAIR_SLOTS, served.kind, reserved=None) as before,
        _session() as session,
    ):
        told = Demonstration(session, before.box, _FAIR_SLOTS, habits, _Silent())
        phases = await told.run(options.seconds / 3)
    figures = [
        {"size": size, "phase": name, "ttft_p50_ms": one.ttft_p50_ms, "ttft_p95_ms": one.ttft_p95_ms}
        | {"ratio_p50": one.ratio_p50, "ratio_p95": one.ratio_p95, "slots_used": one.slots_used}
        | {"asked": one.asked, "failed": one.failed, "greedy_tokens_per_s": one.greedy_tokens_per_s}
        for name, one in phases.items()
    ]
    return fairness_lines(size, phases), figures


def _kept(pairs: Pairs) -> dict[str, Any]:
    return pairs.figures()
