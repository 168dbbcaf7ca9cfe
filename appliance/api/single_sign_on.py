"""/api/sign-in/oidc: the browser's way to the company's identity provider and back, and the provider's own call.

Only cookies and redirects here; what is believed is decided in `services/single_sign_on`. Every failure ends on the
sign-in page with a sentence, never on a bare error.
"""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Scope

from appliance.api.accounts import Leave
from appliance.api.identity import SECURE_COOKIE, Identity
from appliance.api.origins import header_values, normal_origin
from appliance.api.page_forwarder import SIGN_IN_PAGE
from appliance.api.page_shell import COMPANY_SIGN_IN
from appliance.domain.people import Caller
from appliance.errors import (
    ApplianceError,
    CompanySignInFailed,
    ConflictingCredentials,
    CrossSiteRequest,
    NotAuthenticated,
    PlainHttpRefused,
    SignInStateLost,
)
from appliance.services.accounts.sign_in import Device, SignIn
from appliance.services.single_sign_on.pending import KEPT_S
from appliance.services.single_sign_on.sign_on import SingleSignOn

logger = logging.getLogger(__name__)

BEGIN = COMPANY_SIGN_IN
CALLBACK = f"{BEGIN}/callback"
BACK_CHANNEL = f"{BEGIN}/back-channel-logout"
_COOKIE_SUFFIX = "-begun"
_LONGEST_LOGOUT = 100_000


def redirect_uri(public_url: str, own_origin: str) -> str:
    """What is entered at the provider."""
    return (public_url or own_origin) + CALLBACK


def single_sign_on_routes(single_sign_on: SingleSignOn, sign_in: SignIn, identity: Identity) -> APIRouter:
    """Out, back, signed out there; and for administrators: undoing a link."""
    routes = APIRouter(tags=["sessions"])
    origins = identity.origins

    @routes.get(BEGIN, status_code=302)
    async def begin(request: Request) -> Response:
        scope, next_path = request.scope, request.query_params.get("next")
        try:
            # The cookie belongs to the origin that the provider sends the browser back to; once, in case a proxy lies.
            elsewhere = origins.public_url and origins.own(scope) != normal_origin(origins.public_url)
            if elsewhere and "moved" not in request.query_params:
                wish = urlencode({"moved": "1", **({"next": next_path} if next_path else {})})
                return _to(f"{origins.public_url}{BEGIN}?{wish}")
            name = _cookie_name(identity, scope)
            departure = await single_sign_on.begin(
                redirect_uri(origins.public_url, origins.own(scope)),
                next_path,
                _cookie(scope, name),
                origins.client(scope),
            )
        except ApplianceError as error:
            return _explained(error)
        return _to(departure.url, _set_cookie(name, departure.browser, KEPT_S))

    @routes.get(CALLBACK, status_code=302)
    async def callback(request: Request) -> Response:
        scope = request.scope
        try:
            name = _cookie_name(identity, scope)
            device = Device(origins.client(scope), request.headers.get("user-agent", ""))
            answer = _answer(request)
            signed_in, next_path = await single_sign_on.finish(
                answer, _cookie(scope, name), device, _old_token(identity, request)
            )
            session = identity.session_cookie(scope, signed_in.token, sign_in.cookie_age_s)
        except SignInStateLost as error:
            # The same answer opened again by who is in already: there is nothing to explain to them.
            return _to("/") if await _is_signed_in(identity, scope) else _explained(error)
        except ApplianceError as error:
            return _explained(error)
        except Exception:
            logger.exception("A sign-in with the identity provider broke off.")
            return _explained(CompanySignInFailed())
        return _to(next_path, session, _set_cookie(name, "", 0))

    @routes.post(BACK_CHANNEL, status_code=200)
    async def back_channel(request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _LONGEST_LOGOUT:
                return _plain(400)
        tokens = parse_qs(body.decode("latin-1")).get("logout_token", [])
        if len(tokens) != 1:
            return _plain(400)
        try:
            await single_sign_on.signed_out_there(tokens[0])
        except CompanySignInFailed:
            return _plain(400)
        return _plain(200)

    @routes.delete("/api/users/{user_id}/company-account", status_code=204, tags=["users"])
    async def unlink(user_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await single_sign_on.unlink(caller, user_id)
        return Response(status_code=204)

    return routes


def leaving(single_sign_on: SingleSignOn, identity: Identity) -> Leave:
    """Where a browser that signs out goes, to be signed out at the provider too."""

    async def leave(caller: Caller, scope: Scope) -> str | None:
        back_to = identity.origins.public_url or identity.origins.own(scope)
        return await single_sign_on.sign_out_url(caller, back_to + "/")

    return leave


def _answer(request: Request) -> dict[str, str]:
    """What the browser brought back; a name that comes twice could mean two things, so it means neither."""
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise CompanySignInFailed
    return dict(pairs)


def _explained(error: ApplianceError) -> Response:
    """To the sign-in page, which says it in the reader's language and offers another try."""
    return _to(f"{SIGN_IN_PAGE}?{urlencode({'problem': error.code})}")


def _to(url: str, *cookies: str) -> Response:
    response = Response(status_code=302, headers={"location": url, "cache-control": "no-store"})
    response.headers["referrer-policy"] = "no-referrer"
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
    return response


def _plain(status: int) -> Response:
    return Response(status_code=status, headers={"cache-control": "no-store"})


def _cookie_name(identity: Identity, scope: Scope) -> str:
    name = identity.cookie_name(scope)
    if name is None:
        raise PlainHttpRefused
    return name + _COOKIE_SUFFIX


def _set_cookie(name: str, value: str, max_age_s: int) -> str:
    secure = "; Secure" if name.startswith(SECURE_COOKIE) else ""
    return f"{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"


def _cookie(scope: Scope, name: str) -> str | None:
    found = set()
    for header in header_values(scope, b"cookie"):
        for pair in header.split(";"):
            key, separator, value = pair.partition("=")
            if separator and key.strip() == name:
                found.add(value.strip())
    return found.pop() if len(found) == 1 else None


async def _is_signed_in(identity: Identity, scope: Scope) -> bool:
    try:
        return (await identity.identify(scope)).session_id is not None
    except ApplianceError:
        return False


def _old_token(identity: Identity, request: Request) -> str | None:
    try:
        return identity.session_token(request.scope)
    except (ConflictingCredentials, NotAuthenticated, CrossSiteRequest):
        return None
