"""The keeper's end of the line: tells every gateway how the models stand, hears who waits, does what is asked."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance.bootstrap.keeper.demand import read_report
from appliance.bootstrap.keeper.keeper import Keeper
from appliance.bootstrap.keeper.wanted_file import WantedModel
from appliance.bootstrap.keeper.wire import LONGEST_LINE, read_line, write_line
from inference.errors import InferenceError
from inference.keeping.states import KeptModel

logger = logging.getLogger(__name__)


class KeeperServer:
    """Give `changed` to the keeper as its on_change, the keeper to `attach`, then `listen`."""

    def __init__(self) -> None:
        self._keeper: Keeper | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._asked: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def attach(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def listen(self, path: Path) -> None:
        """Only our own user may connect: the socket lies in a folder of mode 0700."""
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - one system call, at the start
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._converse, str(path), limit=LONGEST_LINE)
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Everybody is told by the end of the line."""
        if self._server is not None:
            self._server.close()
        for task in self._asked:
            task.cancel()
        for writer in list(self._writers):
            writer.close()

    def changed(self) -> None:
        """Tell everybody."""
        if self._keeper is not None:
            state = dict(self._keeper.state())
            for writer in self._writers:
                write_line(writer, state)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._keeper is not None
        keeper = self._keeper
        self._writers.add(writer)
        try:
            write_line(writer, dict(keeper.state()))
            while (message := await read_line(reader)) is not None:
                if "report" in message:
                    with suppress(ValueError, TypeError, AttributeError):
                        keeper.demand.take(writer, read_report(message["report"]))
                        keeper.heard()
                elif "ask" in message:
                    task = asyncio.create_task(self._answer(writer, message))
                    self._asked.add(task)
                    task.add_done_callback(self._asked.discard)
        finally:
            self._writers.discard(writer)
            keeper.demand.forget(writer)
            keeper.heard()
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        number = message["ask"]
        try:
            told = (await self._do(message)).packed()
        except InferenceError as error:
            detail = str(error)
            write_line(writer, {"answer": number, "refused": {"code": error.code, "detail": detail}})
        except Exception as error:
            logger.exception("%s could not be done", message.get("do"))
            write_line(writer, {"answer": number, "refused": {"code": "", "detail": str(error)}})
        else:
            write_line(writer, {"answer": number, "model": told})

    async def _do(self, message: dict[str, Any]) -> KeptModel:
        assert self._keeper is not None
        name = str(message.get("model", ""))
        match message.get("do"):
            case "start":
                wanted = WantedModel(name, message.get("context_tokens"), message.get("people"))
                return await self._keeper.start(wanted)
            case "stop":
                return await self._keeper.stop(name, now=bool(message.get("now")))
            case "restart":
                return await self._keeper.restart(name)
        raise ValueError(f"{message.get('do')!r} is nothing that can be asked")
