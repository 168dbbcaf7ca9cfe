"""The door: allow-list, ledger, stop switch and addresses, joined once and handed to whoever has to go out.

A redirect is followed only to a host that is allowed too, and never from https to http. A name must lead to public
addresses, looked at when the connection is made, unless the operator named it as one of the inside: so a hub cannot
point us at a cloud's metadata address. Does not protect against what an allowed host itself answers: whoever gets
something checks it.
"""

from __future__ import annotations

import ssl as tls
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import aiohttp
from aiohttp.abc import AbstractResolver

from inference.egress.departures import Ledger
from inference.egress.hosts import AllowList
from inference.egress.recording import Door, Passing
from inference.egress.resolving import GuardedResolver
from inference.egress.session import EgressSession, PeerResponse, note_sending
from inference.egress.switch import NEVER_STOPPED, Switch
from inference.egress.transfers import Transfers

_USER_AGENT = "llm-appliance"
_CONNECTIONS = 100


class Egress:
    """allowed: hosts as people write them: `huggingface.co`, `*.hf.co`, `hub.example:8443`. Empty: nothing goes out.

    inside: those that may lie in the own network, written likewise; they are allowed as well. ledger: is told before
    the first byte leaves. switch: while it is thrown nothing leaves. resolver: for tests.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        ledger: Ledger,
        *,
        inside: Sequence[str] = (),
        switch: Switch = NEVER_STOPPED,
        connect_timeout_s: float = 10.0,
        silence_timeout_s: float = 60.0,
        resolver: AbstractResolver | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hosts, self._resolver = AllowList(allowed, inside), resolver
        self._door = Door(self._hosts, ledger, switch, Transfers(switch), now)
        self._sessions: weakref.WeakSet[EgressSession] = weakref.WeakSet()
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout_s, sock_read=silence_timeout_s
        )

    def allows(self, url: str) -> bool:
        """Whether a request may go to this address, as far as its name tells."""
        return not self._hosts.refusal(url)

    def open(self, purpose: str, *, ssl: tls.SSLContext | None = None, actor: str = "") -> EgressSession:
        """A session to keep: its connections are used again. Call it inside the running event loop; close() it.

        purpose: under which what it asks stands in the ledger. ssl: trusts other certificates than the system does.
        actor: who asks, where a request does not say.
        """
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS,
            resolver=GuardedResolver(self._hosts.is_inside, self._resolver),
            ttl_dns_cache=0,
            ssl=True if ssl is None else ssl,
        )
        http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers={"user-agent": _USER_AGENT, "accept-encoding": "identity"},
            response_class=PeerResponse,
            trace_configs=[note_sending()],
            trust_env=False,
        )
        session = EgressSession(http, self._door, purpose, actor)
        self._sessions.add(session)
        return session

    async def close(self) -> None:
        """Close every session that is still open; what runs breaks off."""
        for session in list(self._sessions):
            await session.close()

    @asynccontextmanager
    async def session(self, purpose: str, actor: str = "") -> AsyncIterator[EgressSession]:
        """The same for a short while, closed at the end."""
        session = self.open(purpose, actor=actor)
        try:
            yield session
        finally:
            await session.close()

    @contextmanager
    def beside(self, purpose: str, method: str, url: str, actor: str = "") -> Iterator[Passing]:
        """What goes out by other means, such as ssh or a library, as far as we know it: that it begins and ends.

        Raises EgressRefused, EgressStopped, EgressUnrecorded. Blocks for the disk.
        """
        line = self._door.line(purpose, method, url, actor)
        self._door.require(line, url)
        self._door.begin(line)
        with self._door.followed(line) as passing:
            yield passing

    @asynccontextmanager
    async def around(self, purpose: str, method: str, url: str, actor: str = "") -> AsyncIterator[Passing]:
        """The same in an event loop; what waits within is cut off by the stop switch (EgressStopped)."""
        line = self._door.line(purpose, method, url, actor)
        self._door.require(line, url)
        await self._door.begun(line)
        with self._door.followed(line) as passing, self._door.transfers.running() as transfer:
            async with transfer:
                yield passing
