"""Where a Valkey listens and what it wants to be told first, read from the URLs that redis-py understands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.asyncio.connection import SSLConnection, parse_url

_P = TypeVar("_P", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """path: of a unix socket, else host and port. tls: for rediss://, with the URL's ssl_* options."""

    path: str | None
    host: str
    port: int
    username: str
    password: str | None
    database: int
    tls: ssl.SSLContext | None

    async def connect(self, protocol: Callable[[], _P]) -> _P:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        if self.path is not None:
            _, made = await loop.create_unix_connection(protocol, self.path)
        else:
            _, made = await loop.create_connection(protocol, self.host, self.port, ssl=self.tls)
        return made

    def greeting(self, name: str) -> tuple[str, ...]:
        """HELLO: version 3 of the protocol, who we are, and how the connection is called."""
        words: tuple[str, ...] = ("HELLO", "3")
        if self.password is not None:
            words += ("AUTH", self.username, self.password)
        return (*words, "SETNAME", name)


def parse_valkey_url(url: str) -> ValkeyAddress:
    """unix://, redis:// or rediss://, as redis-py's from_url reads them. Raises ValueError for anything else."""
    parts: dict[str, Any] = dict(parse_url(url))
    kind = parts.pop("connection_class", None)
    return ValkeyAddress(
        path=parts.get("path"),
        host=parts.get("host", "localhost"),
        port=parts.get("port", 6379),
        username=parts.get("username") or "default",
        password=parts.get("password"),
        database=int(parts.get("db", 0)),
        tls=_tls(parts) if kind is SSLConnection else None,
    )


def _tls(parts: dict[str, Any]) -> ssl.SSLContext:
    options = {name: value for name, value in parts.items() if name.startswith("ssl_")}
    context: ssl.SSLContext = SSLConnection(**options).ssl_context.get()
    return context
