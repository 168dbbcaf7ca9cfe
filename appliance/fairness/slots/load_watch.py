"""How busy the engines are and how many requests each gets: one process asks them, everybody reads the answer.

Whoever holds a lease of five seconds in Valkey asks, every second, and adapts the slots; when it dies another goes on
from where it stood. Without Valkey every process asks for itself. Knows nothing of users or the queue, but tells it
what each engine can bear.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import orjson
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable
from appliance.fairness.admission import Capacity
from appliance.fairness.background import end, for_ever
from appliance.fairness.slots.slot_control import SlotControl, first_slots, next_slots
from inference.errors import InferenceError
from inference.ports import ChatEngine
from inference.types import EngineLoad

logger = logging.getLogger(__name__)

Command = Callable[..., Awaitable[Any]]
"""One command of Valkey, word by word, and its answer."""

_EVERY_S = 1.0
_PATIENCE = 0.5  # of a look; who has not answered by then is read at the next
_LONGEST_ANSWER_S = 4.0
_LEASE_MS, _KEEP_MS = 5000, 60_000
_WATCHER, _LOADS = "{gate}:watcher", "{gate}:loads"
# -> [whether this process asks, what was found last]
_HOLD_OR_TAKE = """
local holder = redis.call('GET', KEYS[1])
local loads = redis.call('GET', KEYS[2]) or ''
-- a lease that is longer than any we give was given before the clock was set back
if holder and holder ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[2]) then return {0, loads} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, loads}
"""


class Learns(Protocol):
    """The queue, as far as it has to know what the engines can bear."""

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """Take these for what each engine can bear from now on. Raises PartUnavailable."""
        ...

    async def keep(self, engines: Collection[str]) -> None:
        """These engines there are. Raises PartUnavailable."""
        ...


class LoadWatch:
    """open() and close() it, or look() by hand.

    valkey: sends a command. engines: those that are up now, asked again at every look. held: requests of this process
    by the engine they run on. closed: engines that take nobody just now. there: every engine of the roster, up or not;
    None: not known. on_look: called at every look. clock: seconds that only go forward.
    """

    def __init__(
        self,
        valkey: Command,
        queue: Learns,
        engines: Callable[[], Sequence[ChatEngine]],
        worker: str,
        *,
        default_slots: int,
        held: Callable[[], Mapping[str, int]] = dict,
        closed: Callable[[], Sequence[Capacity]] = tuple,
        there: Callable[[], Collection[str] | None] = lambda: None,
        on_look: Callable[[], None] = lambda: None,
        every_s: float = _EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._valkey = valkey
        self._queue = queue
        self._engines = engines
        self._worker = worker
        self._default_slots = default_slots
        self._held = held
        self._closed = closed
        self._there = there
        self._told_there: Collection[str] | None = None
        self._on_look = on_look
        self._every_s = every_s
        self._clock = clock
        self._loads: dict[str, EngineLoad] = {}
        self._controls: dict[str, SlotControl] = {}
        self._asking: dict[str, asyncio.Task[EngineLoad]] = {}
        self._is_watcher = False
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(for_ever(self._watch))

    async def close(self) -> None:
        """Stop watching."""
        await end([self._task])
        for asking in self._asking.values():
            asking.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    @property
    def is_watcher(self) -> bool:
        """Whether this process asks for all; False where each asks for itself, because Valkey is away."""
        return self._is_watcher

    @property
    def seen(self) -> Mapping[str, EngineLoad]:
        """All engines, as last seen."""
        return dict(self._loads)

    def load(self, engine: str) -> EngineLoad | None:
        """As last seen; None for an engine that was never seen."""
        return self._loads.get(engine)

    def slots(self, engine: str) -> int | None:
        """How many requests it gets; None for an engine that was never seen."""
        control = self._controls.get(engine)
        return control.slots if control is not None else None

    def capacity(self, engine: str) -> Capacity | None:
        """What it can bear; None for an engine that was never seen."""
        slots, load = self.slots(engine), self._loads.get(engine)
        if slots is None:
            return None
        return Capacity(engine, slots, load.kv_tokens if load is not None else None)

    async def look(self) -> None:
        """Ask the engines if that is this process's task, else read what the one who asks has found."""
        try:
            is_watcher, packed = await self._hold_or_take()
        except (RedisError, OSError, PartUnavailable):
            logger.debug("the engines' load is not shared just now: this process asks for itself")
            self._is_watcher = False
            await self._ask()
            return
        if packed and not (is_watcher and self._is_watcher):
            self._unpack(packed)
        self._is_watcher = is_watcher
        if not is_watcher:
            return
        await self._ask()
        try:
            await self._queue.learn(self._capacities())
            await self._forget_gone()
            await self._share()
        except (RedisError, OSError, PartUnavailable):
            logger.debug("the engines' load is not shared just now")

    async def _watch(self) -> None:
        while True:
            due_s = self._clock() + self._every_s
            await self.look()
            self._on_look()
            await asyncio.sleep(max(0.0, due_s - self._clock()))

    # asking -------------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        """Each engine by itself: one that hangs delays no other's numbers."""
        engines = self._engines()
        for engine in engines:
            if engine.name not in self._asking:
                self._asking[engine.name] = asyncio.create_task(_load_of(engine))
        wanted = {engine.name: self._asking[engine.name] for engine in engines}
        if wanted:
            await asyncio.wait(wanted.values(), timeout=self._every_s * _PATIENCE)
        held, now_s = self._held(), self._clock()
        for name, asking in wanted.items():
            self._take(name, _answer_of(name, asking), held.get(name, 0), now_s)
        self._asking = {name: asking for name, asking in self._asking.items() if not asking.done()}

    def _take(self, name: str, load: EngineLoad | None, held: int, now_s: float) -> None:
        if load is not None:
            self._loads[name] = load
        before = self._controls.get(name)
        if before is None:
            if load is not None:
                self._controls[name] = first_slots(load, now_s, self._default_slots)
            return
        after = next_slots(before, load, now_s, default_slots=self._default_slots, held=held)
        self._controls[name] = after
        if after.slots != before.slots:
            logger.info("engine %s gets %d requests at once, %d before", name, after.slots, before.slots)

    def _capacities(self) -> list[Capacity]:
        closed = {capacity.engine: capacity for capacity in self._closed()}
        seen = [self.capacity(name) for name in self._controls if name not in closed]
        return [*closed.values(), *(capacity for capacity in seen if capacity is not None)]

    async def _forget_gone(self) -> None:
        """Engines that are not on the roster any more leave the queue as soon as nobody needs them there."""
        there = self._there()
        if there is None:
            return
        gone = [name for name in self._controls if name not in there]
        for name in gone:
            del self._controls[name]
            self._loads.pop(name, None)
        if gone or self._told_there is None or set(there) != set(self._told_there):
            await self._queue.keep(there)
            self._told_there = there

    # sharing ------------------------------------------------------------------------------------------

    async def _hold_or_take(self) -> tuple[bool, bytes]:
        is_watcher, packed = await self._valkey(
            "EVAL", _HOLD_OR_TAKE, 2, _WATCHER, _LOADS, self._worker, _LEASE_MS
        )
        return bool(is_watcher), packed

    async def _share(self) -> None:
        now_s = self._clock()
        rows = {
            name: [asdict(self._loads[name]), control.packed(now_s)]
            for name, control in self._controls.items()
            if name in self._loads
        }
        await self._valkey("SET", _LOADS, orjson.dumps(rows), "PX", _KEEP_MS)

    def _unpack(self, packed: bytes) -> None:
        now_s = self._clock()
        try:
            for name, (load, control) in orjson.loads(packed).items():
                self._loads[name] = EngineLoad(**load)
                self._controls[name] = SlotControl.unpacked(control, now_s)
        except (orjson.JSONDecodeError, TypeError, ValueError, KeyError, AttributeError) as error:
            # written by another version of ours, during an upgrade: the next look of the watcher replaces it
            logger.info("what another process found of the engines cannot be read: %s", error)


async def _load_of(engine: ChatEngine) -> EngineLoad:
    async with asyncio.timeout(_LONGEST_ANSWER_S):
        return await engine.load()


def _answer_of(name: str, asking: asyncio.Task[EngineLoad]) -> EngineLoad | None:
    """None where it has not answered yet, or cannot."""
    if not asking.done() or asking.cancelled():
        return None
    error = asking.exception()
    if error is None:
        return asking.result()
    if not isinstance(error, InferenceError | TimeoutError):
        logger.error("engine %s cannot be asked for its load", name, exc_info=error)
    return None
