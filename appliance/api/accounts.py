"""Signing in and out, oneself, people, groups, keys and one-time links, under /api.

Every rule is in the use cases; here a body becomes a call and a value becomes JSON. Lists are `{"data": […]}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Scope

from appliance.api.account_bodies import (
    GroupBody,
    GroupChangesBody,
    ImportBody,
    Json,
    LinkFor,
    MembersBody,
    NewKeyBody,
    NewUserBody,
    SignInBody,
    TokenBody,
    UseLinkBody,
    UserChangesBody,
    event_json,
    group_json,
    key_json,
    session_json,
    user_json,
)
from appliance.api.csv_exports import Separator, csv_response
from appliance.api.identity import Identity
from appliance.api.me import own_routes
from appliance.api.origins import header_values
from appliance.api.people_table import USER_COLUMNS, user_rows
from appliance.api.strict_json import StrictJsonRoute
from appliance.api.turn_shapes import writable
from appliance.domain.people import Caller, Role, Scopes
from appliance.errors import CrossSiteRequest, InvalidRequest, NotAuthenticated
from appliance.ports.accounts import LinkKind, PeopleFilter
from appliance.services.accounts import Accounts, Device
from appliance.services.accounts.importing import import_users
from appliance.services.accounts.links import OneTimeLink
from appliance.services.accounts.own_profile import OwnProfile
from appliance.services.accounts.passwords import generate_password
from appliance.services.accounts.ports import PreferenceRepository

_MOST_WORDS = 10  # of a search

Leave = Callable[[Caller, Scope], Awaitable[str | None]]


def account_routers(
    accounts: Accounts, identity: Identity, preferences: PreferenceRepository, leave: Leave | None = None
) -> list[APIRouter]:
    """All routes of this room, for `create_app`. leave: where who signs out goes on to, at the company's provider."""
    return [
        session_routes(accounts, identity, leave),
        own_routes(accounts, OwnProfile(accounts.people, preferences), identity),
        session_routes_of_others(accounts, identity),
        user_routes(accounts, identity),
        group_routes(accounts, identity),
        key_routes(accounts, identity),
        *(link_routes(accounts, identity, kind) for kind in ("invitation", "password_reset")),
    ]


