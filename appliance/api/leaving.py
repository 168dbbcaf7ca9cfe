"""/api/leaving: what may leave the box as it counts now and why, what administrators narrow, and every decision."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from appliance.api.account_bodies import Body, Json
from appliance.api.csv_exports import Row, Separator, csv_response
from appliance.api.cursors import cursor, parse_cursor, parse_moment
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.fairness.leaving.overview import DecisionQuery, Effect, KeptDecision, NamedRule
from appliance.fairness.leaving.port import Reason
from appliance.fairness.leaving.rules import SENTENCES, Narrowing, Permission
from appliance.fairness.leaving.settings import When
from appliance.services.audit import Audit
from appliance.services.knowledge.identifiers import COLLECTION, parse, wire
from appliance.services.leaving import LeavingOverview, LeavingPolicy

_MOST = 1000
_MOST_PREVIEWED = 100
_NO_STORE = {"cache-control": "no-store"}
_HEADER = (
    "happened_at",
    "decision",
    "code",
    "why",
    "email",
    "model",
    "reason",
    "waited_s",
    "origins",
    "redactions",
    "key",
    "request_id",
    "user_id",
    "id",
)
ModelName = Annotated[str, Field(min_length=1, max_length=200)]


class People(Body):
    """People and groups, by id. A group counts for the groups below it too."""

    users: list[UUID] = Field(default_factory=list, max_length=_MOST)
    groups: list[UUID] = Field(default_factory=list, max_length=_MOST)


class Subjects(People):
    """And models, by name."""

    models: list[ModelName] = Field(default_factory=list, max_length=_MOST)


class Only(Body):
    """null: everybody, every model. An empty list: nobody."""

    people: People | None = None
    models: list[ModelName] | None = Field(None, max_length=_MOST)


class NarrowingBody(Body):
    """PUT /api/leaving: all that is narrowed, in place of what was. null: as the operator's file has it."""

    at_most: When | None = None
    queue_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = None
    personal_data: Literal["veto"] | None = None
    stays: Subjects = Field(default_factory=Subjects)
    only: Only = Field(default_factory=Only)

    def rules(self) -> list[NamedRule]:
        """As they are kept."""
        only, people = self.only, self.only.people or People()
        return [
            *_rules("stays", self.stays.users, self.stays.groups, self.stays.models),
            *_rules("only", people.users, people.groups, only.models or ()),
        ]

    def narrowing(self) -> Narrowing:
        """As it counts."""
        people, models = self.only.people, self.only.models
        return Narrowing(
            self.at_most,
            self.queue_s,
            self.personal_data == "veto",
            frozenset([*self.stays.users, *self.stays.groups]),
            frozenset(self.stays.models),
            None if people is None else frozenset([*people.users, *people.groups]),
            None if models is None else frozenset(models),
        )


class MarkBody(Body):
    """PUT /api/leaving/collections/{store_id}."""

    may_leave: Annotated[bool, Field(strict=True)]


