"""The one way out: nothing leaves but to hosts that the operator named, and every request stands in a ledger.

Denied by default. A redirect is followed only to a host that is allowed too, and never from https to http. A name must
lead to public addresses, looked at when the connection is made, unless the operator named it as one of the inside: so
a hub cannot point us at a cloud's metadata address. Does not protect against what an allowed host itself answers:
whoever gets something checks it.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from inference.errors import EgressRefused

_MOST_REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}
_USER_AGENT = "llm-appliance"

Happened = Literal["began", "ended", "refused"]


@dataclass(frozen=True, slots=True)
class Departure:
    """A line of the ledger: one request that left, has ended, or was not let out.

    purpose: why, such as `models`. actor: who wanted it, an e-mail or a part of the box. path: without the query, which
    may hold a signature. sent_bytes, received_bytes: of bodies; 0 until it ended. status: None until it answered.
    """

    happened: Happened
    at: datetime
    purpose: str
    actor: str
    method: str
    host: str
    path: str
    sent_bytes: int = 0
    received_bytes: int = 0
    status: int | None = None
    seconds: float = 0.0
    reason: str = ""


Ledger = Callable[[Departure], None]


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
            raise _PrivateAddress(f"{host} leads to an address of a private network; see egress.inside")
        return found

    async def close(self) -> None:
        await self._resolver.close()


class _PrivateAddress(OSError):
    pass


class Egress:
    """allowed: hosts as people write them: `huggingface.co`, `*.hf.co`, `hub.example:8443`. Empty: nothing goes out.

    inside: those that may lie in the own network, written likewise; they are allowed as well. ledger: is told before
    the first byte leaves. resolver: for tests.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        ledger: Ledger,
        *,
        inside: Sequence[str] = (),
        connect_timeout_s: float = 10.0,
        silence_timeout_s: float = 60.0,
        resolver: AbstractResolver | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._inside = [one.lower() for one in inside]
        self._allowed = [*(one.lower() for one in allowed), *self._inside]
        self._ledger, self._now, self._resolver = ledger, now, resolver
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout_s, sock_read=silence_timeout_s
        )

    def allows(self, url: str) -> bool:
        """Whether a request may go to this address, as far as its name tells."""
        return not self._refusal(url)

    @asynccontextmanager
    async def session(self, purpose: str, actor: str = "") -> AsyncIterator[EgressSession]:
        """What is asked through it stands in the ledger under this purpose."""
        connector = aiohttp.TCPConnector(
            limit=8, resolver=GuardedResolver(self._is_inside, self._resolver), ttl_dns_cache=0
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers={"user-agent": _USER_AGENT, "accept-encoding": "identity"},
            trust_env=False,
        ) as http:
            yield EgressSession(http, self._ledger, self._refusal, self._now, purpose, actor)

    def _refusal(self, url: str) -> str:
        """Why not; empty: it may."""
        parts = urlsplit(url)
        try:
            host, port = (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return "It is not an address."
        if parts.scheme not in _PORTS or not host or parts.username is not None:
            return "It is not an address of the web."
        if not _named(self._allowed, host, port):
            return f"{host} is not among the hosts that are allowed."
        is_inside = self._is_inside(host, port)
        if _address(host) is not None and not is_public(host) and not is_inside:
            return f"{host} is an address of a private network; see egress.inside."
        if parts.scheme == "http" and not is_inside:
            return f"{host} was asked for over plain http."
        return ""

    def _is_inside(self, host: str, port: int) -> bool:
        return _named(self._inside, host.lower(), port)


class EgressSession:
    """Requests of one purpose; see Egress.session."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        ledger: Ledger,
        refusal: Callable[[str], str],
        now: Callable[[], datetime],
        purpose: str,
        actor: str,
    ) -> None:
        self._http, self._ledger, self._refusal, self._now = http, ledger, refusal, now
        self._purpose, self._actor = purpose, actor

    @asynccontextmanager
    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, secret: str = ""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The last answer after redirects; read its body as it comes.

        secret: a bearer token; it goes to the first address's host and to no other. Raises EgressRefused,
        aiohttp.ClientError, TimeoutError.
        """
        async with self._asked("GET", url, dict(headers or {}), secret, None) as response:
            yield response

    @asynccontextmanager
    async def post(self, url: str, body: Mapping[str, Any]) -> AsyncIterator[aiohttp.ClientResponse]:
        """JSON; no redirect is followed. Raises like get."""
        async with self._asked("POST", url, {}, "", body) as response:
            yield response

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        secret: str,
        body: Mapping[str, Any] | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        first = urlsplit(url)
        for _ in range(_MOST_REDIRECTS + 1):
            parts = urlsplit(url)
            is_first = (parts.scheme, parts.netloc) == (first.scheme, first.netloc)
            sent = headers | ({"authorization": f"Bearer {secret}"} if secret and is_first else {})
            async with self._recorded(method, url, sent, body) as response:
                if response.status not in (301, 302, 303, 307, 308) or method != "GET":
                    yield response
                    return
                there = urljoin(url, response.headers.get("location", ""))
            if parts.scheme == "https" and not there.startswith("https:"):
                self._refuse(method, there, "It leads from https to something else.")
            url = there
        self._refuse(method, url, f"There are more than {_MOST_REDIRECTS} redirects.")

    @asynccontextmanager
    async def _recorded(
        self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if reason := self._refusal(url):
            self._refuse(method, url, reason)
        began, status, received, sent, failure = time.monotonic(), None, 0, 0, ""
        self._tell("began", method, url)
        try:
            async with self._http.request(
                method, url, headers=headers, json=body, allow_redirects=False
            ) as response:
                status = response.status
                sent = 0 if body is None else int(response.request_info.headers.get("content-length", 0))
                try:
                    yield response
                finally:
                    received = response.content.total_bytes
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = str(_private(error) or error) or type(error).__name__
            if _private(error):
                raise EgressRefused(f"{failure}.") from error
            raise
        finally:
            self._tell(
                "ended",
                method,
                url,
                sent_bytes=sent,
                received_bytes=received,
                status=status,
                seconds=round(time.monotonic() - began, 3),
                reason=failure,
            )

    def _refuse(self, method: str, url: str, reason: str) -> None:
        self._tell("refused", method, url, reason=reason)
        raise EgressRefused(reason)

    def _tell(self, happened: Happened, method: str, url: str, **told: Any) -> None:  # noqa: ANN401 - Departure's
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._ledger(
            Departure(
                happened, self._now(), self._purpose, self._actor, method, host, parts.path or "/", **told
            )
        )


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's; an IPv4 address in an IPv6 one counts as itself."""
    parsed: Any = _address(address)
    if parsed is None:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed.sixtofour or parsed
    return bool(parsed.is_global) and not parsed.is_multicast


def _private(error: BaseException) -> _PrivateAddress | None:
    """What our resolver said, under whatever the client wrapped it in."""
    seen: BaseException | None = error
    while seen is not None:
        inner = getattr(seen, "os_error", None)
        for one in (seen, inner):
            if isinstance(one, _PrivateAddress):
                return one
        seen = seen.__cause__
    return None


def _named(hosts: Sequence[str], host: str, port: int) -> bool:
    """`*.` stands for any name below; without a port every port is meant, but the two of the web only."""
    for one in hosts:
        name, colon, wanted = (
            one.rpartition(":") if not one.endswith("]") and one.count(":") == 1 else (one, "", "")
        )
        if (int(wanted) != port) if colon and wanted.isdigit() else port not in _PORTS.values():
            continue
        if host == name.strip("[]") or (name.startswith("*.") and host.endswith(name[1:])):
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
