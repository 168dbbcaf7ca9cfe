"""Joins the tables of workbooks: the processes that make and ask them, and where they are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request

from appliance.api.workbooks import workbook_routes
from appliance.bootstrap.box import Box
from appliance.domain.people import Caller
from appliance.errors import PartUnavailable
from appliance.services.data import workbooks
from appliance.services.data.workbooks import TableMaking, WorkbookSources
from appliance.storage.blobs import BlobStore
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole
from appliance.storage.workbooks import AllWorkbooks, PostgresWorkbooks
from querying.settings import DataSettings
from querying.workbooks.connector import TASKS
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings

logger = logging.getLogger(__name__)

_MAKING = {workbooks.MAKING: "querying.workbooks.extracting:TableMaker"}
_SOME_TIME_S = 5.0  # between two contents that are made later: others come first
_AWAY_S = 60.0
_BESIDE_DUCKDB_BYTES = 512 * 2**20  # what a process that asks maps beside its tables and its work


@dataclass(frozen=True, slots=True)
class WorkbookRoom:
    """What may be asked, and the process that asks; it starts with the first query."""

    sources: WorkbookSources
    sandbox: ParsingSandbox

    def routes(self, identify: Callable[[Request], Awaitable[Caller]]) -> APIRouter:
        return workbook_routes(self.sources, identify)

    async def close(self) -> None:
        await self.sandbox.close()


def build_workbooks(database: Database, parsing: ParsingSettings, data: DataSettings) -> WorkbookRoom:
    """database: as the api role."""
    memory_mib = data.workbook_mib
    limits = parsing.model_copy(
        update={
            "timeout_s": data.timeout_s,
            "cpu_s": max(1, int(data.timeout_s)),
            "memory_bytes": memory_mib * 2**20 + _BESIDE_DUCKDB_BYTES,
            "concurrent": data.queries_at_a_time,
            "max_output_bytes": max(4 * data.mib * 2**20, 2**20),
            "ocr_program": "",
        }
    )
    sandbox = ParsingSandbox(limits, TASKS, gives_way=False)
    return WorkbookRoom(WorkbookSources(PostgresWorkbooks(database), sandbox, memory_mib=memory_mib), sandbox)


class WorkbookMaking:
    """The worker's part: tables of what is read now, and of what was read before there were any."""

    def __init__(self, box: Box, database: Database, blobs: BlobStore) -> None:
        self._box = box
        self._blobs = blobs
        self._sandbox = ParsingSandbox(
            box.settings.parsing.model_copy(update={"concurrent": 1, "ocr_program": ""}), _MAKING
        )
        self.making = TableMaking(PostgresWorkbooks(database), self._sandbox, blobs)

    async def make_missing(self) -> None:
        """Once, from the first content to the last; a failure is tried again later, a file that is refused is not."""
        after = b""
        url = self._box.database_url(DatabaseRole.MAINTENANCE)
        while True:
            database = Database(url, pool_size=1)
            try:
                await database.open()
                everything = AllWorkbooks(database)
                while (found := await self._next(everything, after)) is not None:
                    after = found
                    await asyncio.sleep(_SOME_TIME_S)
                return
            except PartUnavailable:
                logger.warning("tables of older workbooks are made later", exc_info=True)
            finally:
                await database.close()
            await asyncio.sleep(_AWAY_S)

    async def _next(self, everything: AllWorkbooks, after: bytes) -> bytes | None:
        found = await everything.missing(workbooks.MAKER, workbooks.NAMES, workbooks.MEDIA_TYPES, after)
        if found is None:
            return None
        sha256, filename, media_type = found
        made = await workbooks.make(self._sandbox, self._blobs.path(sha256), filename, media_type)
        if made is not None:
            await everything.keep(sha256, workbooks.MAKER, made, workbooks.notes_on(made))
            logger.info("%d tables were made of %s", len(made.tables), sha256.hex()[:16])
        return sha256

    async def close(self) -> None:
        await self._sandbox.close()
