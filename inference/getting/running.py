"""Gets what lies on the desk, two at a time, until it is cancelled; what was broken off with it is taken up again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from inference.errors import InferenceError
from inference.getting.desk import Order, PullDesk
from inference.getting.progress import Progress
from inference.getting.pulling import Tell

logger = logging.getLogger(__name__)

_LOOK_S = 0.5
_TELL_EVERY_S = 0.5
_AT_ONCE = 2

Get = Callable[[Order, Tell], Awaitable[None]]


class PullRunner:
    """get: gets what an order says. done: called when it is there."""

    def __init__(
        self,
        desk: PullDesk,
        get: Get,
        done: Callable[[Order], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._desk, self._get, self._done, self._sleep = desk, get, done, sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; what is half there stays, for the next start."""
        try:
            while True:
                try:
                    await self._look()
                except OSError:
                    logger.warning(
                        "the models that are asked for cannot be looked for; trying again", exc_info=True
                    )
                await self._sleep(_LOOK_S)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _look(self) -> None:
        self._tasks = {name: task for name, task in self._tasks.items() if not task.done()}
        for pull in await asyncio.to_thread(self._desk.pulls):
            name = pull.order.name
            if pull.state == "ending":
                await self._end(name)
            elif pull.state == "waiting" and name not in self._tasks and len(self._tasks) < _AT_ONCE:
                self._tasks[name] = asyncio.create_task(self._one(pull.order))

    async def _end(self, name: str) -> None:
        """It was cancelled: what has come of it goes away."""
        if (task := self._tasks.pop(name, None)) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        with self._desk.held(name) as is_ours:
            if is_ours:
                await asyncio.to_thread(self._desk.forget, name)

    async def _one(self, order: Order) -> None:
        with self._desk.held(order.name) as is_ours:
            if not is_ours:
                return
            logger.info("getting the model %s from %s", order.name, order.source)
            code, detail = "", ""
            try:
                await self._get(order, _Teller(self._desk, order.name).tell)
                await self._done(order)
            except InferenceError as error:
                code, detail = error.code, _detail(error)
                logger.warning("the model %s could not be got: %s", order.name, error)
            except OSError as error:
                code, detail = "internal_error", str(error)
                logger.warning("the model %s could not be got: %s", order.name, error)
            except Exception as error:
                code, detail = "internal_error", type(error).__name__
                logger.exception("the model %s could not be got", order.name)
            try:
                await asyncio.to_thread(self._desk.end, order.name, code, detail)
            except OSError:
                logger.warning(
                    "how the pull of %s ended could not be written down", order.name, exc_info=True
                )
                await self._sleep(_LOOK_S)  # it is tried again, and not in a circle


class _Teller:
    """Writes twice a second at most; a disk that is full says so elsewhere."""

    def __init__(self, desk: PullDesk, name: str) -> None:
        self._desk, self._name, self._last = desk, name, float("-inf")

    def tell(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last < _TELL_EVERY_S and progress.done_bytes < progress.total_bytes:
            return
        self._last = now
        try:
            self._desk.tell(self._name, progress)
        except OSError:
            logger.debug("how far %s is could not be written down", self._name, exc_info=True)


def _detail(error: InferenceError) -> str:
    """Without the class's own sentence, which the page has in the reader's language."""
    sentence = (type(error).__doc__ or "").strip().splitlines()[0]
    return str(error).removeprefix(sentence).strip()
