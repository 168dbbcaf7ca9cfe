"""The whole gateway with its databases before an engine that runs already, and the comparison of the two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from appliance.demo.throwaway_box import ThrowawayBox, throwaway_box
from scripts.bench.processes import ProcessClock, spent
from scripts.bench.streams import Door, Pairs, in_turns, volley

PARTS = ("gateway", "valkey", "postgres")
_CONFIGURATION = """
[server]
host = "127.0.0.1"
port = 0
run_page = false
drain_s = 0

[logging]
level = "warning"

[gate]
max_queue = 10000
max_queue_per_user = 10000
comment_after_s = 0.2
{reserved}

[engines.measured]
engine = "{kind}"
base_url = "{base_url}"
models = ["{model}"]
max_running = {slots}

[models.aliases]
"tiny" = "{model}"
"""


@dataclass(frozen=True, slots=True)
class Before:
    """The box and the two doors to one engine."""

    box: ThrowawayBox
    direct: Door
    through: Door

    @property
    def pids(self) -> Mapping[str, list[int]]:
        """By part of the appliance."""
        return {part: self.box.pids_of(part) for part in PARTS}


@asynccontextmanager
async def before_engine(
    base_url: str, model: str, slots: int, kind: str = "openai_compatible", reserved: int | None = 0
) -> AsyncIterator[Before]:
    """Yields when it answers. slots: that the gate may fill; reserved: of them for newcomers, None: the gate decides.

    The model is also called `tiny`, as the crowd of the demonstration asks for it.
    """
    configuration = _CONFIGURATION.format(
        base_url=base_url,
        model=model,
        slots=slots,
        kind=kind,
        reserved="" if reserved is None else f"reserved_slots = {reserved}",
    )
    async with throwaway_box(configuration) as box:
        direct = Door("direct", base_url, "", model)
        yield Before(box, direct, Door("appliance", f"{box.url}/v1", box.key, model))


async def compare(
    session: aiohttp.ClientSession,
    before: Before,
    streams: int,
    tokens: int,
    pairs: int,
    spread_s: float = 1.0,
) -> Pairs:
    """So many pairs, one unmeasured before them. spread_s: over which the streams of a round begin."""
    doors = (before.direct, before.through)
    for door in doors:
        await volley(session, door, streams, min(tokens, 8), -1)
    done = Pairs(streams, cpu_s=dict.fromkeys(PARTS, 0.0))
    for pair in range(pairs):
        for door in in_turns(pair, doors):
            clock = ProcessClock(before.pids)
            started = clock.read()
            result = await volley(session, door, streams, tokens, pair, spread_s)
            if door is before.direct:
                done.direct.append(result)
                continue
            await asyncio.sleep(0.3)  # what is written behind belongs to it: end rows, counters
            done.through.append(result)
            for part, used in spent(started, clock.read()).items():
                done.cpu_s[part] += used
    return done
