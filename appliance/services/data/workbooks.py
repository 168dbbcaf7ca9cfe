"""Uploaded workbooks as sources that may be asked, as their collections may be read; and how their tables are made.

Nothing in a workbook is a personal column: whoever may ask its tables may open the file.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from appliance.domain.data import OfferedSource
from appliance.domain.documents import StoredFile
from appliance.domain.people import Caller, Viewer
from appliance.domain.workbooks import KeptTable, Workbook
from appliance.errors import NotFound
from querying.ports import Connector
from querying.types import Schema
from querying.workbooks.connector import Doer, WorkbookConnector
from querying.workbooks.wire import PackedTables, WireError, decode_tables
from rag.errors import DocumentRefused, DocumentTooLarge, ParsingTimedOut, UnsupportedFormat
from rag.notes import Note, counted
from rag.sandbox.task import Task

logger = logging.getLogger(__name__)

MAKER = 1
"""Raised when tables are to be made anew of what was read before; the worker then does so by itself."""
MAKING = "tables"
NAMES = r"\.(?:xlsx|xlsm|xltx|xltm|xls|xlt|ods|ots|csv|tsv|tab)$"
MEDIA_TYPES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.oasis.opendocument.spreadsheet",
    "text/csv",
    "text/tab-separated-values",
)
_NAME = re.compile(NAMES)
_MOST_NAMED = 8
# Codes of tables' notes that may mean something went wrong; the others only say what was done.
_WORTH_A_LOOK = (
    "table_total_differs",
    "table_cells_no",
    "table_errors",
    "table_marks_unsure",
    "table_sum_column_d",
)


class WorkbookRepository(Protocol):
    """What was made of workbooks, with the viewer's eyes. `storage.workbooks` fulfils it."""

    async def offered(self, viewer: Viewer, collection_ids: Sequence[UUID] | None) -> Sequence[Workbook]:
        """Current ones with tables, the newest first; None: of every collection that is no chat's."""
        ...

    async def one(self, viewer: Viewer, source_id: UUID) -> Workbook | None: ...

    async def of_file(
        self, viewer: Viewer, file_id: UUID
    ) -> tuple[Sequence[KeptTable], Sequence[str]] | None:
        """Tables, and notes on the whole; None for what is no workbook, or not to be seen."""
        ...

    async def contents(self, viewer: Viewer, sha256: bytes, names: Sequence[str]) -> Mapping[str, bytes]: ...


class WorkbookKeeper(Protocol):
    """Where tables are kept as they are made."""

    async def notes(self, viewer: Viewer, sha256: bytes, maker: int) -> Sequence[str] | None:
        """Of what this maker has made of the content already; None: nothing."""
        ...

    async def keep(
        self, viewer: Viewer, sha256: bytes, maker: int, made: PackedTables, notes: Sequence[str]
    ) -> None: ...


class Blobs(Protocol):
    """Where the bytes of files lie."""

    def path(self, sha256: bytes) -> Path: ...


class WorkbookSources:
    """Fulfils ports.data.Workbooks. doer: asks where it can do no harm. memory_mib: of one query."""

    def __init__(self, workbooks: WorkbookRepository, doer: Doer, *, memory_mib: int) -> None:
        self._workbooks = workbooks
        self._doer = doer
        self._memory_mib = memory_mib

    async def offered(
        self, caller: Caller, collection_ids: Sequence[UUID] | None = None
    ) -> Sequence[OfferedSource]:
        return [_offered(one) for one in await self._workbooks.offered(caller.viewer, collection_ids)]

    async def connector(self, caller: Caller, source_id: UUID) -> tuple[OfferedSource, Connector] | None:
        found = await self._workbooks.one(caller.viewer, source_id)
        if found is None:
            return None
        offered, viewer, sha256 = _offered(found), caller.viewer, found.sha256

        async def contents(names: Sequence[str]) -> Mapping[str, bytes]:
            return await self._workbooks.contents(viewer, sha256, names)

        return offered, WorkbookConnector(offered.schema, contents, self._doer, memory_mib=self._memory_mib)

    async def of_file(self, caller: Caller, file_id: UUID) -> tuple[Sequence[KeptTable], Sequence[str]]:
        """Raises NotFound for what the caller may not see and for what is no workbook."""
        found = await self._workbooks.of_file(caller.viewer, file_id)
        if found is None:
            raise NotFound(f"'file-{file_id.hex}' is no workbook whose tables were made.")
        return found


class TableMaking:
    """Makes the tables of a document that is being read. doer: reads where it can do no harm."""

    def __init__(self, keeper: WorkbookKeeper, doer: Doer, blobs: Blobs) -> None:
        self._keeper = keeper
        self._doer = doer
        self._blobs = blobs

    async def made(self, viewer: Viewer, file: StoredFile) -> Sequence[str]:
        """Notes for the document's owner; empty for what is no workbook. Raises PartUnavailable."""
        if not is_workbook(file.filename, file.media_type):
            return ()
        known = await self._keeper.notes(viewer, file.sha256, MAKER)
        if known is not None:
            return known
        made = await make(self._doer, self._blobs.path(file.sha256), file.filename, file.media_type)
        if made is None:
            return ()
        notes = notes_on(made)
        await self._keeper.keep(viewer, file.sha256, MAKER, made, notes)
        return notes


def is_workbook(filename: str, media_type: str) -> bool:
    """By its name and what its uploader says; what it is, the reading process finds out."""
    return bool(_NAME.search(filename.lower())) or media_type.lower() in MEDIA_TYPES


async def make(doer: Doer, path: Path, filename: str, media_type: str) -> PackedTables | None:
    """The tables of a file, or the note that there are none; None for what is no workbook, or was not tried."""
    try:
        order = {"path": str(path), "media_type": _claimed(filename, media_type), "name": _stem(filename)}
        return decode_tables(await doer.work(Task(MAKING, order, (path,))))
    except (DocumentTooLarge, ParsingTimedOut):
        return PackedTables((), (Note("tables_refused"),))
    except UnsupportedFormat:
        return None  # whatever its name says, it is no workbook
    except (DocumentRefused, WireError) as error:
        logger.warning("no tables were made of %s: %s", path.name[:16], error)
        is_lost = type(error) is DocumentRefused  # the process was ended by somebody: another time
        return None if is_lost else PackedTables((), (Note("tables_failed"),))


def _claimed(filename: str, media_type: str) -> str:
    """Where a file is text, its name says whether it is of separated values."""
    return "text/csv" if filename.lower().endswith((".csv", ".tsv", ".tab")) else media_type


def _stem(filename: str) -> str:
    return filename.rpartition("/")[2].rpartition(".")[0][:200]


def notes_on(made: PackedTables) -> list[str]:
    """What the document's owner is told; what is said of one table stands with the table."""
    if not made.tables:
        return list(made.notes) or [Note("tables_none")]
    told: list[str] = [
        counted("tables_made", len(made.tables), names=_named([one.table.name for one in made.tables]))
    ]
    strange = [one.table.name for one in made.tables if any(map(_is_strange, one.notes))]
    if strange:
        told.append(Note("tables_look", names=_named(strange)))
    return [*told, *made.notes]


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")


def _is_strange(note: str) -> bool:
    return isinstance(note, Note) and note.code.startswith(_WORTH_A_LOOK)


def _offered(workbook: Workbook) -> OfferedSource:
    return OfferedSource(
        workbook.id,
        workbook.filename,
        "workbook",
        Schema("duckdb", tuple(one.table for one in workbook.tables)),
        "",
        workbook.collection_id,
        workbook.file_id,
    )
