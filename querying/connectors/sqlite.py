"""A SQLite file: opened for reading alone, with a callback that is asked about everything a statement does.

It runs in this process. A statement is stopped between two steps of SQLite's machine; one long step (a sort of
millions of rows, one call of a function) goes on in its thread until it is over, while nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import ClassVar, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from inference.egress import Neighbours
from querying.connectors.bounding import KeptRows, shown_samples
from querying.connectors.granting import quoted_double
from querying.connectors.sqlite_catalog import read_schema, require_columns
from querying.connectors.sqlite_permits import Permits
from querying.connectors.sqlite_values import asked_cell, converted, kind_of_values
from querying.connectors.threads import Threads
from querying.connectors.wording import cleaned
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable
from querying.source_refusals import SourceBecause
from querying.types import Caps, CheckedQuery, Dialect, ResultColumn, RoleReport, Rows, Schema

T = TypeVar("T")

_STEPS_BETWEEN_LOOKS = 2_000
_LONGEST_VALUE = 2**26
_AT_ONCE = 4
_LOOKS = Caps(seconds=60.0)
_SAMPLING = Caps(seconds=10.0)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: _LONGEST_VALUE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
}


class SqliteSettings(BaseModel):
    """A file of this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="The database file.")


class SqliteConnector:
    """One file. neighbours: not asked, nothing is connected to."""

    dialect: Dialect = "sqlite"
    settings_type: ClassVar[type[SqliteSettings]] = SqliteSettings

    def __init__(self, settings: SqliteSettings, neighbours: Neighbours) -> None:
        self._path = settings.path
        self._threads = Threads("sqlite", _AT_ONCE)

    async def schema(self) -> Schema:
        return await self._reading(_LOOKS, read_schema)

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        """The file's rights: SQLite has no roles. Opened as it is here nothing can be written whatever they are."""
        is_writable = await asyncio.to_thread(os.access, self._path, os.W_OK)
        grants = (f"chmod a-w {self._path}",) if is_writable else ()
        problems = ("file_writable",) if is_writable else ()
        return RoleReport(self._path.name, False, problems=problems, grants=grants)

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for column in columns:
            one = f"s.{quoted_double(column)}"  # a lone quoted name that nobody has would be a text
            asked = (
                f"SELECT substr(v, 1, 60) FROM (SELECT {one} AS v FROM {quoted_double(table)} AS s "  # noqa: S608
                f"WHERE {one} IS NOT NULL AND typeof({one}) <> 'blob' LIMIT 20000) GROUP BY v ORDER BY count(*) DESC, v"
                f" LIMIT {int(limit)}"
            )
            found[column] = shown_samples(await self._reading(_SAMPLING, partial(_first_cells, asked)), limit)
        return found

    async def cost(self, query: CheckedQuery) -> float | None:
        """SQLite's planner does not tell."""
        return None

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        begun = time.perf_counter()

        def read(opened: sqlite3.Connection) -> Rows:
            require_columns(opened, query)
            known = _first_cells("SELECT name FROM pragma_table_list", opened)
            opened.set_authorizer(Permits(query, map(str, known)))
            return _read(opened, query.sql, caps)

        rows = await self._reading(caps, read)
        return Rows(rows.columns, rows.rows, rows.cut, (time.perf_counter() - begun) * 1000)

    async def close(self) -> None:
        self._threads.close()

    async def _reading(self, caps: Caps, work: Callable[[sqlite3.Connection], T]) -> T:
        """Opening takes less than a millisecond, so each question has a connection of its own."""
        reading = _Reading(self._path, caps.seconds)
        try:
            async with asyncio.timeout(caps.seconds + 1):
                return await self._threads.call(lambda: reading.run(work), reading.stop, reading.stop)
        except TimeoutError as error:
            raise QueryTimedOut(SourceBecause("run_stopped", seconds=f"{caps.seconds:g}")) from error
        except sqlite3.Error as error:
            raise _explained(error, reading, caps, self._path) from error


def _first_cells(query: str, opened: sqlite3.Connection) -> list[object]:
    return [row[0] for row in opened.execute(query)]


class _Reading:
    """One connection, in its thread. stop() may be called from any other."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self._is_stopped = False
        self.is_over = False

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        opened = _opened(self._path, self._seconds)
        try:
            until = time.monotonic() + self._seconds

            def goes_on() -> int:
                self.is_over = time.monotonic() > until
                return int(self._is_stopped or self.is_over)

            opened.set_progress_handler(goes_on, _STEPS_BETWEEN_LOOKS)
            return work(opened)
        finally:
            opened.close()

    def stop(self) -> None:
        self._is_stopped = True


def _opened(path: Path, seconds: float) -> sqlite3.Connection:
    opened = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro",
        uri=True,
        timeout=min(5.0, seconds),
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        opened.text_factory = methodcaller("decode", "utf-8", "replace")
        for limit, value in _LIMITS.items():
            opened.setlimit(limit, value)
        for words in ("query_only = 1", "trusted_schema = 0", "cell_size_check = 1", "mmap_size = 0"):
            opened.execute(f"PRAGMA {words}").close()
    except BaseException:
        opened.close()
        raise
    return opened


def _read(opened: sqlite3.Connection, query: str, caps: Caps) -> Rows:
    kept = KeptRows(caps)
    names = _names(opened, query)
    cells = ", ".join(asked_cell(f"c{number}") for number in range(len(names)))
    heads = ", ".join(f"c{number}" for number in range(len(names)))
    cursor = opened.execute(f"WITH q({heads}) AS (\n{query}\n) SELECT {cells} FROM q")  # noqa: S608 - checked SQL
    for row in cursor:
        if not kept.keep(converted(row)):
            break
    cursor.close()
    columns = tuple(
        ResultColumn(name, kind_of_values(row[number] for row in kept.rows))
        for number, name in enumerate(names)
    )
    return Rows(columns, tuple(kept.rows), kept.cut)


def _names(opened: sqlite3.Connection, query: str) -> list[str]:
    """Prepared, not run: execute() takes the first step, so it is asked for no rows."""
    cursor = opened.execute(f"SELECT * FROM (\n{query}\n) LIMIT 0")  # noqa: S608 - checked SQL
    names: list[str] = []
    for told, *_ in cursor.description:
        first, colon, number = told.rpartition(":")
        names.append(
            first if colon and number.isdigit() and first in names else told
        )  # SQLite numbers the second
    cursor.close()
    return names


def _explained(error: sqlite3.Error, reading: _Reading, caps: Caps, path: Path) -> QueryingError:
    said = cleaned(str(error), str(path))
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_INTERRUPT"):
        return QueryTimedOut(SourceBecause("run_stopped", seconds=f"{caps.seconds:g}"))
    if said.startswith(("no such table", "no such column")):
        return SchemaChanged(said, name)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_PERM")):
        return SourceUnavailable(SourceBecause("db_file"), "file")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return SourceUnavailable(SourceBecause("db_locked"), "busy")
    if name.startswith("SQLITE_TOOBIG"):
        return QueryFailed(SourceBecause("run_large_value", most=_LONGEST_VALUE // 2**20), name)
    return QueryFailed(said, name)