def session_routes(accounts: Accounts, identity: Identity, leave: Leave | None = None) -> APIRouter:
    """/api/sessions: signing in and out."""
    routes = APIRouter(prefix="/api/sessions", tags=["sessions"], route_class=StrictJsonRoute)
    sign_in = accounts.sign_in

    @routes.post("", status_code=201)
    async def begin(request: Request, response: Response, body: SignInBody) -> Json:
        _refuse_other_sites(identity, request)
        identity.session_cookie(request.scope, "", 0)  # refuses before the password is looked at
        old = _old_token(identity, request)
        signed_in = await sign_in.sign_in(body.email, body.password, _device(identity, request), old)
        cookie = identity.session_cookie(request.scope, signed_in.token, sign_in.cookie_age_s)
        response.headers["set-cookie"] = cookie
        response.headers["cache-control"] = "no-store"
        return {"id": str(signed_in.session.id), "user": user_json(signed_in.user)}

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [session_json(session, caller) for session in await sign_in.sessions(caller)]}

    @routes.delete("/current", status_code=204, response_model=None)
    async def end(request: Request, caller: Caller = Depends(identity.caller)) -> Response:
        url = await leave(caller, request.scope) if leave is not None else None
        await sign_in.sign_out(caller)
        cookie = identity.session_cookie(request.scope, "", 0)
        headers = {"set-cookie": cookie, "clear-site-data": '"cache", "storage"'}
        if url is None:
            return Response(status_code=204, headers=headers)
        return JSONResponse({"sign_out_url": url}, headers={**headers, "cache-control": "no-store"})

    @routes.delete("/others", status_code=204)
    async def end_others(caller: Caller = Depends(identity.caller)) -> Response:
        await sign_in.end_other_sessions(caller)
        return Response(status_code=204)

    @routes.delete("/{session_id}", status_code=204)
    async def end_one(session_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await sign_in.end_session(caller, session_id)
        return Response(status_code=204)

    return routes


def session_routes_of_others(accounts: Accounts, identity: Identity) -> APIRouter:
    """/api/users/{id}/sessions: where somebody is signed in, for who runs the place."""
    routes = APIRouter(prefix="/api/users/{user_id}/sessions", tags=["users"], route_class=StrictJsonRoute)
    sign_in = accounts.sign_in

    @routes.get("")
    async def listed(user_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        await accounts.people.user_to_read(caller, user_id)
        return {
            "data": [session_json(session, caller) for session in await sign_in.sessions_of(caller, user_id)]
        }

    @routes.delete("", status_code=204)
    async def end_all(user_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await sign_in.end_sessions_of(caller, user_id)
        return Response(status_code=204)

    @routes.delete("/{session_id}", status_code=204)
    async def end_one(user_id: UUID, session_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await sign_in.end_sessions_of(caller, user_id, only=session_id)
        return Response(status_code=204)

    return routes


def user_routes(accounts: Accounts, identity: Identity) -> APIRouter:
    """/api/users and what was done to them."""
    routes = APIRouter(prefix="/api", tags=["users"], route_class=StrictJsonRoute)
    people = accounts.people

    @routes.get("/users")
    async def listed(
        after: Annotated[str, Query(max_length=400)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        email: Annotated[str | None, Query(max_length=400)] = None,
        q: Annotated[str, Query(max_length=400)] = "",
        role: Role | None = None,
        suspended: bool | None = None,
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
        caller: Caller = Depends(identity.caller),
    ) -> Any:  # noqa: ANN401 - JSON or a file
        if format == "csv":
            groups = {group.id: group.name for group in await people.groups(caller)}
            rows = user_rows(await people.everybody(caller), groups)
            return csv_response("people.csv", USER_COLUMNS, rows, separator)
        if email is not None:
            found = await people.search_by_email(caller, email)
            return {"data": [] if found is None else [user_json(found)]}
        wanted = PeopleFilter(tuple(writable(q).split()[:_MOST_WORDS]), role, suspended)
        page, total = await people.found(caller, wanted, after, limit + 1)
        has_more = len(page) > limit
        return {
            "data": [user_json(user) for user in page[:limit]],
            "total": total,
            "has_more": has_more,
            "next": page[limit - 1].email if has_more else None,
        }

    @routes.post("/users", status_code=201)
    async def add(request: Request, body: NewUserBody, caller: Caller = Depends(identity.caller)) -> Json:
        if body.invite and body.password is not None:
            raise InvalidRequest("An invitation lets people choose their own `password`.", param="password")
        password = None if body.invite else body.password or generate_password()
        user = await people.add(
            caller,
            body.email,
            name=body.name,
            role=body.role,
            group_ids=body.group_ids,
            password=password,
            language=body.language,
        )
        answer = user_json(user)
        if body.invite:
            link = await accounts.links.make(caller, "invitation", user.id)
            answer["invitation"] = _link_json(identity, request, link)
        elif body.password is None:
            answer["password"] = password
        return answer

    @routes.post("/users/import")
    async def import_csv(
        request: Request, body: ImportBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        lines = await import_users(caller, body.csv, people, accounts.links)
        return {
            "added": sum(line.link is not None for line in lines),
            "data": [
                {
                    "line": line.line,
                    "email": line.email,
                    "error": line.error or None,
                    "invitation": line.link and _link_json(identity, request, line.link),
                }
                for line in lines
            ],
        }

    @routes.get("/users/{user_id}")
    async def one(user_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return user_json(await people.user(caller, user_id))

    @routes.patch("/users/{user_id}")
    async def change(user_id: UUID, body: UserChangesBody, caller: Caller = Depends(identity.caller)) -> Json:
        user = await people.change(
            caller,
            user_id,
            name=body.name,
            role=body.role,
            is_suspended=body.is_suspended,
            language=body.language,
            weight=body.weight,
        )
        return user_json(user)

    @routes.get("/account-events")
    async def events(
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        caller: Caller = Depends(identity.caller),
    ) -> Json:
        return {"data": [event_json(event) for event in await people.events(caller, before, limit)]}

    return routes


def group_routes(accounts: Accounts, identity: Identity) -> APIRouter:
    """/api/groups."""
    routes = APIRouter(prefix="/api/groups", tags=["groups"], route_class=StrictJsonRoute)
    people = accounts.people

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [group_json(group) for group in await people.groups(caller)]}

    @routes.post("", status_code=201)
    async def add(body: GroupBody, caller: Caller = Depends(identity.caller)) -> Json:
        return group_json(
            await people.add_group(caller, body.name, weight=body.weight, parent_id=body.parent_id)
        )

    @routes.patch("/{group_id}")
    async def change(
        group_id: UUID, body: GroupChangesBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        return group_json(await people.change_group(caller, group_id, body.changes()))

    @routes.delete("/{group_id}", status_code=204)
    async def remove(group_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await people.remove_group(caller, group_id)
        return Response(status_code=204)

    @routes.put("/{group_id}/members", status_code=204)
    async def members(
        group_id: UUID, body: MembersBody, caller: Caller = Depends(identity.caller)
    ) -> Response:
        await people.set_members(caller, group_id, frozenset(body.user_ids))
        return Response(status_code=204)

    return routes


def key_routes(accounts: Accounts, identity: Identity) -> APIRouter:
    """/api/keys."""
    routes = APIRouter(prefix="/api/keys", tags=["keys"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(everybody: bool = False, caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [key_json(key) for key in await accounts.keys.keys(caller, everybody=everybody)]}

    @routes.post("", status_code=201)
    async def make(response: Response, body: NewKeyBody, caller: Caller = Depends(identity.caller)) -> Json:
        made = await accounts.keys.make(
            caller,
            body.user_id or caller.user_id,
            name=body.name,
            scopes=Scopes(
                None if body.models is None else frozenset(body.models),
                None if body.routes is None else tuple(body.routes),
            ),
            expires_at=body.expires_at,
            is_batch=body.is_batch,
            stays_local=body.stays_local,
            allows_smaller=body.allows_smaller,
        )
        response.headers["cache-control"] = "no-store"
        return {**key_json(made.key), "key": made.secret}

    @routes.delete("/{key_id}")
    async def revoke(key_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return key_json(await accounts.keys.revoke(caller, key_id))

    return routes


def link_routes(accounts: Accounts, identity: Identity, kind: LinkKind) -> APIRouter:
    """/api/invitations or /api/password-resets."""
    prefix = {"invitation": "/api/invitations", "password_reset": "/api/password-resets"}[kind]
    routes = APIRouter(prefix=prefix, tags=["links"], route_class=StrictJsonRoute)

    @routes.post("", status_code=201)
    async def make(request: Request, body: LinkFor, caller: Caller = Depends(identity.caller)) -> Json:
        return _link_json(identity, request, await accounts.links.make(caller, kind, body.user_id))

    @routes.post("/look")
    async def look(body: TokenBody) -> Json:
        user = await accounts.links.look(kind, body.token)
        return {
            "email": user.email,
            "name": user.name,
            "language": user.language,
            "min_password_length": accounts.links.min_password_length,
        }

    @routes.post("/use", status_code=204)
    async def use(request: Request, body: UseLinkBody) -> Response:
        _refuse_other_sites(identity, request)
        address = identity.origins.client(request.scope)
        await accounts.links.use(kind, body.token, body.password, address)
        return Response(status_code=204)

    return routes


def _link_json(identity: Identity, request: Request, link: OneTimeLink) -> Json:
    base = identity.origins.public_url or identity.origins.own(request.scope)
    return {
        "user_id": str(link.user.id),
        "email": link.user.email,
        "url": base + link.path,
        "expires_at": link.expires_at.isoformat(),
    }


def _device(identity: Identity, request: Request) -> Device:
    return Device(identity.origins.client(request.scope), request.headers.get("user-agent", ""))


def _refuse_other_sites(identity: Identity, request: Request) -> None:
    """Another site must not sign its visitor in (as somebody else). Programs send neither header and may."""
    if header_values(request.scope, b"sec-fetch-site") or header_values(request.scope, b"origin"):
        identity.require_same_origin(request.scope)


def _old_token(identity: Identity, request: Request) -> str | None:
    try:
        return identity.session_token(request.scope)
    except (InvalidRequest, NotAuthenticated, CrossSiteRequest):
        return None
