"""Waits for the first token of an engine, and no longer than that is of use.

Nobody is given up for impatience alone: only where another engine can be asked instead, and then as soon as this one's
time is over, or its circuit opens because of what others met with there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from appliance.fairness.background import end
from appliance.fairness.breakers.port import Breakers
from inference.errors import EngineUnavailable
from inference.failover.answer_head import read_head
from inference.ports import ChatEngine
from inference.types import EngineRequest, EngineResponse


class Openings:
    """Tells those who wait for an engine that its circuit has opened. One task an engine, not one a request."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers
        self._watched: dict[tuple[str, str], set[Callable[[], None]]] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def watch(self, engine: str, model: str, tell: Callable[[], None]) -> None:
        """tell: called once when it opens, or at once where it is open."""
        key = (engine, model)
        self._watched.setdefault(key, set()).add(tell)
        task = self._tasks.get(key)
        if task is None or task.done():
            self._tasks[key] = asyncio.create_task(self._wait(key), name=f"circuit of {engine}")

    def unwatch(self, engine: str, model: str, tell: Callable[[], None]) -> None:
        """It need not be told any more."""
        self._watched.get((engine, model), set()).discard(tell)

    async def close(self) -> None:
        """Stop listening."""
        await end(self._tasks.values())

    async def _wait(self, key: tuple[str, str]) -> None:
        await self._breakers.opened(*key).wait()
        for tell in self._watched.pop(key, set()):
            tell()


class Patience:
    """Of one call to one engine.

    deadline_s: from now. may_give_up: asked when the time is over (True) and when the circuit has opened (False),
    whether there is a better way than to wait; it must not wait itself.
    """

    __slots__ = ("_deadline_s", "_engine", "_is_waiting", "_limit", "_may_give_up", "_model", "_openings")

    def __init__(
        self,
        openings: Openings,
        engine: str,
        model: str,
        deadline_s: float,
        may_give_up: Callable[[bool], bool],
    ) -> None:
        self._openings = openings
        self._engine = engine
        self._model = model
        self._deadline_s = deadline_s
        self._may_give_up = may_give_up
        self._limit = asyncio.timeout(None)
        self._is_waiting = False

    async def first_answer(
        self, engine: ChatEngine, call: EngineRequest, stack: AsyncExitStack
    ) -> tuple[EngineResponse, bytes]:
        """As the function. Raises EngineUnavailable when it was given up."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._deadline_s, self._too_late)
        self._openings.watch(self._engine, self._model, self._has_opened)
        self._is_waiting = True
        try:
            async with self._limit:
                return await first_answer(engine, call, stack)
        except TimeoutError as error:
            if not self._limit.expired():
                raise
            raise EngineUnavailable(
                f"{self._engine!r} has sent no token, and another one can answer."
            ) from error
        finally:
            self._is_waiting = False
            timer.cancel()
            self._openings.unwatch(self._engine, self._model, self._has_opened)

    def _too_late(self) -> None:
        self._decide(True)

    def _has_opened(self) -> None:
        self._decide(False)

    def _decide(self, is_late: bool) -> None:
        if self._may_give_up(is_late):
            self.give_up()

    def give_up(self) -> None:
        """There is a better way now. Nothing happens where it has ended already."""
        if self._is_waiting and self._limit.when() is None:
            self._limit.reschedule(asyncio.get_running_loop().time())


async def first_answer(
    engine: ChatEngine, call: EngineRequest, stack: AsyncExitStack
) -> tuple[EngineResponse, bytes]:
    """The answer and its head; the call ends with the stack. Raises what relay() and read_head() raise."""
    async with AsyncExitStack() as own:
        response = await own.enter_async_context(engine.relay(call))
        head = await read_head(response.content_type, response.frames)
        stack.push_async_exit(own.pop_all())
    return response, head
