"""The measurements, one function each: they load targets in interleaved rounds and return the rows of a table.

Interleaved, because a machine that drifts then hits all targets alike; the first target is the engine itself.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.client import Reply
from bench.processes import ProcessClock, peak_rss_mib, spent
from bench.tables import Row, quantile
from bench.targets import Measured, ModelledEngine

_SLOTS = 512
_STALL_PACES = 10  # a silence of so many token times is one


@dataclass(slots=True)
class Round:
    """What one target did in all its rounds. seconds: of each round. rates: tokens/s of each round."""

    replies: list[Reply] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    token_rates: list[float] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def failed(self) -> str:
        """How many, and of what."""
        return failures(self.replies)

    def ttfts_ms(self) -> list[float]:
        return [reply.ttft_s * 1000 for reply in self.replies if reply.is_ok and reply.ttft_s is not None]


async def overhead(
    engine: ModelledEngine, targets: Sequence[Measured], rounds: int, scale: float
) -> list[Row]:
    """Time to the first token that a gateway adds, one request at a time and sixteen."""
    await engine.change(slots=_SLOTS, ttft_ms=20, token_ms=5)
    rows: list[Row] = []
    for concurrency, requests in ((1, 80), (16, 400)):
        done = await _interleaved(
            targets, rounds, concurrency, max(concurrency, int(requests * scale)), tokens=4
        )
        direct = done[targets[0].name].ttfts_ms()
        for name, result in done.items():
            ttfts = result.ttfts_ms()
            added = [quantile(ttfts, q) - quantile(direct, q) for q in (0.5, 0.99)]
            rows.append(
                {
                    "target": name,
                    "at once": concurrency,
                    "TTFT p50 / p99, ms": f"{quantile(ttfts, 0.5):.1f} / {quantile(ttfts, 0.99):.1f}",
                    "added p50 / p99, ms": "–"
                    if ttfts is direct or name == targets[0].name
                    else f"**{added[0]:.2f} / {added[1]:.2f}**",
                    "requests": len(result.replies),
                    "failed": result.failed,
                }
            )
    return rows


async def throughput(
    engine: ModelledEngine, targets: Sequence[Measured], rounds: int, scale: float
) -> list[Row]:
    """Many streams of 50 tokens a second each."""
    await engine.change(slots=_SLOTS, ttft_ms=50, token_ms=20)
    rows: list[Row] = []
    for streams in (64, 256):
        done = await _interleaved(targets, rounds, streams, streams, tokens=max(20, int(200 * scale)))
        direct = done[targets[0].name]
        for measured in targets:
            result = done[measured.name]
            gaps_ms = [gap * 1000 for reply in result.replies for gap in reply.gaps_s]
            ratios = [
                mine / theirs for mine, theirs in zip(result.token_rates, direct.token_rates, strict=True)
            ]
            rows.append(
                {
                    "target": measured.name,
                    "streams": streams,
                    "tokens/s": f"{statistics.median(result.token_rates):,.0f}",
                    "÷ direct": "–" if result is direct else f"**{statistics.median(ratios):.3f}**",
                    "TTFT p50 / p99, ms": _pair(result.ttfts_ms()),
                    "between tokens p50 / p99, ms": _pair(gaps_ms),
                    "stalls": sum(gap > _STALL_PACES * 20 for gap in gaps_ms),
                    "gateway CPU": _share(result, "gateway"),
                    "failed": result.failed,
                }
            )
    return rows


async def requests(
    engine: ModelledEngine, targets: Sequence[Measured], rounds: int, scale: float
) -> list[Row]:
    """Answers that come whole, as many as go."""
    await engine.change(slots=_SLOTS, ttft_ms=0, token_ms=0)
    rows: list[Row] = []
    for concurrency, count in ((16, 1500), (64, 2000)):
        done = await _interleaved(
            targets, rounds, concurrency, max(concurrency, int(count * scale)), tokens=16, is_stream=False
        )
        for name, result in done.items():
            total = len(result.replies)
            gateway_s = result.cpu_s.get("gateway", 0.0)
            rows.append(
                {
                    "target": name,
                    "at once": concurrency,
                    "requests/s": f"{total / sum(result.seconds):,.0f}",
                    "total p50 / p99, ms": _pair([reply.total_s * 1000 for reply in result.replies]),
                    "requests per gateway CPU second": f"**{total / gateway_s:,.0f}**" if gateway_s else "–",
                    **{f"{part} CPU, ms a request": _each_ms(result, part) for part in _PARTS},
                    "failed": result.failed,
                }
            )
    return rows


async def cpu(engine: ModelledEngine, targets: Sequence[Measured], rounds: int, scale: float) -> list[Row]:
    """Processor time of a streamed request and of each of its chunks, from short and long answers at one pace."""
    await engine.change(slots=_SLOTS, ttft_ms=20, token_ms=20)
    few, many = 2, 102
    gateways = [measured for measured in targets if measured.pids]
    short = await _interleaved(gateways, rounds, 32, max(32, int(1200 * scale)), tokens=few)
    long = await _interleaved(gateways, rounds, 64, max(64, int(128 * scale)), tokens=many)
    rows: list[Row] = []
    for measured in gateways:
        row: dict[str, object] = {"target": measured.name}
        for part in _PARTS:
            if part not in measured.pids:
                continue
            of_short, of_long = (_cpu_each(done[measured.name], part) for done in (short, long))
            chunk_s = max(0.0, (of_long - of_short) / (many - few))
            row[f"{part}: a request, ms"] = f"{(of_short - few * chunk_s) * 1000:.2f}"
            row[f"{part}: a chunk, µs"] = f"{chunk_s * 1e6:.1f}"
        row["most memory, MiB"] = f"{sum(map(peak_rss_mib, measured.pids['gateway'])):.0f}"
        row["failed"] = failures([*short[measured.name].replies, *long[measured.name].replies])
        rows.append(row)
    return rows


_PARTS = ("gateway", "valkey", "postgres")


async def _interleaved(
    targets: Sequence[Measured],
    rounds: int,
    concurrency: int,
    requests_each: int,
    *,
    tokens: int,
    is_stream: bool = True,
) -> dict[str, Round]:
    """Every target in every round, the order turning; one round before, unmeasured, warms all of them."""
    done = {measured.name: Round() for measured in targets}
    for measured in targets:
        await _closed_loop(measured, concurrency, max(concurrency, 8), min(tokens, 4), is_stream)
    for turn in range(rounds):
        first = turn % len(targets)
        for measured in [*targets[first:], *targets[:first]]:
            clock, result = ProcessClock(measured.pids), done[measured.name]
            before, started = clock.read(), time.perf_counter()
            replies = await _closed_loop(measured, concurrency, requests_each, tokens, is_stream)
            seconds = time.perf_counter() - started
            await asyncio.sleep(0.3)  # what is written behind belongs to the round: end rows, counters
            for part, value in spent(before, clock.read()).items():
                result.cpu_s[part] += value
            result.replies += replies
            result.seconds.append(seconds)
            result.token_rates.append(sum(reply.tokens for reply in replies) / seconds)
    return done


async def _closed_loop(
    measured: Measured, concurrency: int, count: int, tokens: int, is_stream: bool
) -> list[Reply]:
    """So many clients, each asking again as soon as it is answered, until `count` have been asked."""
    left, keys, replies = iter(range(count)), itertools.cycle(measured.target.keys), list[Reply]()

    async def client(key: str) -> None:
        for _ in left:
            replies.append(await measured.target.ask(key, tokens, is_stream=is_stream))

    await asyncio.gather(*(client(next(keys)) for _ in range(concurrency)))
    return replies


def failures(replies: Sequence[Reply]) -> str:
    """`0`, or how many by kind: `3 http_500, 1 timeout`."""
    kinds = Counter(reply.error for reply in replies if reply.error)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "0"


def _pair(values: Sequence[float]) -> str:
    return f"{quantile(values, 0.5):.1f} / {quantile(values, 0.99):.1f}"


def _cpu_each(result: Round, part: str) -> float:
    return result.cpu_s[part] / max(1, len(result.replies))


def _each_ms(result: Round, part: str) -> str:
    return f"{_cpu_each(result, part) * 1000:.2f}" if part in result.cpu_s else "–"


def _share(result: Round, part: str) -> str:
    return f"{result.cpu_s[part] / sum(result.seconds):.0%}" if part in result.cpu_s else "–"
