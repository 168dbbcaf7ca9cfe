"""Asks the tables of one workbook: a Connector whose database is a confined child, one for each query."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from querying.errors import QueryFailed, QueryTimedOut, QueryTooExpensive, SchemaChanged, SourceUnavailable
from querying.types import Caps, CheckedQuery, Dialect, RoleReport, Rows, Schema
from querying.workbooks.wire import WireError, decode_rows
from rag.errors import DocumentRefused, DocumentTooLarge, ParsingTimedOut
from rag.sandbox.task import Task

QUERY_TASK = "query"
TASKS: Mapping[str, str] = {QUERY_TASK: "querying.workbooks.asking:TableAsker"}
"""For the sandbox that asks; see rag.sandbox.client.ParsingSandbox."""
_LONGEST_SQL = 40_000  # bytes; an order is one packet
_MEMORY_MIB = 512
_CATALOG = "CatalogException"
_OUT_OF_MEMORY = "OutOfMemoryException"


class Doer(Protocol):
    """Does a task where it can do no harm; rag.sandbox does. Raises a DocumentRefused."""

    async def work(self, task: Task) -> bytes: ...


Contents = Callable[[Sequence[str]], Awaitable[Mapping[str, bytes]]]
"""Tables' names to their Parquet, of those that are there still."""


class WorkbookConnector:
    """A `querying.ports.Connector`. told: the tables that may be asked. memory_mib: of one query."""

    dialect: Dialect = "duckdb"

    def __init__(
        self, told: Schema, contents: Contents, doer: Doer, *, memory_mib: int = _MEMORY_MIB
    ) -> None:
        self._told = told
        self._contents = contents
        self._doer = doer
        self._memory_mib = memory_mib

    async def schema(self) -> Schema:
        return self._told

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        """Nobody signs in, and a copy is asked: there is nothing that a query could change."""
        return RoleReport("", can_write=False)

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        found = next((one for one in self._told.tables if one.full_name == table), None)
        wanted = set(columns)
        return {
            column.name: column.samples[:limit]
            for column in (found.columns if found else ())
            if column.name in wanted
        }

    async def cost(self, query: CheckedQuery) -> float | None:
        return None

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        if len(query.sql.encode()) > _LONGEST_SQL:
            raise QueryTooExpensive(f"Its SQL is longer than {_LONGEST_SQL} bytes.")
        began = time.perf_counter()
        contents = await self._contents(sorted(query.tables))
        if missing := sorted(query.tables - contents.keys()):
            raise SchemaChanged(f"{', '.join(missing)} is not in the workbook any more.")
        folder = await asyncio.to_thread(_laid_out, contents)
        try:
            rows = await self._asked(folder, query, caps)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)
        return replace(rows, elapsed_ms=(time.perf_counter() - began) * 1000)

    async def close(self) -> None:
        """Nothing stays open between two queries."""

    async def _asked(self, folder: Path, query: CheckedQuery, caps: Caps) -> Rows:
        paths = {name: folder / f"{at}.parquet" for at, name in enumerate(sorted(query.tables))}
        order = {
            "sql": query.sql,
            "tables": {name: str(path) for name, path in paths.items()},
            "rows": caps.rows,
            "bytes": caps.bytes,
            "memory_mib": self._memory_mib,
        }
        try:
            async with asyncio.timeout(caps.seconds):
                answer = await self._doer.work(Task(QUERY_TASK, order, tuple(paths.values())))
        except (TimeoutError, ParsingTimedOut) as error:
            raise QueryTimedOut(f"The limit is {caps.seconds:g} seconds.") from error
        except DocumentTooLarge as error:
            raise QueryTooExpensive("It took more memory than one query may take.") from error
        except DocumentRefused as error:
            raise QueryFailed("The process that asked the workbook ended.") from error
        except OSError as error:
            raise SourceUnavailable("The process that asks workbooks could not be started.") from error
        return _read(answer)


def _laid_out(contents: Mapping[str, bytes]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tables-"))
    for at, name in enumerate(sorted(contents)):
        (folder / f"{at}.parquet").write_bytes(contents[name])
    return folder


def _read(answer: bytes) -> Rows:
    kind, body = answer[:1], answer[1:]
    if kind == b"R":
        try:
            return decode_rows(body)
        except WireError as error:
            raise QueryFailed("The process that asked the workbook gave a broken answer.") from error
    told = body.decode("utf-8", "replace")
    name, _, sentence = told.partition(": ")
    if name == _OUT_OF_MEMORY:
        raise QueryTooExpensive("It took more memory than one query may take.")
    if name == _CATALOG:
        raise QueryFailed(sentence, "catalog")
    raise QueryFailed(sentence)
