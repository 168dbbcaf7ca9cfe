"""A small OpenID Connect provider on a loopback port: discovery, keys, authorization code with PKCE, refresh, userinfo,
logout. It checks what a strict provider checks, and can be told to lie in one place at a time.

    async with identity_provider() as provider:
        provider.people["ana"] = {"email": "ana@corp.example", "email_verified": True}
        back = await provider.visit(url_of_the_authorization_request, "ana")   # where the browser is sent
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.accounts_world import serving

CLIENT, SECRET = "appliance", "a secret + with % signs"
BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"


def signing_key() -> RSAKey:
    """A fresh one, named by its thumbprint."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})
    key.ensure_kid()
    return key


@cache
def _first_key() -> RSAKey:
    """Making one takes a fifth of a second, and nothing depends on its being new."""
    return signing_key()


@dataclass
class Code:
    """An authorization code, until it is used. sid: the sign-in at the provider."""

    subject: str
    redirect_uri: str
    challenge: str
    nonce: str
    sid: str


@dataclass
class IdentityProvider:
    """people: subject → claims. claims: changes an ID token before it is signed. sign: replaces the signing.

    is_away: answers 503 to everything. issues_refresh: hands out refresh tokens. puts_iss: names itself in its answers.
    """

    issuer: str = ""
    keys: list[RSAKey] = field(default_factory=lambda: [_first_key()])
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    redirect_uris: set[str] = field(default_factory=set)
    claims: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    access_tokens: dict[str, str] = field(default_factory=dict)
    in_userinfo: tuple[str, ...] = ()
    is_away: bool = False
    issues_refresh: bool = True
    puts_iss: bool = True
    asked: list[str] = field(default_factory=list)
    now: Callable[[], float] = time.time

    def application(self) -> Starlette:
        routes = {
            "/.well-known/openid-configuration": (self._discovery, "GET"),
            "/jwks": (self._jwks, "GET"),
            "/authorize": (self._authorize, "GET"),
            "/token": (self._token, "POST"),
            "/userinfo": (self._userinfo, "GET"),
            "/end_session": (self._end_session, "GET"),
        }
        return Starlette(
            routes=[
                Route(path, self._unless_away(endpoint), methods=[method])
                for path, (endpoint, method) in routes.items()
            ]
        )

    async def visit(self, url: str, subject: str, **changes: str) -> str:
        """What a person does at the provider: the address they are sent back to. changes: of the request's query."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
            answer = await client.get(url.partition("?")[0], params={**query, **changes, "login": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def rotate(self) -> None:
        """A new key alone signs from now on and the old one is gone."""
        self.keys = [signing_key()]

    def remove(self, subject: str) -> None:
        """Somebody has left the company: nothing of theirs is taken any more."""
        del self.people[subject]
        self.refresh_tokens = {
            token: whose for token, whose in self.refresh_tokens.items() if whose[0] != subject
        }

    def logout_token(self, **changes: Any) -> str:
        """Of a back-channel logout; a claim that is None is left out."""
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
        }
        claims |= {"events": {BACK_CHANNEL: {}}, **changes}
        return self.signed({name: value for name, value in claims.items() if value is not None})

    def signed(self, claims: dict[str, Any]) -> str:
        if self.sign is not None:
            return self.sign(claims)
        key = self.keys[0]
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    # Its endpoints ------------------------------------------------------------------------------------

    def _unless_away(self, endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            self.asked.append(request.url.path)
            return Response(status_code=503) if self.is_away else await endpoint(request)

        return answer

    async def _discovery(self, request: Request) -> Response:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end_session",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.puts_iss,
        }
        return JSONResponse({**found, **self.document})

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse(KeySet(list(self.keys)).as_dict())

    async def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("client_id") != CLIENT or asked.get("redirect_uri") not in self.redirect_uris:
            return HTMLResponse("This redirect URI is not registered.", 400)
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return HTMLResponse("Only the code flow with PKCE.", 400)
        if asked.get("login") is None:
            links = "".join(
                f'<p><a href="?{html.escape(urlencode({**asked, "login": one}))}">{html.escape(one)}</a></p>'
                for one in [*self.people, "deny"]
            )
            return HTMLResponse(f"<h1>Corporate accounts</h1>{links}")
        back = {"state": asked["state"], **({"iss": self.issuer} if self.puts_iss else {})}
        if asked["login"] == "deny":
            back |= {"error": "access_denied", "error_description": "the person said no"}
        else:
            code, sid = secrets.token_urlsafe(16), secrets.token_hex(8)
            self.codes[code] = Code(
                asked["login"], asked["redirect_uri"], asked["code_challenge"], asked.get("nonce", ""), sid
            )
            back["code"] = code
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if not _is_client(request):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "refresh_token":
            whose = self.refresh_tokens.pop(form["refresh_token"], None)  # each is good for one use
            return self._tokens(whose[0], None, whose[1]) if whose else _refused("no such refresh token")
        code = self.codes.pop(form.get("code", ""), None)
        if code is None or code.redirect_uri != form.get("redirect_uri"):
            return _refused("the code is unknown, used, or of another redirect URI")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            return _refused("PKCE: the verifier is of another request")
        return self._tokens(code.subject, code.nonce, code.sid)

    def _tokens(self, subject: str, nonce: str | None, sid: str) -> Response:
        now = int(self.now())
        person = self.people[subject]
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 300, "sid": sid}
        claims |= {name: value for name, value in person.items() if name not in self.in_userinfo}
        if nonce is not None:
            claims["nonce"] = nonce
        self.claims(claims)
        access, refresh = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self.access_tokens[access] = subject
        found = {"token_type": "Bearer", "access_token": access, "id_token": self.signed(claims)}
        if self.issues_refresh:
            self.refresh_tokens[refresh] = (subject, sid)
            found["refresh_token"] = refresh
        return JSONResponse(found)

    async def _userinfo(self, request: Request) -> Response:
        subject = self.access_tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if subject is None:
            return Response(status_code=401)
        return JSONResponse({"sub": subject, **self.people[subject]})

    async def _end_session(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)


def _is_client(request: Request) -> bool:
    """client_secret_basic: both halves are form-encoded before base64, RFC 6749 §2.3.1."""
    expected = urlencode({"": CLIENT})[1:] + ":" + urlencode({"": SECRET})[1:]
    sent = request.headers.get("authorization", "").removeprefix("Basic ")
    return base64.b64decode(sent).decode() == expected


def _refused(why: str) -> Response:
    return JSONResponse({"error": "invalid_grant", "error_description": why}, 400)


@asynccontextmanager
async def identity_provider(**options: Any) -> AsyncIterator[IdentityProvider]:
    """A running one, with one person."""
    provider = IdentityProvider(**options)
    async with serving(provider.application()) as url:
        provider.issuer = url
        provider.people["ana"] = {
            "email": "ana@corp.example",
            "email_verified": True,
            "name": "Ana Pérez",
            "groups": ["staff"],
        }
        yield provider
