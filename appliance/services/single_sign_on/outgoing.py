"""The way out to the identity provider: whole answers, of bounded size and in bounded time, over aiohttp.

No redirect is followed, no cookie kept, nothing taken from the environment. A host that the operator did not name
must have a public address, looked at when the connection is made: a discovery document cannot point us inside.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from appliance.errors import IdentityProviderUnavailable
from appliance.services.single_sign_on.ports import Reply
from appliance.services.single_sign_on.settings import is_safe_address
from inference.egress import NEVER_STOPPED, Crossing, Passing, is_public
from inference.errors import EgressRefused

logger = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=10.0, sock_connect=5.0)
_MOST_BYTES = 1024 * 1024
_USER_AGENT = "llm-appliance"
PURPOSE = "sign-in"
"""Under which it stands in the ledger of what left."""


class AddressRefused(OSError):
    """A name leads to an address that is none of the internet's."""


class GuardedResolver(AbstractResolver):
    """inside: hosts that may have any address; every other one must have public ones only."""

    def __init__(self, inside: frozenset[str], resolver: AbstractResolver | None = None) -> None:
        self._inside = inside
        self._resolver = resolver or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if host.lower() not in self._inside and not all(is_public(one["host"]) for one in found):
            raise AddressRefused(f"{host} has a private address; see identity.oidc.internal_hosts")
        return found

    async def close(self) -> None:
        await self._resolver.close()


class OutgoingHttp:
    """Fulfils ports.HttpClient. Opened on first use, inside the running event loop; close() it at the end.

    inside: hosts that the operator named, the issuer's among them. ca_file: trusted beside the system's certificates.
    door: keeps the ledger of what leaves the own network.
    """

    def __init__(
        self,
        inside: Iterable[str],
        ca_file: str = "",
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
        door: Crossing | None = None,
    ) -> None:
        self._door = door
        self._inside = frozenset(host.lower() for host in inside)
        self._ca_file = ca_file
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        return await self._send("GET", url, None, headers)

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply:
        return await self._send("POST", url, dict(form), headers)

    async def _send(
        self, method: str, url: str, form: dict[str, str] | None, headers: Mapping[str, str] | None
    ) -> Reply:
        self._check(url)
        try:
            async with (
                self._crossing(method, url) as passing,
                self._opened().request(
                    method, url, data=form, headers=headers, allow_redirects=False
                ) as response,
            ):
                passing.status = response.status
                if 300 <= response.status < 400:
                    raise IdentityProviderUnavailable("It answers with a redirect, which is not followed.")
                body = await response.content.read(_MOST_BYTES + 1)
                while len(body) <= _MOST_BYTES and not response.content.at_eof():
                    body += await response.content.read(_MOST_BYTES + 1 - len(body))
                passing.received_bytes = len(body)
                if len(body) > _MOST_BYTES:
                    raise IdentityProviderUnavailable("Its answer is larger than 1 MiB.")
                return Reply(response.status, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("%s %s: %s", method, _without_query(url), error or type(error).__name__)
            raise IdentityProviderUnavailable from error
        except EgressRefused as refusal:
            logger.warning("%s %s: %s", method, _without_query(url), refusal)
            raise IdentityProviderUnavailable(str(refusal)) from refusal

    @asynccontextmanager
    async def _crossing(self, method: str, url: str) -> AsyncIterator[Passing]:
        """Through the door where it leads out of the own network."""
        if self._door is None:
            yield Passing(NEVER_STOPPED.stopped)
            return
        async with self._door.around(PURPOSE, method, url) as passing:
            yield passing

    def _check(self, url: str) -> None:
        """What the resolver never sees: the scheme, and an address in the place of a name."""
        host = urlsplit(url).hostname or ""
        is_literal = _address(host) is not None
        if not is_safe_address(url) or (is_literal and host not in self._inside and not is_public(host)):
            raise IdentityProviderUnavailable("It names an address that is not safe to call.")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A kept connection may be closed by the provider in the moment in which a code is sent over it.
                connector=aiohttp.TCPConnector(
                    limit=40, resolver=GuardedResolver(self._inside), ssl=self._trust(), force_close=True
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                headers={"User-Agent": _USER_AGENT, "Accept": "application/json"},
                trust_env=False,
            )
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        if not self._ca_file:
            return True
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(self._ca_file)
        except (OSError, ssl.SSLError) as error:
            raise IdentityProviderUnavailable(f"identity.oidc.ca_file cannot be read: {error}.") from error
        return context


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _without_query(url: str) -> str:
    return url.partition("?")[0]
