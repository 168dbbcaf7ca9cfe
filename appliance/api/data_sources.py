"""/api/data: the company's databases, who may ask them, and a query from a script or from who tries one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.api.account_bodies import Json
from appliance.api.data_source_shapes import (
    ChoiceBody,
    DescriptionBody,
    GrantBody,
    NewSourceBody,
    QueryBody,
    SourceChangesBody,
    TrialBody,
    chosen_json,
    drift_json,
    grant_json,
    offered_json,
    readable_json,
    role_json,
    source_json,
    states,
    whole_json,
)
from appliance.api.identity import Identity
from appliance.api.interruption import Interruption
from appliance.api.request_id import request_id_of
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.answers import Tabled
from appliance.domain.data import Asking
from appliance.domain.data_sources import NewSource, SourceChanges
from appliance.domain.people import Caller
from appliance.fairness.cancellation import GONE
from appliance.ports.data import DataDesk
from appliance.services.data.source_tables import SourceTables
from appliance.services.data.sources import Sources
from appliance.services.table_shapes import as_table
from querying.types import Caps

T = TypeVar("T")

_NOBODY_THERE = 499  # as nginx has it; nobody reads it


@dataclass(frozen=True, slots=True)
class Connecting:
    """What somebody who connects a database has to know of this box. caps: of the configuration."""

    password_folder: str
    sqlite_folder: str
    kinds: tuple[str, ...]
    caps: Caps


def data_source_routes(
    sources: Sources, tables: SourceTables, desk: DataDesk, connecting: Connecting, identity: Identity
) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/data", tags=["data"], route_class=StrictJsonRoute)
    _asking(routes, desk, identity)
    _managing(routes, sources, connecting, identity)
    _choosing(routes, tables, identity)
    _sharing(routes, sources, identity)
    return routes


def _asking(routes: APIRouter, desk: DataDesk, identity: Identity) -> None:
    @routes.get("/offered")
    async def offered(caller: Caller = Depends(identity.caller)) -> Json:
        """Databases and workbooks that the caller may ask, with the tables and columns they are shown."""
        return {"data": offered_json(await desk.offered(caller))}

    @routes.post("/sources/{source_id}/query", response_model=None)
    async def query(
        source_id: UUID, body: QueryBody, request: Request, caller: Caller = Depends(identity.caller)
    ) -> Json | Response:
        """Who hangs up stops the query in the database."""
        via = Asking("trial" if body.is_trial else "api", request_id=request_id_of(request.scope))
        run = await _while_there(request, desk.run(caller, source_id, body.sql, via, body.values))
        return Response(status_code=_NOBODY_THERE) if run is None else as_table(Tabled(run))


def _managing(routes: APIRouter, sources: Sources, connecting: Connecting, identity: Identity) -> None:
    @routes.get("/sources")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        found = await sources.overviews(caller)
        caps = connecting.caps
        return {
            "data": [
                {
                    **source_json(one.source),
                    "states": states(one.source, one.tables, one.grants, one.drift),
                    "table_count": one.tables,
                }
                for one in found
            ],
            "password_folder": connecting.password_folder,
            "sqlite_folder": connecting.sqlite_folder,
            "kinds": list(connecting.kinds),
            "caps": {
                "rows": caps.rows,
                "mib": caps.bytes >> 20,
                "timeout_s": caps.seconds,
                "cost": caps.cost,
            },
        }

    @routes.post("/sources/test")
    async def test(body: TrialBody, caller: Caller = Depends(identity.caller)) -> Json:
        """Connect once, and tell what the role could do; nothing is kept."""
        tested = await sources.test(caller, body.kind, body.settings)
        return {"role": role_json(tested.role), "tables": tested.tables}

    @routes.post("/sources", status_code=201)
    async def add(body: NewSourceBody, caller: Caller = Depends(identity.caller)) -> Json:
        new = NewSource(
            body.name, body.kind, body.settings, body.description, body.caps.caps(), body.writable_because
        )
        return whole_json(await sources.add(caller, new))

    @routes.get("/sources/{source_id}")
    async def one(source_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return whole_json(await sources.whole(caller, source_id))

    @routes.patch("/sources/{source_id}")
    async def change(
        source_id: UUID, body: SourceChangesBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        changes = SourceChanges(
            body.name,
            body.settings,
            body.description,
            None if body.caps is None else body.caps.caps(),
            body.is_paused,
            body.writable_because,
        )
        return whole_json(await sources.change(caller, source_id, changes))

    @routes.delete("/sources/{source_id}", status_code=204)
    async def remove(source_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await sources.remove(caller, source_id)
        return Response(status_code=204)


def _choosing(routes: APIRouter, tables: SourceTables, identity: Identity) -> None:
    @routes.get("/sources/{source_id}/tables")
    async def readable(source_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        """All that the role could read when the schema was read last."""
        return {"data": [readable_json(one) for one in await tables.readable(caller, source_id)]}

    @routes.put("/sources/{source_id}/tables")
    async def choose(source_id: UUID, body: ChoiceBody, caller: Caller = Depends(identity.caller)) -> Json:
        wanted = {one.name: one.columns for one in body.tables}
        return whole_json(await tables.choose(caller, source_id, wanted))

    @routes.patch("/sources/{source_id}/tables")
    async def describe(
        source_id: UUID, body: DescriptionBody, caller: Caller = Depends(identity.caller)
    ) -> Json:
        columns = [one.changes() for one in body.columns]
        return chosen_json(await tables.describe(caller, source_id, body.table, body.description, columns))

    @routes.post("/sources/{source_id}/refresh")
    async def refresh(source_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return whole_json(await tables.refresh(caller, source_id))

    @routes.get("/sources/{source_id}/drift")
    async def drift(source_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [drift_json(one) for one in await tables.drift(caller, source_id)]}


def _sharing(routes: APIRouter, sources: Sources, identity: Identity) -> None:
    @routes.get("/sources/{source_id}/shares")
    async def shares(source_id: UUID, caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [grant_json(one) for one in (await sources.whole(caller, source_id)).grants]}

    @routes.put("/sources/{source_id}/shares")
    async def give(source_id: UUID, body: GrantBody, caller: Caller = Depends(identity.caller)) -> Json:
        return grant_json(await sources.give(caller, source_id, body.subject))

    @routes.delete("/sources/{source_id}/shares", status_code=204)
    async def take(
        source_id: UUID,
        subject: Annotated[str, Query(alias="with", min_length=1, max_length=400)],
        caller: Caller = Depends(identity.caller),
    ) -> Response:
        await sources.take(caller, source_id, subject)
        return Response(status_code=204)


async def _while_there(request: Request, work: Awaitable[T]) -> T | None:
    """What it brings; None where the client has gone, which ends it."""
    interruption = Interruption()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        interruption.now(GONE)

    watcher = asyncio.create_task(watch())
    try:
        with interruption:
            return await work
    except asyncio.CancelledError:
        if interruption.reason is None:
            raise
        return None
    finally:
        watcher.cancel()
