"""How busy the engines are: one process asks them, everybody reads the answer.

Whoever holds a lease of five seconds in Valkey asks; when it dies another takes over. Without Valkey every process
goes by what it last knew. Knows nothing of users or the queue, but tells it how many slots each engine has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.fairness.fifo_queue import PREFIX, FifoQueue
from inference.errors import InferenceError
from inference.ports import ChatEngine
from inference.types import EngineLoad

logger = logging.getLogger(__name__)

_LEASE_MS = 5000
_EVERY_S = 2.0
_KEEP_S = 60
_HOLD_OR_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] or not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
"""


class LoadWatch:
    """engines: those that are up now, asked again at every look."""

    def __init__(
        self,
        valkey: Redis,
        queue: FifoQueue,
        engines: Callable[[], Sequence[ChatEngine]],
        worker: str,
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        self._valkey = valkey
        self._queue = queue
        self._engines = engines
        self._worker = worker
        self._every_s = every_s
        self._loads: dict[str, EngineLoad] = {}
        self._hold = valkey.register_script(_HOLD_OR_TAKE)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(for_ever(self._watch))

    async def close(self) -> None:
        """Stop watching."""
        await end([self._task])

    def load(self, engine: str) -> EngineLoad | None:
        """As last seen; None for an engine that was never seen."""
        return self._loads.get(engine)

    def slots(self, engine: str) -> int | None:
        """How many requests it may run, where it told."""
        load = self._loads.get(engine)
        return load.slots if load is not None else None

    async def look(self) -> None:
        """Ask the engines if that is this process's task, else read what the one who asks has found."""
        try:
            if await self._hold(keys=[f"{PREFIX}watcher"], args=[self._worker, _LEASE_MS]):
                await self._ask()
            else:
                await self._read()
        except (RedisError, OSError, PartUnavailable):
            logger.debug("the engines' load is not shared just now")

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def _ask(self) -> None:
        engines = self._engines()
        answers = await asyncio.gather(*(engine.load() for engine in engines), return_exceptions=True)
        found: dict[str, EngineLoad] = {}
        for engine, answer in zip(engines, answers, strict=True):
            if isinstance(answer, EngineLoad):
                found[engine.name] = answer
            elif not isinstance(answer, InferenceError):
                logger.error("engine %s cannot be asked for its load", engine.name, exc_info=answer)
        self._loads.update(found)
        await self._queue.learn({name: load.slots for name, load in found.items() if load.slots})
        packed = orjson.dumps({name: asdict(load) for name, load in self._loads.items()})
        await self._valkey.set(f"{PREFIX}loads", packed, ex=_KEEP_S)

    async def _read(self) -> None:
        packed = await self._valkey.get(f"{PREFIX}loads")
        if packed is not None:
            self._loads = {name: EngineLoad(**load) for name, load in orjson.loads(packed).items()}
