"""Who a request speaks for: the one function that reads credentials, in every form they arrive in.

    Authorization: Bearer KEY    OpenAI's form; also the page's delegated token
    x-api-key: KEY               Anthropic's form
    api-key: KEY                 Azure's form
    Cookie: __Host-appliance     a sign-in

A key in a header counts before the cookie, and a bad key is refused though the cookie is good. Two different keys are
a 400. Every form leads to the same check (`services/accounts/authentication.py`), so none can be weaker than another.

`x-stay-local: true` beside any of them: what this request asks for is not answered outside of the box.
`x-allow-smaller: false`: nor by a smaller model than the one that is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from fastapi import Request
from starlette.types import Scope

from appliance.api.origins import Origins, header_values
from appliance.domain.people import Caller
from appliance.errors import (
    ConflictingCredentials,
    CrossSiteRequest,
    NotAuthenticated,
    NotPermitted,
    PlainHttpRefused,
)

SECURE_COOKIE = "__Host-appliance"
PLAIN_COOKIE = "appliance_session"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NO = frozenset({"false", "0", "no"})
_LONGEST_CREDENTIAL = 1024  # characters; ours have 47 to 79
_LONGEST_COOKIES = 16_384


class Credentials(Protocol):
    """What turns a secret into a caller; services.accounts.Authentication does."""

    async def by_key(self, secret: str) -> Caller: ...

    async def by_session(self, token: str) -> Caller: ...


class Identity:
    """allow_plain_http: accept the cookie without Secure where neither TLS nor loopback protects it."""

    def __init__(
        self, credentials: Credentials, origins: Origins | None = None, *, allow_plain_http: bool = False
    ) -> None:
        self._credentials = credentials
        self.origins = origins or Origins()
        self._allow_plain_http = allow_plain_http

    async def identify(self, scope: Scope) -> Caller:
        """The caller of a raw ASGI request. Checks the key's routes too, and that our own page sent a cookie.

        Raises NotAuthenticated, NotPermitted, CrossSiteRequest, ConflictingCredentials, PartUnavailable.
        """
        key = _key(scope)
        if key is not None:
            caller = await self._credentials.by_key(key)
        else:
            token = self.session_token(scope)
            if token is None:
                raise _nothing_sent(scope)
            if scope.get("method", "GET") not in _SAFE_METHODS:
                self.require_same_origin(scope)
            caller = await self._credentials.by_session(token)
        path = str(scope["path"])
        if not caller.scopes.allow_route(path):
            raise NotPermitted(f"This key may not be used for {path}.")
        if _wants_to_stay(scope):
            caller = replace(caller, stays_local=True)
        return replace(caller, allows_smaller=False) if _says_no(scope, b"x-allow-smaller") else caller

    async def caller(self, request: Request) -> Caller:
        """The same for FastAPI: `caller: Caller = Depends(identity.caller)`."""
        return await self.identify(request.scope)

    def session_token(self, scope: Scope) -> str | None:
        """The sign-in's token in the cookie that counts for this kind of connection."""
        name = self.cookie_name(scope)
        if name is None:
            return None
        found = set(_cookie_values(scope, name))
        if len(found) > 1:
            raise ConflictingCredentials(f"There are several cookies named {name}.")
        return next(iter(found), None) or None

    def cookie_name(self, scope: Scope) -> str | None:
        """None: this connection is not protected, and the operator did not allow that."""
        if self.origins.is_secure(scope) or self.origins.is_loopback(scope):
            return SECURE_COOKIE
        return PLAIN_COOKIE if self._allow_plain_http else None

    def require_same_origin(self, scope: Scope) -> None:
        """Raises CrossSiteRequest unless our own page made the browser send this.

        Browsers tell Sec-Fetch-Site on HTTPS and loopback, Origin with every POST; a page cannot forge either.
        """
        sites = header_values(scope, b"sec-fetch-site")
        if sites:
            if sites != ["same-origin"]:
                raise CrossSiteRequest
            return
        sent = header_values(scope, b"origin")
        if len(sent) != 1 or not self.origins.is_own(scope, sent[0]):
            raise CrossSiteRequest

    def session_cookie(self, scope: Scope, token: str, max_age_s: int) -> str:
        """The Set-Cookie header of a sign-in; an empty token with max_age_s 0 takes it away.

        Raises PlainHttpRefused.
        """
        name = self.cookie_name(scope)
        if name is None:
            raise PlainHttpRefused
        secure = "; Secure" if name == SECURE_COOKIE else ""
        return f"{name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"


def _key(scope: Scope) -> str | None:
    found: set[str] = set()
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, credential = value.decode("latin-1").strip().partition(" ")
            # A proxy in front may want Basic for itself; it never signs anybody in here.
            if scheme.lower() == "bearer":
                found.add(credential.strip())
        elif name in (b"x-api-key", b"api-key"):
            found.add(value.decode("latin-1").strip())
    if len(found) > 1:
        raise ConflictingCredentials("They stand in `Authorization`, `x-api-key` or `api-key`.")
    key = next(iter(found), None)
    if key is not None and (not key or len(key) > _LONGEST_CREDENTIAL or not key.isascii()):
        raise NotAuthenticated("That is not a key of this appliance.")
    return key


def _wants_to_stay(scope: Scope) -> bool:
    """`x-stay-local`: only a plain no counts as one."""
    return bool(_said(scope, b"x-stay-local") - _NO)


def _says_no(scope: Scope, name: bytes) -> bool:
    """Whether a header does, however often it is there."""
    return bool(_said(scope, name) & _NO)


def _said(scope: Scope, name: bytes) -> set[str]:
    return {value.strip().lower() for value in header_values(scope, name)}


def _nothing_sent(scope: Scope) -> NotAuthenticated:
    if header_values(scope, b"authorization"):
        return NotAuthenticated("`Authorization` must begin with `Bearer`.")
    return NotAuthenticated()


def _cookie_values(scope: Scope, name: str) -> list[str]:
    headers = header_values(scope, b"cookie")
    if sum(map(len, headers)) > _LONGEST_COOKIES:
        raise NotAuthenticated("The cookies are too long.")
    found: list[str] = []
    for pair in ";".join(headers).split(";"):
        key, separator, value = pair.partition("=")
        if separator and key.strip() == name:
            found.append(value.strip())
    return found
