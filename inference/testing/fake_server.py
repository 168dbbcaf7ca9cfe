"""What all stand-ins have in common: a real HTTP server on a port of its own that remembers what happened to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web


class DroppedOnPurpose(ConnectionResetError):
    """The stand-in cut the connection itself, as it was told to."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it arrived; header names in lower case, payload {} where the body is no JSON object.

    body: its very bytes.
    """

    path: str
    headers: dict[str, str]
    payload: dict[str, Any]
    body: bytes = b""
    method: str = "POST"


class FakeServer:
    """`async with` starts it on a free port of 127.0.0.1 and stops it.

    requests: everything POSTed. running, waiting: now; peak_running: the most at once. finished: answered to the
    end. aborted: given up because the client went away. slots: requests that run at once. tls: what it proves itself
    with, set before it starts; None: it speaks plain http.
    """

    tls: ssl.SSLContext | None = None

    def __init__(self, *, slots: int = 64) -> None:
        self.requests: list[RecordedRequest] = []
        self.running = self.waiting = self.peak_running = self.finished = self.aborted = 0
        self.host, self.port = "127.0.0.1", 0
        self.slots = slots
        self._slots = asyncio.Semaphore(slots)
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def root_url(self) -> str:
        """Address without a path."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def routes(self) -> list[web.RouteDef]:
        """What it answers to."""
        raise NotImplementedError

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 chooses one, and after stop() the same again."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(self.routes())
        # handler_cancellation: without it a handler never learns that its client has gone
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port or self.port, reuse_address=True, ssl_context=self.tls)
        await site.start()
        self.host, self.port = host, self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def until(self, condition: Callable[[Self], bool], timeout_s: float = 60.0) -> None:
        """Wait until the condition holds; looked at whenever something happens. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    def add_slots(self, count: int) -> None:
        """Run so many more at once, as after a restart with other options; whoever waits begins now."""
        self.slots += count
        for _ in range(count):
            self._slots.release()

    async def record(self, request: web.Request) -> dict[str, Any]:
        """Remember a request and return its payload."""
        body = await request.read()
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            parsed = None
        payload: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(RecordedRequest(request.path, headers, payload, body, request.method))
        self._changed.set()
        return payload

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots, first come first served, and count what becomes of the request."""
        try:
            await self._take_slot()
            try:
                yield
            finally:
                self.running -= 1
                self._slots.release()
            self.finished += 1
        except DroppedOnPurpose:
            raise
        except (asyncio.CancelledError, ConnectionError):
            self.aborted += 1
            raise
        finally:
            self._changed.set()

    async def _take_slot(self) -> None:
        self.waiting += 1
        self._changed.set()
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        self.peak_running = max(self.peak_running, self.running)
        self._changed.set()
