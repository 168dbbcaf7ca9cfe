"""A bad network in one object: a proxy between two programs that cuts, stalls, slows and delays what passes.

    async with CuttingProxy(Tcp("127.0.0.1", 8000)) as proxy:
        client = aiohttp.ClientSession(proxy.url)
        proxy.down.bytes_per_s = 100                    # answers crawl, on every connection
        proxy.up.stall()                                # nothing that clients send arrives any more
        proxy.connections[0].cut(reset=True)            # one connection breaks off

`up` is from the client to the server, `down` back. The proxy's own `up` and `down` hold for all connections, a
connection's for it alone, and may be changed while bytes pass; what is already in the kernel's hands is delivered.
Speaks TCP and unix sockets, knows nothing of what it carries.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_PIECE_BYTES = 16 * 1024
_STEPS_PER_S = 20
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST and throws away what was not sent


@dataclass(frozen=True, slots=True)
class Tcp:
    """Where to."""

    host: str
    port: int


class Link:
    """One direction. bytes_per_s None: as fast as it goes. delay_s: how long every piece is held."""

    def __init__(self) -> None:
        self.bytes_per_s: float | None = None
        self.delay_s = 0.0
        self._is_open = asyncio.Event()
        self._is_open.set()

    def stall(self) -> None:
        """Let nothing pass any more, and read no more than a piece; nobody is told."""
        self._is_open.clear()

    def go_on(self) -> None:
        """Let it pass again, nothing lost."""
        self._is_open.set()

    async def until_open(self) -> None:
        await self._is_open.wait()


@dataclass(eq=False)
class Connection:
    """One client's connection and the one to the server that belongs to it.

    passed_up, passed_down: bytes that went through so far. cut_down_after: cut both with a reset once so many bytes
    have come down, to the byte. recorded: what came down, where the proxy records.
    """

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    up: Link = field(default_factory=Link)
    down: Link = field(default_factory=Link)
    passed_up: int = 0
    passed_down: int = 0
    cut_down_after: int | None = None
    recorded: bytearray = field(default_factory=bytearray)
    is_over: bool = False

    def cut(self, *, reset: bool, client: bool = True, server: bool = True) -> None:
        """End it towards these sides. reset: RST, else FIN after what was sent."""
        for writer, wanted in ((self.client, client), (self.server, server)):
            if wanted and not writer.transport.is_closing():
                _end(writer, reset=reset)


class CuttingProxy:
    """`async with` listens on a free port of 127.0.0.1, or on the unix socket `listen_on`, until its end.

    is_refusing: new connections are reset at once. is_recording: keep what comes down.
    """

    def __init__(
        self, target: Tcp | Path, *, listen_on: Path | None = None, is_recording: bool = False
    ) -> None:
        self.target = target
        self.up, self.down = Link(), Link()
        self.connections: list[Connection] = []
        self.is_refusing = False
        self.is_recording = is_recording
        self.cut_down_after: int | None = None
        """For connections to come: cut each to the byte, as Connection.cut_down_after."""
        self.port = 0
        self._listen_on = listen_on
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its address for clients that speak HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> list[Connection]:
        return [connection for connection in self.connections if not connection.is_over]

    def cut(self, *, reset: bool = True) -> None:
        """Every connection there is, on both sides."""
        for connection in self.open_connections:
            connection.cut(reset=reset)

    async def __aenter__(self) -> Self:
        if self._listen_on is not None:
            self._server = await asyncio.start_unix_server(self._accept, self._listen_on, limit=_PIECE_BYTES)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_PIECE_BYTES)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.is_refusing:
            _end(writer, reset=True)
            return
        try:
            from_server, to_server = await self._connect()
        except OSError:
            _end(writer, reset=True)
            return
        connection = Connection(writer, to_server, cut_down_after=self.cut_down_after)
        self.connections.append(connection)
        with suppress(asyncio.CancelledError):  # asyncio reports a cancelled accept as an error
            await self._carry(connection, reader, from_server)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(self.target, limit=_PIECE_BYTES)
        return await asyncio.open_connection(self.target.host, self.target.port, limit=_PIECE_BYTES)

    async def _carry(
        self, connection: Connection, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader
    ) -> None:
        def passed_up(data: bytes) -> bytes:
            connection.passed_up += len(data)
            return data

        def passed_down(data: bytes) -> bytes:
            if connection.cut_down_after is not None:
                data = data[: connection.cut_down_after - connection.passed_down]
            connection.passed_down += len(data)
            if self.is_recording:
                connection.recorded += data
            return data

        async def down() -> None:
            await _pump(from_server, connection.client, (self.down, connection.down), passed_down)

        async def up() -> None:
            await _pump(from_client, connection.server, (self.up, connection.up), passed_up)

        pumps = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.gather(*pumps)
        except (OSError, _CutHere):
            connection.cut(reset=True)  # one side was reset: so is the other
        finally:
            for pump in pumps:
                pump.cancel()
            connection.is_over = True
            connection.cut(reset=False)


class _CutHere(Exception):
    pass


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    links: tuple[Link, Link],
    note: Callable[[bytes], bytes],
) -> None:
    """Carry until the end of what comes, then end the other side too (FIN)."""
    while data := await reader.read(_PIECE_BYTES):
        delay_s = sum(link.delay_s for link in links)
        if delay_s:
            await asyncio.sleep(delay_s)
        while data:
            for link in links:
                await link.until_open()
            rates = [link.bytes_per_s for link in links if link.bytes_per_s is not None]
            size = max(1, int(min(rates) / _STEPS_PER_S)) if rates else len(data)
            piece, data = data[:size], data[size:]
            let_through = note(piece)
            writer.write(let_through)
            await writer.drain()
            if len(let_through) < len(piece):
                await _until_sent(writer)
                raise _CutHere
            if rates:
                await asyncio.sleep(len(piece) / min(rates))
    if writer.can_write_eof():
        with suppress(OSError):
            writer.write_eof()


async def _until_sent(writer: asyncio.StreamWriter) -> None:
    """What was let through before a cut has left this process, and the kernel had a moment to deliver it."""
    while writer.transport.get_write_buffer_size():  # noqa: ASYNC110 - asyncio tells only of its low-water mark
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if not reset:
        writer.close()
        return
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
