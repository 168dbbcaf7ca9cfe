"""The last quarter of an hour of the queue and the engines, a point every five seconds, kept in Valkey for live plots.

The process that watches the engines writes how long the lines are; every process adds the tokens of the answers that it
ended, spread over the time in which they were written. What is kept is bounded: each point goes by itself after sixteen
minutes. Without Valkey there is a gap. Knows nothing of people: no names stand in it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from appliance.errors import PartUnavailable
from appliance.fairness.accounting.ledger_rows import RequestEnd
from appliance.fairness.background import end, for_ever
from appliance.fairness.queue.survey import PoolState
from inference.types import EngineLoad

logger = logging.getLogger(__name__)

STEP_S = 5
KEPT_S = 900
_EXPIRES_S = KEPT_S + 60
_KEY = "{gate}:history:"
_QUEUE, _MADE = b"queue", b"made:"
_WHOLE = 0.9  # an answer whose first byte comes so late was not streamed
_TOKEN_PARTS = 1000  # tokens are shared out in thousandths: Valkey adds whole numbers


@dataclass(frozen=True, slots=True)
class PoolPoint:
    """fairness: Jain's index, None where fewer than two people waited."""

    waiting: int
    batch_waiting: int
    running: int
    slots: int
    fairness: float | None


@dataclass(frozen=True, slots=True)
class EnginePoint:
    """running, waiting: as the engine itself says, None where it was not seen."""

    running: int | None
    waiting: int | None
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """The STEP_S seconds from `at` (Unix time) on."""

    at: int
    pools: Mapping[str, PoolPoint]
    engines: Mapping[str, EnginePoint]


class SendsCommands(Protocol):
    """`valkey.valkey_link.ValkeyLink` fulfils it."""

    def send(self, *words: Any) -> asyncio.Future[Any]:  # noqa: ANN401 - words of Valkey
        """Raises PartUnavailable."""
        ...


class Surveys(Protocol):
    """`queue_view.QueueView` fulfils it."""

    async def survey(self) -> Sequence[PoolState]: ...


