"""/api/me: oneself, as one wants to be met, and one's password."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from appliance.api.account_bodies import Json, OwnChangesBody, OwnPasswordBody, profile_json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.ports import PreferenceChanges
from appliance.services.accounts import Accounts
from appliance.services.accounts.own_profile import OwnProfile


def own_routes(accounts: Accounts, mine: OwnProfile, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/me", tags=["me"], route_class=StrictJsonRoute)

    @routes.get("")
    async def me(request: Request, response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        _prolong(accounts, identity, request, response, caller)
        return profile_json(await mine.profile(caller))

    @routes.patch("")
    async def change(
        response: Response, body: OwnChangesBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        changes = PreferenceChanges(body.theme, body.instructions, body.shortcuts)
        is_changed = changes != PreferenceChanges()
        response.headers["cache-control"] = "no-store"
        return profile_json(
            await mine.change(
                caller, name=body.name, language=body.language, preferences=changes if is_changed else None
            )
        )

    @routes.put("/password", status_code=204)
    async def change_password(body: OwnPasswordBody, caller: Caller = Depends(identity.caller)) -> Response:
        await accounts.people.change_password(caller, body.old_password, body.new_password)
        return Response(status_code=204)

    return routes


def _prolong(
    accounts: Accounts, identity: Identity, request: Request, response: Response, caller: Caller
) -> None:
    """The cookie lives on with the session: the page asks who it is whenever it is opened."""
    token = identity.session_token(request.scope)
    if caller.session_id is not None and token is not None:
        cookie = identity.session_cookie(request.scope, token, accounts.sign_in.cookie_age_s)
        response.headers["set-cookie"] = cookie
    response.headers["cache-control"] = "no-store"
