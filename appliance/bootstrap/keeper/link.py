"""A gateway's end of the line to the keeper: hears how the models stand, says who waits, asks for what is wanted.

While the keeper is away the gateway goes on with what it knew: its engines die with it and are started again by it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from appliance.bootstrap.keeper.wire import LONGEST_LINE, read_line, write_line
from appliance.errors import PartUnavailable
from inference.errors import InferenceError
from inference.keeping.states import KeptModel, unpacked

logger = logging.getLogger(__name__)

_REPORT_S = 1.0
_DRAINING_REPORT_S = 0.1
_AGAIN_S = 0.5
_SETTLE_S = 0.02  # requests that came together are reported together
_AWAY = (
    "The process that keeps the models does not answer. It is started again by itself; try again in a moment."
)


class Follower(Protocol):
    """What is done in this process with what the keeper says."""

    async def follow(self, models: Mapping[str, KeptModel]) -> None:
        """Act upon it; when this returns, no new request goes to a model that is not ready."""
        ...

    def running(self) -> Mapping[str, int]:
        """Answers under way here, by model."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """Requests in line here, by model."""
        ...


class KeeperLink:
    """run() it as a task. worker: this process's name, for the keeper's log."""

    def __init__(self, socket: Path, worker: str) -> None:
        self._socket = socket
        self._worker = worker
        self._follower: Follower | None = None
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[KeptModel]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._seen = 0
        self._report_now = asyncio.Event()
        self._changed = asyncio.Event()
        self.models: Mapping[str, KeptModel] = {}
        self.loads_on_use = True

    def attach(self, follower: Follower) -> None:
        """Who acts upon it."""
        self._follower = follower

    @property
    def is_connected(self) -> bool:
        """Whether the keeper is there."""
        return self._writer is not None

    def report(self) -> None:
        """Tell the keeper soon who waits here and what runs."""
        self._report_now.set()

    async def changed(self, timeout_s: float) -> None:
        """Returns at the next change of anything, or after this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()

    async def first_heard(self, timeout_s: float) -> None:
        """Returns once the keeper has told of a model, or after this time: a fresh gateway refuses no known name."""
        until_s = asyncio.get_running_loop().time() + timeout_s
        while not self.models and (left_s := until_s - asyncio.get_running_loop().time()) > 0:
            await self.changed(left_s)

    async def start(self, model: str, context_tokens: int | None, people: int | None) -> KeptModel:
        """Raises what the planner refuses, and PartUnavailable."""
        return await self._ask("start", model, context_tokens=context_tokens, people=people)

    async def stop(self, model: str, *, now: bool = False) -> KeptModel:
        """Raises ModelNotStarted, PartUnavailable."""
        return await self._ask("stop", model, now=now)

    async def restart(self, model: str) -> KeptModel:
        """Raises ModelNotStarted, PartUnavailable."""
        return await self._ask("restart", model)

    async def run(self) -> None:
        """For ever; a keeper that is away is looked for again."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=LONGEST_LINE)
            except OSError:
                await asyncio.sleep(_AGAIN_S)
                continue
            self._writer = writer
            reporting = asyncio.create_task(self._report_for_ever(writer))
            try:
                await self._hear(reader)
            finally:
                self._writer, self._seen = None, 0
                reporting.cancel()
                writer.close()
                for answer in self._answers.values():
                    if not answer.done():
                        answer.set_exception(PartUnavailable(_AWAY))
            await asyncio.sleep(_AGAIN_S)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while (message := await read_line(reader)) is not None:
            if "models" in message:
                await self._take(message)
            elif "answer" in message:
                self._take_answer(message)

    async def _take(self, message: Mapping[str, Any]) -> None:
        try:
            models = {model.name: model for model in map(unpacked, message["models"])}
        except (TypeError, KeyError, ValueError) as error:  # of another version, during an upgrade
            logger.warning("what the keeper says cannot be read: %s", error)
            return
        self.models, self.loads_on_use = models, bool(message.get("loads_on_use", True))
        if self._follower is not None:
            await self._follower.follow(models)
        self._seen = int(message["version"])
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self.report()

    def _take_answer(self, message: Mapping[str, Any]) -> None:
        answer = self._answers.get(message["answer"])
        if answer is None or answer.done():
            return
        refused = message.get("refused")
        if refused is None:
            answer.set_result(unpacked(message["model"]))
        else:
            answer.set_exception(_as_error(str(refused["code"]), str(refused["detail"])))

    async def _report_for_ever(self, writer: asyncio.StreamWriter) -> None:
        told: dict[str, Any] = {}
        while True:
            follower = self._follower
            if follower is not None:
                now = {
                    "worker": self._worker,
                    "seen": self._seen,
                    "running": dict(follower.running()),
                    "waiting": dict(follower.waiting()),
                }
                if now != told or now["running"]:
                    write_line(writer, {"report": now})
                    told = now
            is_draining = any(model.phase == "draining" for model in self.models.values())
            self._report_now.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAINING_REPORT_S if is_draining else _REPORT_S):
                    await self._report_now.wait()
                    await asyncio.sleep(_SETTLE_S)

    async def _ask(self, do: str, model: str, **fields: object) -> KeptModel:
        writer, number = self._writer, next(self._numbers)
        if writer is None:
            raise PartUnavailable(_AWAY)
        answer: asyncio.Future[KeptModel] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            write_line(writer, {"ask": number, "do": do, "model": model, **fields})
            return await answer
        finally:
            del self._answers[number]


def _as_error(code: str, detail: str) -> Exception:
    """The refusal as it was raised at the other end: its sentence is complete."""
    for kind in _subclasses(InferenceError):
        if kind.code == code:
            error = kind.__new__(kind)
            Exception.__init__(error, detail)
            return error
    return PartUnavailable(detail)


def _subclasses(kind: type[InferenceError]) -> list[type[InferenceError]]:
    return [kind, *(deeper for one in kind.__subclasses__() for deeper in _subclasses(one))]
