"""Servers of the own network, which nothing leaves the box's surroundings for: engines, embedders, a collector.

They need no ledger, but they have to be what they are taken for: a name that leads to an address of the internet is
not spoken to unless the operator named it in `egress.inside`.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from inference.egress.hosts import PORTS, AllowList, is_address, is_public
from inference.egress.resolving import AddressRefused

_WHY = "is an address of the internet, so what is sent there leaves the network"


class Neighbours:
    """inside: hosts of the own network whatever their addresses, as `egress.inside` has them."""

    def __init__(self, inside: Sequence[str] = ()) -> None:
        self._inside = AllowList([], inside)

    def refusal(self, url: str, *, asks: bool = True) -> str:
        """Why that is no server of the own network; empty: it is, or nobody knows its name now. asks: the name
        service, which blocks; else only an address in the place of a name is judged.
        """
        host, found = self._found(url, asks=asks)
        if not found or not all(map(is_public, found)):
            return ""
        shown = host if is_address(host) else f"{host} ({found[0]})"
        return f"{shown} {_WHY}"

    def leads_out(self, url: str) -> bool:
        """Whether a connection to it may leave the own network: one public address is enough, and so is a name that
        nobody knows now. Blocks.
        """
        host, found = self._found(url)
        return bool(host) and (not found or any(map(is_public, found)))

    def named_as(self, url: str) -> str:
        """How egress.inside would have to name it."""
        host, port = urlsplit(url).hostname or "", _port(url)
        return host if port in (80, 443) else f"{host}:{port}"

    def _found(self, url: str, *, asks: bool = True) -> tuple[str, list[str]]:
        """The host and its addresses; no host for what is inside by the operator's word, or is no address at all."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", _port(url)
        if parts.scheme not in PORTS or not host or self._inside.is_inside(host, port):
            return "", []
        if is_address(host):
            return host, [host]
        return host, _addresses(host, port) if asks else []

    def resolver(self) -> NeighbourResolver:
        """For connections to them; made inside the running event loop."""
        return NeighbourResolver(self._inside)


class NeighbourResolver(AbstractResolver):
    """Of a name's addresses those of the own network alone. Numbers never come here: they are judged at the start."""

    def __init__(self, inside: AllowList, resolver: AbstractResolver | None = None) -> None:
        self._inside, self._resolver = inside, resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if self._inside.is_inside(host, port):
            return found
        near = [one for one in found if not is_public(one["host"])]
        if not near:
            raise AddressRefused(f"{host} ({found[0]['host']}) {_WHY}; see egress.inside")
        return near

    async def close(self) -> None:
        await self._resolver.close()


def _addresses(host: str, port: int) -> list[str]:
    try:
        return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError:  # nobody knows it now; the resolver judges it when it is known
        return []


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        return parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return 0
