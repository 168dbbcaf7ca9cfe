"""A client without a library: sends what it is told, reads when it is told, leaves how it is told."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


def post(path: str, payload: object, key: str = "ana", **headers: str) -> bytes:
    """A complete POST request with a JSON body."""
    body = json.dumps(payload).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "host: box.example",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, key: str = "ana") -> bytes:
    """A complete GET request."""
    return f"GET {path} HTTP/1.1\r\nhost: box.example\r\nauthorization: Bearer {key}\r\n\r\n".encode()


@dataclass
class RawClient:
    """One connection. receive_buffer: SO_RCVBUF in bytes, for a machine that takes little; None: the system's."""

    port: int
    receive_buffer: int | None = None

    async def __aenter__(self) -> Self:
        opened = socket.socket()
        if self.receive_buffer is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", self.port))
        self._socket = opened
        self.seen = b""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def read_some(self, most: int = 65536) -> bytes:
        """What is there next, also kept in `seen`; empty at the end. Raises ConnectionResetError."""
        data = await asyncio.get_running_loop().sock_recv(self._socket, most)
        self.seen += data
        return data

    async def read_until(self, wanted: bytes, times: int = 1) -> None:
        """Read until this has come so often. Raises EOFError."""
        while self.seen.count(wanted) < times:
            if not await self.read_some():
                raise EOFError(self.seen[-2000:])

    async def read_to_end(self) -> bytes:
        """Everything, until the other side closes or resets."""
        try:
            while await self.read_some():
                pass
        except ConnectionResetError:
            pass
        return self.seen

    @property
    def status(self) -> int:
        """Of the first answer."""
        return int(self.seen.split(b" ", 2)[1])

    def leave(self, *, reset: bool = False) -> None:
        """Close: FIN, or RST as a program that was killed with unread bytes."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def half_close(self) -> None:
        """Send no more."""
        self._socket.shutdown(socket.SHUT_WR)


def events(stream: bytes) -> list[Any]:
    """The data of a stream's events in raw HTTP; [DONE] as it is."""
    found = []
    for line in stream.split(b"\n"):
        if line.startswith(b"data: "):
            data = line.removeprefix(b"data: ").strip()
            found.append("[DONE]" if data == b"[DONE]" else json.loads(data))
    return found
