"""Sign-ins that have been begun and not come back yet, in Valkey: each is taken once, by the browser that began it.

The state goes through the provider and its address bar; the browser's secret stays in its cookie. Kept are hashes of
both, so neither the log nor Valkey lets anybody finish another's sign-in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable, SignInStateLost, TooManyAttempts

KEPT_S = 600
_BEGUN_A_MINUTE = 300  # by one address: an office at nine in the morning sits behind one
_TOKEN = re.compile(r"[0-9A-Za-z_-]{43}\Z")


@dataclass(frozen=True, slots=True, repr=False)
class Pending:
    """What must be the same when the browser comes back. verifier: of PKCE. next_path: where it wanted to go."""

    nonce: str
    verifier: str
    redirect_uri: str
    next_path: str
    browser: str

    @property
    def challenge(self) -> str:
        """PKCE's S256, RFC 7636."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class PendingSignIns:
    """Also remembers which logout tokens were used."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey

    async def begin(
        self, browser: str | None, redirect_uri: str, next_path: str, address: str
    ) -> tuple[str, str, Pending]:
        """(state, the browser's secret, what is kept). browser: the secret it has already, of another tab.

        Raises TooManyAttempts, PartUnavailable.
        """
        secret = browser if browser is not None and _TOKEN.match(browser) else secrets.token_urlsafe(32)
        state = secrets.token_urlsafe(32)
        pending = Pending(
            secrets.token_urlsafe(32), secrets.token_urlsafe(48), redirect_uri, next_path, _digest(secret)
        )
        try:
            async with self._valkey.pipeline() as pipeline:
                counter = f"single-sign-on:begun:{_digest(address)}"
                pipeline.incr(counter)
                pipeline.expire(counter, 60, nx=True)
                begun = int((await pipeline.execute())[0])
                if begun > _BEGUN_A_MINUTE:
                    raise TooManyAttempts(retry_after_s=60)
                await self._valkey.set(_key(state), orjson.dumps(asdict(pending)), ex=KEPT_S)
        except RedisError as error:
            raise PartUnavailable("Valkey, which keeps sign-ins that have begun, does not answer.") from error
        return state, secret, pending

    async def take(self, state: str, browser: str | None) -> Pending:
        """What was kept, once; another browser does not use it up. Raises SignInStateLost, PartUnavailable."""
        if not _TOKEN.match(state) or browser is None:
            raise SignInStateLost
        try:
            kept = await self._valkey.get(_key(state))
            pending = None if kept is None else Pending(**_loaded(kept))
            if pending is None or not hmac.compare_digest(pending.browser, _digest(browser)):
                raise SignInStateLost
            if not await self._valkey.delete(_key(state)):
                raise SignInStateLost  # the same answer came twice at the same moment
        except RedisError as error:
            raise PartUnavailable("Valkey, which keeps sign-ins that have begun, does not answer.") from error
        return pending

    async def is_first(self, token_id: str, for_s: int) -> bool:
        """Whether a token with this id is seen for the first time. Raises PartUnavailable."""
        try:
            key = f"single-sign-on:used:{_digest(token_id)}"
            return bool(await self._valkey.set(key, b"1", ex=for_s, nx=True))
        except RedisError as error:
            raise PartUnavailable("Valkey, which remembers used tokens, does not answer.") from error


def _loaded(kept: bytes | str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(kept)
    return found


def _key(state: str) -> str:
    return f"single-sign-on:pending:{_digest(state)}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
