"""What a credential means: a key, a session's token or a delegated token in, the caller out.

Answers come from a short-lived cache that the news of withdrawals keeps true (`withdrawals.py`). While PostgreSQL is
away, who was known goes on for a bounded time; whoever was not is told to come back. Knows nothing of headers and
cookies: `api/identity.py` finds the credential.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

from appliance.domain.people import Caller, Credential
from appliance.errors import AccountSuspended, NotAuthenticated, NotPermitted, PartUnavailable
from appliance.fairness.accounting.contact import PostgresContact
from appliance.services.accounts import tokens
from appliance.services.accounts.caller_cache import CallerCache
from appliance.services.accounts.ports import CredentialRepository

_PATIENCE_S = 1.0  # with a database that may be dying, where the answer of before is known

Lookup = Callable[[], Awaitable[Credential | None]]


def utc_now() -> datetime:
    """The clock of a running appliance; tests hand in their own."""
    return datetime.now(UTC)


class Authentication:
    """secret: of the box, signs delegated tokens. contact: None where nobody is served without PostgreSQL."""

    def __init__(
        self,
        repository: CredentialRepository,
        cache: CallerCache,
        secret: bytes,
        clock: Callable[[], datetime] = utc_now,
        contact: PostgresContact | None = None,
    ) -> None:
        self._repository = repository
        self._cache = cache
        self._secret = hashlib.sha256(b"appliance delegation\0" + secret).digest()
        self._clock = clock
        self._contact = contact
        self._running: dict[bytes, asyncio.Task[Credential | None]] = {}
        self._used_keys: dict[UUID, datetime] = {}
        self._used_sessions: dict[UUID, datetime] = {}

    async def by_key(self, secret: str) -> Caller:
        """The owner of an API key, or the session behind a delegated token. Raises NotAuthenticated."""
        if secret.startswith(tokens.DELEGATED_PREFIX):
            return await self._by_delegated_token(secret)
        if not tokens.looks_like_key(secret):
            raise NotAuthenticated("That is not a key of this appliance.")
        hashed = tokens.fingerprint(secret)
        credential = await self._find(hashed, lambda: self._repository.by_key(hashed))
        return self._caller(credential, "This key")

    async def by_session(self, token: str) -> Caller:
        """Who is signed in with the token of a cookie. Raises NotAuthenticated."""
        if not tokens.looks_like_token(token):
            raise NotAuthenticated("You are not signed in.")
        hashed = tokens.fingerprint(token)
        credential = await self._find(hashed, lambda: self._repository.by_session_token(hashed))
        return self._caller(credential, "Your sign-in")

    async def _by_delegated_token(self, token: str) -> Caller:
        session_id = tokens.read_delegation(token, self._clock(), self._secret)
        if session_id is None:
            raise NotAuthenticated("This delegated token is not valid any more.")
        credential = await self._find(
            b"session" + session_id.bytes, lambda: self._repository.by_session_id(session_id)
        )
        return self._caller(credential, "Your sign-in")

    def delegate(self, caller: Caller) -> str:
        """A short-lived token for a process that acts for somebody who is signed in; it dies with the session."""
        if caller.session_id is None:
            raise NotPermitted("Only a sign-in can be delegated, not a key.")
        return tokens.sign_delegation(caller.session_id, self._clock(), self._secret)

    def take_uses(self) -> tuple[dict[UUID, datetime], dict[UUID, datetime]]:
        """Keys and sessions used since the last call, with the time."""
        used = (self._used_keys, self._used_sessions)
        self._used_keys, self._used_sessions = {}, {}
        return used

    async def _find(self, fingerprint: bytes, lookup: Lookup) -> Credential | None:
        is_fresh, credential = self._cache.find(fingerprint)
        if is_fresh:
            return credential
        remembered = self._remembered(fingerprint)
        if remembered is not None and self._contact is not None and self._contact.is_away:
            return remembered
        # Many requests with the same fresh key ask once; one that goes away does not stop the others.
        task = self._running.get(fingerprint)
        if task is None:
            task = asyncio.create_task(self._read(fingerprint, lookup))
            self._running[fingerprint] = task
            task.add_done_callback(lambda done: self._forget_task(fingerprint, done))
        if remembered is not None:
            await asyncio.wait({task}, timeout=_PATIENCE_S)
            if not task.done() or isinstance(task.exception(), PartUnavailable):
                return self._remembered(fingerprint) or await asyncio.shield(task)
        return await asyncio.shield(task)

    def _remembered(self, fingerprint: bytes) -> Credential | None:
        """What PostgreSQL said before, where the time for which it may be gone by is not over."""
        if self._contact is None or not self._contact.left_s:
            return None
        return self._cache.remembered(fingerprint)

    async def _read(self, fingerprint: bytes, lookup: Lookup) -> Credential | None:
        while True:
            generation = self._cache.generation
            credential = await lookup()
            if self._cache.remember(fingerprint, credential, generation):
                return credential

    def _forget_task(self, fingerprint: bytes, task: asyncio.Task[Credential | None]) -> None:
        self._running.pop(fingerprint, None)
        if not task.cancelled():
            task.exception()  # seen: whoever waited has it

    def _caller(self, credential: Credential | None, what: str) -> Caller:
        if credential is None:
            raise NotAuthenticated(f"{what} is not known here, or has ended.")
        if credential.is_suspended:
            raise AccountSuspended
        if credential.is_revoked:
            raise NotAuthenticated(f"{what} was revoked.")
        now = self._clock()
        if credential.expires_at is not None and credential.expires_at <= now:
            raise NotAuthenticated(f"{what} has expired.")
        if credential.confirmed_until is not None and credential.confirmed_until <= now:
            raise NotAuthenticated("Its owner has not signed in for long. Once on the page is enough.")
        caller = credential.caller
        if caller.key_id is not None:
            self._used_keys[caller.key_id] = now
        elif caller.session_id is not None:
            self._used_sessions[caller.session_id] = now
        return caller