def spread(tokens: int, from_s: float, to_s: float) -> Mapping[int, int]:
    """Thousandths of tokens by the step in which they were written, evenly from one moment to the other.

    Nothing before what is kept; the parts add up to all tokens within it. to_s is not before from_s.
    """
    first, last = int(from_s // STEP_S), int(to_s // STEP_S)
    if first == last:
        return {last: tokens * _TOKEN_PARTS}
    per_s = tokens * _TOKEN_PARTS / (to_s - from_s)
    parts, given = {}, 0.0
    for step in range(first, last + 1):
        until = min((step + 1) * STEP_S, to_s)
        upto = round(per_s * (until - from_s))
        if step > last - KEPT_S // STEP_S and upto > given:
            parts[step] = int(upto - given)
        given = upto
    return parts


class QueueHistory:
    """open() and close() it, or write() by hand.

    is_watcher: whether this process writes the points. loads: of the engines, as last seen. fairness: the index by
    pool. clock: Unix time.
    """

    def __init__(
        self,
        valkey: SendsCommands,
        view: Surveys,
        *,
        is_watcher: Callable[[], bool],
        loads: Callable[[], Mapping[str, EngineLoad | None]],
        fairness: Callable[[Sequence[PoolState]], Mapping[str, float]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._valkey = valkey
        self._view = view
        self._is_watcher = is_watcher
        self._loads = loads
        self._fairness = fairness
        self._clock = clock
        self._made: Counter[tuple[int, str]] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(for_ever(self._write_for_ever))

    async def close(self) -> None:
        """Stop writing."""
        await end([self._task])

    def ended(self, how: RequestEnd) -> None:
        """An answer has just ended. Never waits, never fails."""
        tokens = how.usage.completion_tokens
        if how.engine is None or not tokens:
            return
        now = self._clock()
        for step, part in spread(tokens, now - min(_writing_s(how), KEPT_S), now).items():
            self._made[step, how.engine] += part

    async def write(self) -> None:
        """This moment's point, and the tokens since the last time. While Valkey is away nothing is kept."""
        made, self._made = self._made, Counter()
        step = int(self._clock() // STEP_S)
        try:
            sent = [
                self._valkey.send("HINCRBY", _key(at), _MADE + engine.encode(), part)
                for (at, engine), part in made.items()
            ]
            if self._is_watcher():
                point = self._point(await self._view.survey())
                sent.append(self._valkey.send("HSET", _key(step), _QUEUE, orjson.dumps(point)))
            touched = {at for at, _ in made} | {step}
            sent += [self._valkey.send("EXPIRE", _key(at), _EXPIRES_S) for at in touched]
            await asyncio.gather(*sent)
        except PartUnavailable as error:
            logger.debug("nothing is kept of the queue just now: %s", error)

    async def points(self) -> list[HistoryPoint]:
        """Oldest first, without the steps of which nothing is known. Raises PartUnavailable.

        The step that has just begun may have tokens before anybody has looked at the queue; then it is not told yet.
        """
        last = int(self._clock() // STEP_S)
        steps = range(last - KEPT_S // STEP_S + 1, last + 1)
        rows = await asyncio.gather(*[self._valkey.send("HGETALL", _key(step)) for step in steps])
        known = {step: _fields(row) for step, row in zip(steps, rows, strict=True) if row}
        if _QUEUE not in known.get(last, {_QUEUE: b""}):
            del known[last]
        found = [_unpacked(step, fields) for step, fields in known.items()]
        return [point for point in found if point is not None]

    def _point(self, pools: Sequence[PoolState]) -> dict[str, Any]:
        fairness = self._fairness(pools)
        return {
            "pools": {
                pool.name: [
                    pool.waiting,
                    pool.batch_waiting,
                    pool.running,
                    pool.slots,
                    fairness.get(pool.name),
                ]
                for pool in pools
            },
            "engines": {
                name: None if load is None else [load.running, load.waiting]
                for name, load in self._loads().items()
            },
        }

    async def _write_for_ever(self) -> None:
        while True:
            await self.write()
            await asyncio.sleep(STEP_S - self._clock() % STEP_S)


def _writing_s(how: RequestEnd) -> float:
    """From the first token on; where the answer came whole, from the moment when it had its slot."""
    total_ms = how.total_ms or 0.0
    begun_ms = how.ttft_ms or 0.0
    if begun_ms > _WHOLE * total_ms:
        begun_ms = how.wait_ms or 0.0
    return max(0.0, total_ms - begun_ms) / 1000


def _key(step: int) -> str:
    return f"{_KEY}{step}"


def _fields(row: Mapping[bytes, bytes] | Sequence[bytes]) -> Mapping[bytes, bytes]:
    """RESP3 answers with a map, RESP2 with names and values in turn."""
    if isinstance(row, Mapping):
        return row
    return dict(zip(row[::2], row[1::2], strict=True))


def _unpacked(step: int, fields: Mapping[bytes, bytes]) -> HistoryPoint | None:
    try:
        seen = orjson.loads(fields.get(_QUEUE, b'{"pools": {}, "engines": {}}'))
        pools = {name: PoolPoint(*values) for name, values in seen["pools"].items()}
        engines = {}
        for name, values in seen["engines"].items():
            running, waiting = values or (None, None)
            engines[name] = EnginePoint(running, waiting, 0.0)
        for field, part in fields.items():
            if field.startswith(_MADE):
                name = field.removeprefix(_MADE).decode()
                before = engines.get(name, EnginePoint(None, None, 0.0))
                per_s = int(part) / _TOKEN_PARTS / STEP_S
                engines[name] = EnginePoint(before.running, before.waiting, round(per_s, 3))
    except (orjson.JSONDecodeError, TypeError, ValueError, KeyError, AttributeError) as error:
        # written by another version of ours, during an upgrade
        logger.info("a point of the queue's history cannot be read: %s", error)
        return None
    return HistoryPoint(step * STEP_S, pools, engines)
