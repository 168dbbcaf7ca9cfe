"""`/api/data/results/ID`: what a question to the company's tables brought: by pages, as CSV, as an Excel workbook."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from appliance.api.csv_exports import harmless
from appliance.api.identity import Identity
from appliance.domain.data_results import KeptResult
from appliance.domain.people import Caller, Language
from appliance.services.data.result_csv import CsvForm, csv_of, form_for
from appliance.services.data.result_xlsx import write_xlsx
from appliance.services.data.results import KeptResults
from appliance.services.table_shapes import as_cell

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_WRITTEN_AT_ONCE = 2  # workbooks of one gateway process
_NOT_IN_NAMES = re.compile(r"[^\w.()+ -]+")
MOST_ROWS = 1000


def data_result_routes(results: KeptResults, identity: Identity, folder: Path) -> APIRouter:
    """The routes of this room. folder: for workbooks while they are written."""
    routes = APIRouter(prefix="/api/data/results", tags=["data"])
    writing = asyncio.Semaphore(_WRITTEN_AT_ONCE)

    @routes.get("/{result_id}.csv")
    async def as_csv(
        result_id: UUID,
        separator: Literal["comma", "semicolon"] | None = None,
        decimal: Literal["point", "comma"] | None = None,
        bom: bool = True,
        language: Language | None = None,
        caller: Caller = Depends(identity.caller),
    ) -> Response:
        result = await results.head(caller, result_id)
        usual = form_for(language or caller.language)
        form = CsvForm(separator or usual.separator, decimal or usual.decimal, bom)
        rows = csv_of(result.columns, results.pages(caller, result_id), form, harmless)
        return StreamingResponse(
            rows, media_type="text/csv; charset=utf-8", headers=_HEADERS | _attachment(result, "csv")
        )

    @routes.get("/{result_id}.xlsx")
    async def as_xlsx(
        result_id: UUID, language: Language | None = None, caller: Caller = Depends(identity.caller)
    ) -> Response:
        result = await results.head(caller, result_id)
        async with writing, _folder_in(folder) as own:
            path = Path(own.name) / "result.xlsx"
            await write_xlsx(
                path, result, results.pages(caller, result_id), language or caller.language or "en"
            )
        done = BackgroundTask(asyncio.to_thread, own.cleanup)
        return FileResponse(
            path, media_type=_XLSX, headers=_HEADERS | _attachment(result, "xlsx"), background=done
        )

    @routes.get("/{result_id}")
    async def as_json(
        result_id: UUID,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 200,
        caller: Caller = Depends(identity.caller),
    ) -> dict[str, Any]:
        result = await results.head(caller, result_id)
        rows = await results.some(caller, result_id, after, limit)
        end = after + len(rows)
        return as_result(result) | {
            "after": after,
            "rows": [[as_cell(value) for value in row] for row in rows],
            "next": end if rows and end < result.row_count else None,
        }

    return routes


def as_result(result: KeptResult) -> dict[str, Any]:
    """Without its rows; as events carry it."""
    return {
        "id": str(result.id),
        "source": {"id": str(result.source_id), "name": result.source_name},
        "question": result.question,
        "sql": result.sql,
        "tables": list(result.tables),
        "columns": [{"name": column.name, "kind": column.kind} for column in result.columns],
        "row_count": result.row_count,
        "cut": result.cut,
        "elapsed_ms": round(result.elapsed_ms, 1),
        "cost": result.cost,
        "ran_at": result.ran_at.isoformat(),
        "saved_question_id": None if result.saved_id is None else str(result.saved_id),
        "export": {suffix: f"/api/data/results/{result.id}.{suffix}" for suffix in ("csv", "xlsx")},
    }


def _attachment(result: KeptResult, suffix: str) -> dict[str, str]:
    day = result.ran_at.date().isoformat()
    source = " ".join(_NOT_IN_NAMES.sub(" ", result.source_name).split())[:80]
    name = f"{source or 'data'} {day}.{suffix}"
    plain = name.encode("ascii", "ignore").decode()
    return {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"}


@asynccontextmanager
async def _folder_in(folder: Path) -> AsyncIterator[tempfile.TemporaryDirectory[str]]:
    """A new one; it is removed where what follows fails, and by whoever sends the file where it does not."""

    def made() -> tempfile.TemporaryDirectory[str]:
        folder.mkdir(mode=0o700, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder)

    own = await asyncio.to_thread(made)
    try:
        yield own
    except BaseException:
        own.cleanup()
        raise
