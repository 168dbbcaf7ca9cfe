"""The identity provider as we know it: its discovery document, its keys, and the three calls we make.

What it publishes is kept for an hour and, while it does not answer, for a day. A token signed with a key that is not
among those known makes us look again, at most every half minute, so keys may be changed at any time.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

import orjson
from joserfc.jwk import KeySet

from appliance.errors import CompanySignInFailed, IdentityProviderUnavailable
from appliance.services.single_sign_on.id_tokens import (
    Claims,
    Expected,
    KeyNotKnown,
    TokenRefused,
    check_id_token,
    check_logout_token,
    read_keys,
)
from appliance.services.single_sign_on.ports import HttpClient, Reply
from appliance.services.single_sign_on.settings import OidcSettings, is_loopback, is_safe_address

logger = logging.getLogger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
_FRESH = timedelta(hours=1)
_USABLE = timedelta(hours=24)
_AGAIN = timedelta(seconds=30)
_SAID_CHARACTERS = 200


class GrantRefused(Exception):
    """The provider does not take the code or the refresh token (any more); the text is for the log."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The discovery document, as far as it matters here. Empty: the provider does not have that."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    takes_basic: bool
    names_itself: bool


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the token endpoint gave. Empty where it gave none."""

    id_token: str
    access_token: str
    refresh_token: str


class Provider:
    """secret: the client's at the provider; empty for a public client."""

    def __init__(
        self, settings: OidcSettings, secret: str, http: HttpClient, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._http = http
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None
        self._looked_at: datetime | None = None

    async def metadata(self) -> Metadata:
        """Raises IdentityProviderUnavailable."""
        async with self._lock:
            return await self._current_metadata()

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for a code. Raises GrantRefused, IdentityProviderUnavailable."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._token_call({**form, "code_verifier": verifier})

    async def refresh(self, refresh_token: str) -> Tokens:
        """Raises GrantRefused when the provider does not know the sign-in any more, IdentityProviderUnavailable."""
        return await self._token_call({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """More claims of the same person; none where there is no such endpoint. Raises CompanySignInFailed."""
        url = (await self.metadata()).userinfo_endpoint
        if not url or not access_token:
            return {}
        reply = await self._http.get(url, {"authorization": f"Bearer {access_token}"})
        if reply.status in (401, 403):
            raise GrantRefused(f"userinfo answered {reply.status}")
        found = _json(reply, "userinfo")
        if found.get("sub") != subject:
            logger.warning("userinfo speaks of somebody else than the ID token")
            raise CompanySignInFailed
        return found

    async def id_claims(self, token: str, nonce: str | None) -> Claims:
        """The claims of an ID token that holds. Raises TokenRefused."""
        return await self._checked(lambda keys: check_id_token(token, keys, self._expected(), nonce))

    async def logout_claims(self, token: str) -> Claims:
        """The claims of a back-channel logout that holds. Raises TokenRefused."""
        return await self._checked(lambda keys: check_logout_token(token, keys, self._expected()))

    async def key_count(self) -> int:
        """How many usable signing keys it publishes."""
        return len((await self._known_keys()).keys)

    async def _checked(self, check: Callable[[KeySet], Claims]) -> Claims:
        try:
            return check(await self._known_keys())
        except KeyNotKnown:
            newer = await self._newer_keys()
            if newer is None:
                raise
            return check(newer)

    def _expected(self) -> Expected:
        settings = self._settings
        return Expected(settings.issuer, settings.client_id, self._clock(), settings.clock_skew_s)

    # What it publishes --------------------------------------------------------------------------------

    async def _current_metadata(self) -> Metadata:
        now = self._clock()
        if self._metadata is not None and now - self._metadata[0] < _FRESH:
            return self._metadata[1]
        try:
            reply = await self._http.get(self._settings.issuer.rstrip("/") + DISCOVERY)
            found = self._read_metadata(_json(reply, "the discovery document"))
        except IdentityProviderUnavailable:
            if self._metadata is not None and now - self._metadata[0] < _USABLE:
                return self._metadata[1]
            raise
        self._metadata = (now, found)
        return found

    def _read_metadata(self, document: Mapping[str, Any]) -> Metadata:
        if document.get("issuer") != self._settings.issuer:
            said = str(document.get("issuer"))[:_SAID_CHARACTERS]
            raise IdentityProviderUnavailable(
                f"It calls itself {said!r}: `identity.oidc.issuer` must be exactly that."
            )
        methods = document.get("token_endpoint_auth_methods_supported")
        return Metadata(
            authorization_endpoint=self._endpoint(document, "authorization_endpoint", is_needed=True),
            token_endpoint=self._endpoint(document, "token_endpoint", is_needed=True),
            jwks_uri=self._endpoint(document, "jwks_uri", is_needed=True),
            userinfo_endpoint=self._endpoint(document, "userinfo_endpoint"),
            end_session_endpoint=self._endpoint(document, "end_session_endpoint"),
            takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, document: Mapping[str, Any], name: str, *, is_needed: bool = False) -> str:
        url = document.get(name)
        if not isinstance(url, str) or not url:
            if is_needed:
                raise IdentityProviderUnavailable(f"Its discovery document has no {name}.")
            return ""
        leaves_machine = urlsplit(self._settings.issuer).scheme == "https"
        if not is_safe_address(url) or (leaves_machine and is_loopback(urlsplit(url).hostname or "")):
            raise IdentityProviderUnavailable(f"Its {name} is not an https:// address.")
        return url

    async def _known_keys(self) -> KeySet:
        async with self._lock:
            now = self._clock()
            if self._keys is not None and now - self._keys[0] < _FRESH:
                return self._keys[1]
            try:
                return await self._read_keys()
            except IdentityProviderUnavailable:
                if self._keys is not None and now - self._keys[0] < _USABLE:
                    return self._keys[1]
                raise

    async def _newer_keys(self) -> KeySet | None:
        """What it publishes now; None where that was looked at a moment ago."""
        async with self._lock:
            if self._looked_at is not None and self._clock() - self._looked_at < _AGAIN:
                return None
            self._looked_at = self._clock()
            return await self._read_keys()

    async def _read_keys(self) -> KeySet:
        reply = await self._http.get((await self._current_metadata()).jwks_uri)
        keys = read_keys(_json(reply, "the list of keys"))
        if not keys:
            raise IdentityProviderUnavailable("It publishes no usable signing key.")
        self._keys = (self._clock(), keys)
        return keys

    # The token endpoint -------------------------------------------------------------------------------

    async def _token_call(self, form: dict[str, str]) -> Tokens:
        metadata = await self.metadata()
        headers: dict[str, str] = {}
        if self._secret and metadata.takes_basic:
            pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(self._secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self._settings.client_id
            if self._secret:
                form["client_secret"] = self._secret
        reply = await self._http.post_form(metadata.token_endpoint, form, headers)
        if 400 <= reply.status < 500 and reply.status != 429:
            _refuse(reply)
        found = _json(reply, "the token endpoint")
        if str(found.get("token_type", "")).lower() != "bearer":
            raise GrantRefused("the tokens are not Bearer tokens")
        return Tokens(*(_text(found.get(name)) for name in ("id_token", "access_token", "refresh_token")))


def _refuse(reply: Reply) -> None:
    """Raises GrantRefused for a grant that is over, IdentityProviderUnavailable for what an operator must correct."""
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        found = {}
    error = str(found.get("error", "")) if isinstance(found, dict) else ""
    about = str(found.get("error_description", "")) if isinstance(found, dict) else ""
    said = f"{reply.status} {error} {about}".strip()[:_SAID_CHARACTERS]
    if error in ("invalid_grant", "interaction_required", "login_required", "consent_required"):
        raise GrantRefused(said)
    logger.error("the identity provider refuses this appliance as a client: %s", said)
    raise IdentityProviderUnavailable(
        "It refuses this appliance: client_id, client_secret or redirect URI is wrong."
    )


def _json(reply: Reply, what: str) -> dict[str, Any]:
    try:
        found = orjson.loads(reply.body) if reply.status == 200 else None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise IdentityProviderUnavailable(f"Reading {what}: it answers {reply.status}, or no JSON object.")
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


__all__ = ["DISCOVERY", "GrantRefused", "Metadata", "Provider", "TokenRefused", "Tokens"]
