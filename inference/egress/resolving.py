"""What a name stands for, looked at when the connection is made: so a name cannot point us somewhere else later."""

from __future__ import annotations

import socket
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from inference.egress.hosts import is_public


class AddressRefused(OSError):
    """A name leads to an address that is not the kind it has to be. Its text is the reason."""


class GuardedResolver(AbstractResolver):
    """inside: says whether a host may have any address; every other one must have public ones only."""

    def __init__(self, inside: Callable[[str, int], bool], resolver: AbstractResolver | None = None) -> None:
        self._inside = inside
        self._resolver = resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not self._inside(host, port) and not all(is_public(one["host"]) for one in found):
            raise AddressRefused(f"{host} leads to an address of a private network; see egress.inside")
        return found

    async def close(self) -> None:
        await self._resolver.close()


def address_refused(error: BaseException) -> AddressRefused | None:
    """What the resolver said, under whatever the client wrapped it in."""
    seen: BaseException | None = error
    while seen is not None:
        inner = getattr(seen, "os_error", None)
        for one in (seen, inner):
            if isinstance(one, AddressRefused):
                return one
        seen = seen.__cause__
    return None
