"""The ways to MCP servers of others: by the door and its ledger where they lie outside, else as to neighbours.

A server stays what it was when it was added: one of the own network is spoken to at addresses of the own network
alone, one outside at the internet's alone. Never at addresses of the link, which are where clouds keep their secrets.
"""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import logging
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from appliance.bootstrap.egress import WayOut
from appliance.domain.tools import ToolServer
from appliance.errors import InvalidRequest, PartUnavailable
from appliance.services.tools.settings import ToolSettings
from inference.egress import is_public
from inference.egress.hosts import AllowList, is_address
from inference.egress.resolving import AddressRefused, address_refused
from inference.errors import EgressRefused
from inference.mcp.types import Bounds, Endpoint, OfferedTool, Outcome
from inference.types import LeavePermit

if TYPE_CHECKING:
    from inference.mcp.client import ToolServers

PURPOSE = "tools"
_LIST_S = 20.0
_LARGEST_SECRET = 8192


class KnownStrangers:
    """Fulfils services.tools.ports.Strangers. secrets: the folder with what headers say."""

    def __init__(self, out: WayOut, settings: ToolSettings, secrets: Path) -> None:
        self._out, self._settings, self._secrets = out, settings, secrets
        self._loading: asyncio.Task[ToolServers] | None = None

    async def lies_outside(self, url: str) -> bool:
        if why := _never(urlsplit(url).hostname or ""):
            raise InvalidRequest(why, param="url")
        outside = await asyncio.to_thread(self._out.neighbours.leads_out, url)
        if not outside:
            return False
        if why := AllowList(self._settings.hosts).refusal(url):
            raise InvalidRequest(
                f"{why} A server outside has to be named in tools.hosts of appliance.toml, and is spoken to by https.",
                param="url",
            )
        return True

    async def listed(self, server: ToolServer, actor: str) -> tuple[list[OfferedTool], list[str]]:
        permit = LeavePermit("", actor, f"An administrator looks what the tool server {server.name} offers.")
        endpoint = await self._endpoint(server, actor, permit)
        return await (await self._client()).listed(endpoint, Bounds(_LIST_S))

    async def call(
        self, server: ToolServer, tool: str, arguments: Mapping[str, Any], actor: str, call_id: str
    ) -> Outcome:
        permit = LeavePermit(call_id, actor, f"The tool {server.name}.{tool} was called for its asker.")
        endpoint = await self._endpoint(server, actor, permit)
        bounds = Bounds(self._settings.call_timeout_s)
        return await (await self._client()).call(endpoint, tool, arguments, bounds)

    async def _client(self) -> ToolServers:
        """The SDK takes a second to load; most boxes never need it."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        return await asyncio.shield(self._loading)

    async def _load(self) -> ToolServers:
        module = await asyncio.to_thread(importlib.import_module, "inference.mcp.client")
        # It writes what servers send into the log, with a trace for each line that it does not understand.
        logging.getLogger("mcp.client").setLevel(logging.CRITICAL)
        made: ToolServers = module.ToolServers(self._post)
        return made

    async def _endpoint(self, server: ToolServer, actor: str, permit: LeavePermit) -> Endpoint:
        headers = await asyncio.to_thread(self._headers, server)
        return Endpoint(server.url, server.is_outside, headers, actor, permit if server.is_outside else None)

    def _headers(self, server: ToolServer) -> dict[str, str]:
        return {name: self._secret(file) for name, file in server.header_files.items()}

    def _secret(self, file: str) -> str:
        path = self._secrets / file
        try:
            if path.is_symlink() or stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise PartUnavailable(
                    f"{path} must be a file that its owner alone may read: chmod 600 {path}"
                )
            value = path.read_text("utf-8")[:_LARGEST_SECRET].strip()
        except OSError as error:
            raise PartUnavailable(f"{path} cannot be read: {error.strerror}.") from error
        if not value.isascii() or not value.isprintable():
            raise PartUnavailable(f"{path} holds what a header cannot say.")
        return value

    @asynccontextmanager
    async def _post(
        self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        told = {**headers, **endpoint.headers}
        if endpoint.is_outside:
            door = self._out.door(self._settings.hosts, inside=self._out.settings.inside)
            async with (
                door.session(PURPOSE, endpoint.actor) as session,
                session.post(endpoint.url, body, headers=told, permit=endpoint.permit) as response,
            ):
                yield response
            return
        if why := _never(urlsplit(endpoint.url).hostname or ""):
            raise EgressRefused(why)
        async with self._neighbour(endpoint.url) as near:
            try:
                response = await near.post(endpoint.url, data=body, headers=told, allow_redirects=False)
            except aiohttp.ClientError as error:
                if refused := address_refused(error):
                    raise EgressRefused(f"{refused}.") from error
                raise
            async with response:
                yield response

    @asynccontextmanager
    async def _neighbour(self, url: str) -> AsyncIterator[aiohttp.ClientSession]:
        host = urlsplit(url).hostname or ""
        if is_address(host) and is_public(host) and self._out.neighbours.leads_out(url):
            raise EgressRefused(f"{host} lies outside of the own network.")
        connector = aiohttp.TCPConnector(
            resolver=_NotTheLink(self._out.neighbours.resolver()), ttl_dns_cache=0, force_close=True
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._out.settings.connect_timeout_s)
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            headers={"user-agent": "llm-appliance", "accept-encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
        ) as session:
            yield session


class _NotTheLink(AbstractResolver):
    """Of a neighbour's addresses those where a server may be; a name does not lead to this machine but `localhost`."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        is_here = host == "localhost"
        left = [
            one
            for one in found
            if not _never(one["host"]) and (is_here or not ipaddress.ip_address(one["host"]).is_loopback)
        ]
        if not left:
            raise AddressRefused(f"{host} leads to an address where no tool server may be")
        return left

    async def close(self) -> None:
        await self._resolver.close()


def _never(host: str) -> str:
    """Why no server may be there, as far as an address tells; empty: it may."""
    try:
        address: Any = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if (
        address.is_link_local
        or address.is_unspecified
        or address.is_multicast
        or str(address) == "fd00:ec2::254"
    ):
        return f"{host} is an address where no tool server may be."
    return ""
