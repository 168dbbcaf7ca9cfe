"""SQL Server, by python-tds in threads. It has no read-only transaction: the role is the wall, and each query is looked
at once more for words that write and is rolled back whatever it did.

Never met a real server: what is sent is held to Microsoft's documents and to a double of the driver.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Protocol, TypeVar

import pytds
from pydantic import Field, model_validator

from inference.egress import Neighbours
from querying.connectors.addresses import CONNECT_TIMEOUT_S, connected_socket
from querying.connectors.bounding import KeptRows, shown_samples
from querying.connectors.granting import parts_of, quoted_bracket
from querying.connectors.pool import POOL_SIZE, Pool
from querying.connectors.reading_only import require_reading
from querying.connectors.settings import ServerSettings, password_of
from querying.connectors.sqlserver_catalog import default_namespace, read_role, read_schema
from querying.connectors.sqlserver_errors import DEAD, FAILURES, explained, unavailable
from querying.connectors.sqlserver_transport import TdsTransport
from querying.connectors.sqlserver_values import converted, kind_of_values
from querying.connectors.threads import Threads
from querying.connectors.tls import context_for
from querying.errors import QueryFailed, QueryTimedOut
from querying.source_refusals import SourceBecause
from querying.types import Caps, CheckedQuery, Dialect, ResultColumn, RoleReport, Rows, Schema

T = TypeVar("T")

_PORT = 1433
_LOOKS = Caps(rows=1_000_000, bytes=2**28, seconds=60.0)
_SAMPLING = Caps(seconds=10.0)
_GRACE_S = 5.0
_MOST_TLS = ssl.TLSVersion.TLSv1_2  # what the protocol knows before its version 8
TEXT_BYTES = 2**17
"""What the server sends of one cell at most."""
_AT_ONCE = 100
_COST = re.compile(r'StatementSubTreeCost="([0-9.eE+-]+)"')
_MAY_NOT_SHOW_PLANS = 262


class SqlServerSettings(ServerSettings):
    """A server and its database."""

    read_intent: bool = Field(
        False, description="Asks for a readable secondary replica, which `host` has to be."
    )

    @model_validator(mode="after")
    def _has_a_host(self) -> SqlServerSettings:
        if not self.host:
            raise ValueError("host is missing")
        return self


class SignIn(Protocol):
    """How a connection of the driver is made; a test hands in its double."""

    def __call__(self, settings: SqlServerSettings, transport: TdsTransport) -> Any: ...  # noqa: ANN401


def signed_in(settings: SqlServerSettings, transport: TdsTransport) -> Any:  # noqa: ANN401 - untyped driver
    """By python-tds, over a connection that is there already."""
    made = pytds.connect(
        dsn=settings.host,
        port=settings.port or _PORT,
        database=settings.database,
        user=settings.user,
        password=password_of(settings),
        appname="appliance questions",
        timeout=None,
        login_timeout=CONNECT_TIMEOUT_S,
        autocommit=True,
        sock=transport,
        readonly=settings.read_intent,
        disable_connect_retry=True,
        pooling=False,
    )
    transport.is_signed_in = True
    return made


class SqlServerConnector:
    """One database, signed in as one login."""

    dialect: Dialect = "tsql"
    settings_type: ClassVar[type[SqlServerSettings]] = SqlServerSettings

    def __init__(
        self, settings: SqlServerSettings, neighbours: Neighbours, sign_in: SignIn = signed_in
    ) -> None:
        self._settings, self._neighbours, self._sign_in = settings, neighbours, sign_in
        self._threads = Threads("sqlserver", POOL_SIZE)
        self._pool: Pool[_Session] = Pool(self._connected, _closed)

    async def schema(self) -> Schema:
        namespaces = self._settings.namespaces
        return await self._reading(_LOOKS, lambda session: read_schema(session.rows, namespaces))

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        database = self._settings.database
        return await self._reading(_LOOKS, lambda session: read_role(session.rows, database, tables))

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        where = ".".join(map(quoted_bracket, parts_of(table, default_namespace(self._settings.namespaces))))
        found: dict[str, tuple[str, ...]] = {}
        for column in columns:
            one = quoted_bracket(column)
            asked = (
                f"SELECT TOP ({int(limit)}) v FROM (SELECT TOP (20000) "  # noqa: S608 - quoted names
                f"LEFT(CONVERT(nvarchar(max), {one}), 60) AS v "
                f"FROM {where} WHERE {one} IS NOT NULL) AS s GROUP BY v ORDER BY COUNT(*) DESC, v"
            )
            rows = await self._reading(_SAMPLING, lambda session, asked=asked: session.rows(asked))  # type: ignore[misc]
            found[column] = shown_samples([row[0] for row in rows], limit)
        return found

    async def cost(self, query: CheckedQuery) -> float | None:
        """Where the role may see plans (GRANT SHOWPLAN); else None."""
        require_reading(query.sql, "tsql")
        return await self._reading(_LOOKS, lambda session: session.planned(query.sql))

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        begun = time.perf_counter()
        require_reading(query.sql, "tsql")
        rows = await self._reading(caps, lambda session: session.read(query.sql, caps))
        return Rows(rows.columns, rows.rows, rows.cut, (time.perf_counter() - begun) * 1000)

    async def close(self) -> None:
        await self._pool.close()
        self._threads.close()

    async def _reading(self, caps: Caps, work: Callable[[_Session], T]) -> T:
        """work in a transaction that is always rolled back, within caps.seconds altogether."""

        async def begin(session: _Session) -> None:
            await self._threads.call(lambda: session.begin(caps), session.cut_off, session.cut_off)

        try:
            async with asyncio.timeout(caps.seconds), self._pool.begun(begin, DEAD) as lent:
                session = lent.connection
                done = await self._threads.call(lambda: work(session), session.stop, session.cut_off)
                if session.is_clean:
                    await self._threads.call(session.roll_back, session.cut_off, session.cut_off)
                    lent.is_sound()
                return done
        except TimeoutError as error:
            raise QueryTimedOut(SourceBecause("run_stopped", seconds=f"{caps.seconds:g}")) from error
        except FAILURES as error:
            raise explained(error, self._settings) from error

    async def _connected(self) -> _Session:
        settings = self._settings
        found = await connected_socket(self._neighbours, settings.host, settings.port or _PORT)
        session = _Session(settings, found, self._sign_in)
        try:
            await self._threads.call(session.sign_in, session.cut_off, session.cut_off)
        except FAILURES as error:
            raise unavailable(error) from error
        return session


class _Session:
    """One connection of the driver, in its thread; stop() and cut_off() may be called from another."""

    def __init__(self, settings: SqlServerSettings, found: socket.socket, sign_in: SignIn) -> None:
        self._settings, self._sign_in = settings, sign_in
        self._transport = TdsTransport(found, context_for(settings, most=_MOST_TLS), settings.host)
        self._connection: Any = None
        self.is_clean = True

    def sign_in(self) -> None:
        self._connection = self._sign_in(self._settings, self._transport)

    def begin(self, caps: Caps) -> None:
        """What is set is set for the session, so it is set anew each time."""
        self._transport.settimeout(caps.seconds + _GRACE_S)
        self._do(_SETTINGS.format(text=TEXT_BYTES, rows=caps.rows + 1))
        found = self.rows("SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()")
        level = "SNAPSHOT" if found and found[0][0] == 1 else "READ COMMITTED"
        self._do(f"SET TRANSACTION ISOLATION LEVEL {level}")
        self._do("BEGIN TRANSACTION")

    def roll_back(self) -> None:
        self._do("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All of a short result of our own asking."""
        return list(self.read(query, _LOOKS).rows)

    def read(self, query: str, caps: Caps) -> Rows:
        """A result that is not read to its end leaves the connection unfit for another."""
        kept = KeptRows(caps)
        cursor = self._connection.cursor()
        self.is_clean = False
        try:
            cursor.execute(query)
        except pytds.DatabaseError:
            self.is_clean = True
            raise
        if not cursor.description:
            raise QueryFailed(SourceBecause("run_no_rows"), "no_rows")
        names = [one[0] or "" for one in cursor.description]
        has_cut_cells = False
        while rows := cursor.fetchmany(_AT_ONCE):
            for row in rows:
                has_cut_cells = has_cut_cells or any(_is_cut(cell) for cell in row)
                if not kept.keep([converted(cell) for cell in row]):
                    break
            if kept.is_full:
                break
        else:
            self.is_clean = True
            cursor.close()
        kinds = (kind_of_values(row[number] for row in kept.rows) for number in range(len(names)))
        columns = tuple(ResultColumn(name, kind) for name, kind in zip(names, kinds, strict=True))
        return Rows(columns, tuple(kept.rows), kept.cut or ("bytes" if has_cut_cells else None))

    def planned(self, query: str) -> float | None:
        try:
            self._do("SET SHOWPLAN_XML ON")
            plan = str(self.rows(query)[0][0])
            self._do("SET SHOWPLAN_XML OFF")
        except pytds.DatabaseError as error:
            if error.msg_no == _MAY_NOT_SHOW_PLANS:
                return None
            raise
        found = _COST.search(plan)
        return float(found[1]) if found else None

    def stop(self) -> None:
        """The server is asked to stop, and finds the connection ended in any case."""
        with suppress(OSError):
            self._transport.attend()
        self.cut_off()

    def cut_off(self) -> None:
        self.is_clean = False
        self._transport.shut()

    def close(self) -> None:
        if not self.is_clean:
            self._transport.shut()
        with suppress(Exception):
            self._connection.close()
        with suppress(OSError):
            self._transport.close()

    def _do(self, words: str) -> None:
        cursor = self._connection.cursor()
        cursor.execute(words)
        cursor.close()


# TEXTSIZE bounds a cell on the server's side; ROWCOUNT the rows, should no TOP stand in the query.
_SETTINGS = (
    "SET NOCOUNT ON; SET XACT_ABORT ON; SET LOCK_TIMEOUT 5000; SET DEADLOCK_PRIORITY LOW; "
    "SET IMPLICIT_TRANSACTIONS OFF; SET QUOTED_IDENTIFIER ON; SET ANSI_NULLS ON; SET ANSI_WARNINGS ON; "
    "SET ARITHABORT ON; SET DATEFORMAT ymd; SET TEXTSIZE {text}; SET ROWCOUNT {rows}"
)


def _is_cut(cell: object) -> bool:
    return isinstance(cell, bytes | str) and len(cell) >= TEXT_BYTES // (1 if isinstance(cell, bytes) else 2)


async def _closed(session: _Session) -> None:
    await asyncio.to_thread(session.close)
