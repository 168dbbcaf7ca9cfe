"""`GET /api/data/workbooks/ID`: the tables that were made of a workbook, for whoever may see the document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from appliance.api.vector_store_shapes import note_codes
from appliance.domain.people import Caller
from appliance.domain.workbooks import KeptTable
from appliance.services.data.workbooks import WorkbookSources
from appliance.services.knowledge import identifiers

Identify = Callable[[Request], Awaitable[Caller]]

_HEADERS = {"cache-control": "private, no-cache", "vary": "Authorization, Cookie"}


def workbook_routes(workbooks: WorkbookSources, identify: Identify) -> APIRouter:
    """The route, for the application to include."""
    routes = APIRouter(tags=["data"])

    @routes.get("/api/data/workbooks/{file_id}")
    async def workbook(
        file_id: str, response: Response, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        response.headers.update(_HEADERS)
        tables, notes = await workbooks.of_file(caller, identifiers.parse(identifiers.FILE, file_id))
        return {
            "object": "data.workbook",
            "file_id": file_id,
            "tables": [_table(one) for one in tables],
            **_notes(notes),
        }

    return routes


def _table(one: KeptTable) -> dict[str, Any]:
    return {
        "name": one.table.name,
        "sheet": one.label,
        "place": one.place,
        "title": one.table.description,
        "rows": one.table.rows,
        "columns": [
            {"name": column.name, "kind": column.kind, "description": column.description}
            for column in one.table.columns
        ],
        **_notes(one.notes),
    }


def _notes(notes: Sequence[str]) -> dict[str, Any]:
    return {"notes": list(notes), "note_codes": note_codes(notes)}
