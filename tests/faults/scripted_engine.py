"""An engine whose answers are bytes: whatever a broken server might put on the wire, exactly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]

STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END_OF_CHUNKS = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """HTTP's chunked coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def frame(text: str, **more: object) -> bytes:
    """One event of a chat stream."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    body = {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "fake",
        "choices": [choice],
    }
    return b"data: " + json.dumps({**body, **more}).encode() + b"\n\n"


def whole(body: bytes, content_type: str = "application/json", status: str = "200 OK") -> bytes:
    """A complete HTTP answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class ScriptedEngine:
    """`async with` listens. script: called for every POST once its body is read; then the connection is closed.

    running: POSTs being answered now; asked: all so far.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.running = self.asked = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                models = {"object": "list", "data": [{"id": "fake", "object": "model"}]}
                writer.write(whole(json.dumps(models).encode()))
                await writer.drain()
                return
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            self.running += 1
            self.asked += 1
            left = asyncio.create_task(reader.read())
            answering = asyncio.ensure_future(self.script(writer))
            try:
                await asyncio.wait({left, answering}, return_when=asyncio.FIRST_COMPLETED)
                if answering.done():
                    answering.result()
            finally:
                left.cancel()
                answering.cancel()
                self.running -= 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
