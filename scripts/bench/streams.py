"""Streams of a real engine, directly and through a gateway, by turns: tokens a second and time to the first token.

Tokens are counted by the engine's own usage; every request asks for the same number of them and hides the end token.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

_TEXT = re.compile(rb'"content": ?"[^"]')
_COUNT = re.compile(rb'"completion_tokens": ?(\d+)')
_PROMPT = " Tell me something about it."


@dataclass(frozen=True, slots=True)
class Door:
    """An OpenAI-compatible address. base_url: ends in /v1."""

    name: str
    base_url: str
    key: str
    model: str


@dataclass(slots=True)
class Stream:
    """One answer. Times in seconds of time.perf_counter; error: empty when all went well."""

    asked_s: float
    first_s: float | None = None
    ended_s: float = 0.0
    tokens: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Volley:
    """Streams that began together."""

    streams: tuple[Stream, ...]

    @property
    def tokens(self) -> int:
        return sum(stream.tokens for stream in self.streams)

    @property
    def seconds(self) -> float:
        """From the first question to the last token."""
        return max(one.ended_s for one in self.streams) - min(one.asked_s for one in self.streams)

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.seconds

    @property
    def ttfts_ms(self) -> list[float]:
        return [(one.first_s - one.asked_s) * 1000 for one in self.streams if one.first_s is not None]

    @property
    def failed(self) -> int:
        return sum(bool(one.error) for one in self.streams)


@dataclass(slots=True)
class Pairs:
    """The engine itself and the gateway before it, in turns. cpu_s: of the gateway's parts, all rounds together."""

    streams: int
    direct: list[Volley] = field(default_factory=list)
    through: list[Volley] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """Tokens a second through the gateway by those of the engine, of each pair."""
        return [
            mine.tokens_per_s / theirs.tokens_per_s
            for theirs, mine in zip(self.direct, self.through, strict=True)
        ]

    def added_ttft_ms(self) -> float:
        """Difference of the medians."""
        through = [value for volley in self.through for value in volley.ttfts_ms]
        direct = [value for volley in self.direct for value in volley.ttfts_ms]
        return statistics.median(through) - statistics.median(direct)

    def figures(self) -> dict[str, Any]:
        """Everything as numbers, for a file."""
        direct, through = ([one.tokens_per_s for one in side] for side in (self.direct, self.through))
        tokens = sum(volley.tokens for volley in self.through)
        return {
            "streams": self.streams,
            "pairs": len(self.direct),
            "direct_tokens_per_s": statistics.median(direct),
            "through_tokens_per_s": statistics.median(through),
            "ratio": statistics.median(self.ratios),
            "ratio_low": min(self.ratios),
            "ratio_high": max(self.ratios),
            "per_stream_tokens_per_s": statistics.median(direct) / self.streams,
            "direct_ttft_ms": statistics.median(v for one in self.direct for v in one.ttfts_ms),
            "through_ttft_ms": statistics.median(v for one in self.through for v in one.ttfts_ms),
            "added_ttft_ms": self.added_ttft_ms(),
            "cpu_us_per_token": {part: 1e6 * used / tokens for part, used in self.cpu_s.items()},
            "failed": sum(volley.failed for volley in (*self.direct, *self.through)),
        }


async def volley(
    session: aiohttp.ClientSession, door: Door, streams: int, tokens: int, seed: int, spread_s: float = 0.0
) -> Volley:
    """So many, begun one after the other over spread_s; 0: all at the same instant, as people never do.

    seed: makes the prompts new, so that no cache of prompts helps one side only.
    """

    async def ask(number: int) -> Stream:
        await asyncio.sleep(spread_s * number / streams)
        return await _ask(session, door, tokens, f"{seed} {door.name} {number}:")

    return Volley(tuple(await asyncio.gather(*map(ask, range(streams)))))


async def _ask(session: aiohttp.ClientSession, door: Door, tokens: int, mark: str) -> Stream:
    body = {
        "model": door.model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": tokens,
        "ignore_eos": True,
        "temperature": 0,
        "messages": [{"role": "user", "content": mark + _PROMPT}],
    }
    headers = {"authorization": f"Bearer {door.key}"} if door.key else {}
    stream = Stream(time.perf_counter())
    tail = b""
    try:
        async with session.post(f"{door.base_url}/chat/completions", json=body, headers=headers) as response:
            async for data in response.content.iter_any():
                if stream.first_s is None and _TEXT.search(tail + data):
                    stream.first_s = time.perf_counter()
                tail = (tail + data)[-1024:]
        if response.status != 200 or b"[DONE]" not in tail:
            stream.error = f"http_{response.status}" if response.status != 200 else "truncated"
    except (aiohttp.ClientError, TimeoutError) as error:
        stream.error = type(error).__name__
    stream.ended_s = time.perf_counter()
    if found := _COUNT.findall(tail):
        stream.tokens = int(found[-1])
    return stream


def row(pairs: Pairs) -> dict[str, object]:
    """A line of the table."""
    told = pairs.figures()
    cpu = sum(told["cpu_us_per_token"].values())
    return {
        "streams": pairs.streams,
        "pairs": told["pairs"],
        "tokens/s direct": f"{told['direct_tokens_per_s']:,.0f}",
        "tokens/s through": f"{told['through_tokens_per_s']:,.0f}",
        "÷ direct, median (least–most)": (
            f"**{told['ratio']:.3f}** ({told['ratio_low']:.3f}–{told['ratio_high']:.3f})"
        ),
        "tokens/s a stream": f"{told['per_stream_tokens_per_s']:.0f}",
        "TTFT direct, ms": f"{told['direct_ttft_ms']:.1f}",
        "TTFT through, ms": f"{told['through_ttft_ms']:.1f}",
        "added, ms": f"**{told['added_ttft_ms']:+.1f}**",
        "appliance CPU, µs a token": f"{cpu:.0f}" if told["cpu_us_per_token"] else "–",
        "failed": told["failed"],
    }


def in_turns(pair: int, doors: Sequence[Door]) -> Sequence[Door]:
    """The order of a pair: by turns each goes first, so that a machine that drifts favours neither."""
    return doors if pair % 2 == 0 else tuple(reversed(doors))