def leaving_routes(policy: LeavingPolicy, audit: Audit, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/leaving", tags=["leaving"], route_class=StrictJsonRoute)

    @routes.get("")
    async def overview(caller: Caller = Depends(identity.caller)) -> Response:
        """What the file permits, what is narrowed, and what is left of it."""
        return JSONResponse(_overview(await policy.overview(caller)), headers=_NO_STORE)

    @routes.put("")
    async def narrow(body: NarrowingBody, caller: Caller = Depends(identity.caller)) -> Response:
        """It can only narrow what `[leaving]` in appliance.toml permits."""
        told = await policy.narrow(caller, body.narrowing(), body.rules())
        return JSONResponse(_overview(told), headers=_NO_STORE)

    @routes.get("/collections")
    async def collections(caller: Caller = Depends(identity.caller)) -> Json:
        """Those that can be marked, the marked ones first; for auditors the marked ones alone."""
        listed = [
            {
                "id": wire(COLLECTION, one.id),
                "name": one.name,
                "owner_kind": one.owner_kind,
                "owner": one.owner_name or None,
                "may_leave": one.may_leave,
            }
            for one in await policy.collections(caller)
        ]
        return {"object": "list", "data": listed}

    @routes.put("/collections/{store_id}")
    async def mark(store_id: str, body: MarkBody, caller: Caller = Depends(identity.caller)) -> Json:
        """Administrators mark; whose collection it is may take the mark away."""
        number = parse(COLLECTION, store_id, "store_id")
        await policy.mark(caller, number, may_leave=body.may_leave)
        return {"id": wire(COLLECTION, number), "may_leave": body.may_leave}

    @routes.get("/preview")
    async def preview(
        caller: Caller = Depends(identity.caller),
        model: Annotated[str, Query(max_length=400)] = "",
        collection: Annotated[list[str] | None, Query(max_length=_MOST_PREVIEWED)] = None,
        reason: Reason = "local_down",
    ) -> Response:
        """Of the caller's own question over these collections, without its words: might it leave, and why not."""
        wanted = [parse(COLLECTION, one, "collection") for one in collection or ()]
        kept = await policy.preview(caller, model, wanted, reason)
        told: Json = {"may_leave": kept is None, "code": kept and kept.code, "why": kept and kept.why}
        return JSONResponse(told, headers=_NO_STORE)

    @routes.get("/decisions")
    async def decisions(
        caller: Caller = Depends(identity.caller),
        decision: Literal["leave", "stay"] | None = None,
        code: Annotated[str | None, Query(max_length=40, pattern="^[a-z_]+$")] = None,
        person: Annotated[str | None, Query(max_length=400)] = None,
        model: Annotated[str | None, Query(max_length=400)] = None,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        before: Annotated[str | None, Query(max_length=120)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
    ) -> Response:
        """Newest first; person: by id or address; before: the answer's `next`."""
        query = DecisionQuery(
            None if decision is None else decision == "leave",
            code,
            None if person is None else await audit.person(caller, person),
            model,
            parse_moment(since, "from"),
            parse_moment(until, "to", is_end=True),
            _position(before),
        )
        if format == "csv":
            rows = _rows(await policy.all_decisions(caller, query))
            return csv_response("leaving.csv", _HEADER, rows, separator)
        page = await policy.decisions(caller, query, limit)
        last = page.rows[-1].decision if page.has_more else None
        told = {
            "object": "list",
            "data": [_decision(row) for row in page.rows],
            "has_more": page.has_more,
            "next": None if last is None else cursor(last.happened_at, str(last.id)),
        }
        return JSONResponse(told, headers=_NO_STORE)

    return routes


def _rules(
    effect: Effect, users: Sequence[UUID], groups: Sequence[UUID], models: Sequence[str]
) -> list[NamedRule]:
    return [
        *(NamedRule(effect, "user", str(one)) for one in users),
        *(NamedRule(effect, "group", str(one)) for one in groups),
        *(NamedRule(effect, "model", one) for one in models),
    ]


def _overview(told: LeavingOverview) -> Json:
    narrowing, left = told.narrowing, told.left
    people = None if narrowing.only_people is None else _named(told.rules, "only", "user", "group")
    models = None if narrowing.only_models is None else _named(told.rules, "only", "model")["models"]
    return {
        "permitted": _permission(told.permitted),
        "narrowed": {
            "at_most": narrowing.at_most,
            "queue_s": narrowing.queue_s,
            "personal_data": "veto" if narrowing.vetoes else None,
            "stays": _named(told.rules, "stays", "user", "group", "model"),
            "only": {"people": people, "models": models},
        },
        "counts_now": _permission(left),
        "why": _why(told.permitted, narrowing, left),
        "last_24_hours": {
            "left": told.counts.get("leaves", 0),
            "stayed": {code: count for code, count in sorted(told.counts.items()) if code != "leaves"},
        },
        "reasons": dict(SENTENCES),
    }


def _permission(permission: Permission) -> Json:
    return {
        "when": permission.when,
        "queue_s": permission.queue_s,
        "personal_data": "redact" if permission.redacts else "veto",
        "by_name": permission.by_name,
        "chat_files": permission.chat_files,
    }


def _why(permitted: Permission, narrowing: Narrowing, left: Permission) -> str:
    """Who decided what counts now."""
    if permitted.when == "never":
        return "Nothing may leave: `leaving.when` in appliance.toml is `never`, as it is by default."
    if left.when == "never":
        return (
            "Nothing may leave: an administrator has said so here, although appliance.toml would permit it."
        )
    if left != permitted or narrowing != Narrowing():
        return "appliance.toml permits it, and administrators have narrowed it here."
    return "appliance.toml permits it, and nobody has narrowed it here."


def _named(rules: Sequence[NamedRule], effect: Effect, *kinds: str) -> Json:
    """ids with names of people and groups; names of models."""
    chosen = [rule for rule in rules if rule.effect == effect]
    told: Json = {
        f"{kind}s": [{"id": rule.subject, "name": rule.name} for rule in chosen if rule.kind == kind]
        for kind in ("user", "group")
        if kind in kinds
    }
    if "model" in kinds:
        told["models"] = [rule.subject for rule in chosen if rule.kind == "model"]
    return told


def _position(before: str | None) -> tuple[datetime, UUID] | None:
    """Raises InvalidRequest for what is no cursor of ours."""
    found = parse_cursor(before)
    if found is None:
        return None
    try:
        return found[0], UUID(found[1])
    except ValueError:
        raise InvalidRequest("`before` is not the `next` of an earlier answer.", param="before") from None


def _decision(row: KeptDecision) -> Json:
    """origins null: unknown. email, key null: nobody has that id any more, or no key was used."""
    one = row.decision
    return {
        "id": str(one.id),
        "happened_at": one.happened_at.isoformat(),
        "decision": "leave" if one.leaves else "stay",
        "code": one.code,
        "why": one.why,
        "user_id": str(one.user_id),
        "email": row.email,
        "key": row.key_prefix,
        "request_id": one.request_id,
        "model": one.model,
        "reason": one.reason,
        "waited_s": round(one.waited_s, 3),
        "origins": None if one.origins is None else sorted(one.origins),
        "redactions": one.redactions,
    }


async def _rows(decisions: AsyncIterator[KeptDecision]) -> AsyncIterator[Row]:
    async for row in decisions:
        told = _decision(row)
        told["origins"] = "unknown" if told["origins"] is None else " ".join(told["origins"])
        yield [row.decision.happened_at, *(told[name] for name in _HEADER[1:])]
