"""PostgreSQL, in read-only transactions: a cursor that is declared can hold nothing but a SELECT, and is read in
batches until a cap is met. The role's own rights are the outer wall; what is set here it could set otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, sql
from pydantic import Field, model_validator

from inference.egress import Neighbours
from querying.connectors.addresses import CONNECT_TIMEOUT_S, near_address
from querying.connectors.bounding import KeptRows, shown_samples
from querying.connectors.granting import parts_of
from querying.connectors.pool import Pool
from querying.connectors.postgres_catalog import default_namespace, read_schema
from querying.connectors.postgres_errors import explained, unavailable
from querying.connectors.postgres_role import read_role
from querying.connectors.postgres_values import asked_columns, bounded_sql, cells_of, read_leniently
from querying.connectors.settings import ServerSettings, password_of
from querying.connectors.tls import trusted_file
from querying.errors import QueryTimedOut
from querying.source_refusals import SourceBecause
from querying.types import Caps, CheckedQuery, Dialect, RoleReport, Rows, Schema

_PORT = 5432
_LOOKS = Caps(seconds=60.0)  # of reading the schema, the role and samples
_TLS_MODES = {
    "off": "disable",
    "encrypted": "require",
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
}
_DEAD = (psycopg.OperationalError, psycopg.InterfaceError)


class PostgresSettings(ServerSettings):
    """A server, or the folder of its unix socket on this machine."""

    unix_socket: Path | None = Field(
        None, description="The folder of the server's socket, in the place of a host."
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> PostgresSettings:
        if bool(self.host) == (self.unix_socket is not None):
            raise ValueError("either host or unix_socket")
        return self


class PostgresConnector:
    """One database, signed in as one role."""

    dialect: Dialect = "postgres"
    settings_type: ClassVar[type[PostgresSettings]] = PostgresSettings

    def __init__(self, settings: PostgresSettings, neighbours: Neighbours) -> None:
        self._settings, self._neighbours = settings, neighbours
        self._pool: Pool[AsyncConnection[Any]] = Pool(self._connected, _closed)

    async def schema(self) -> Schema:
        async with self._reading(_LOOKS) as cursor:
            return await read_schema(cursor.connection, self._settings.namespaces)

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        async with self._reading(_LOOKS) as cursor:
            return await read_role(cursor.connection, self._settings.database, tables)

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        where = sql.Identifier(*parts_of(table, default_namespace(self._settings.namespaces)))
        found: dict[str, tuple[str, ...]] = {}
        for column in columns:
            asked = _FREQUENT.format(column=sql.Identifier(column), table=where, limit=sql.Literal(limit))
            async with self._reading(Caps(seconds=10.0)) as cursor:
                rows = await (await cursor.execute(asked)).fetchall()
            found[column] = shown_samples([row[0] for row in rows], limit)
        return found

    async def cost(self, query: CheckedQuery) -> float | None:
        async with self._reading(_LOOKS) as cursor:
            return await _planned(cursor, query.sql)

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        begun = time.perf_counter()
        kept = KeptRows(caps)
        async with self._reading(caps) as cursor:
            await cursor.execute(_declared("probe", query.sql), binary=True)
            asked = asked_columns(await _described(cursor, "probe"))
            bounded = bounded_sql(query.sql, asked)
            if bounded is not query.sql:
                await cursor.execute("CLOSE probe")
                await cursor.execute(_declared("probe", bounded), binary=True)
            long, has_blobs = sum(one.is_long for one in asked), any(one.is_blob for one in asked)
            while not kept.is_full:
                wanted = kept.next_batch(long)
                rows = await (await cursor.execute(f"FETCH {wanted} FROM probe")).fetchall()
                told = (cells_of(row, asked) for row in rows) if has_blobs else rows
                if not all(map(kept.keep, told)) or len(rows) < wanted:
                    break
        columns = tuple(one.column for one in asked)
        return Rows(columns, tuple(kept.rows), kept.cut, (time.perf_counter() - begun) * 1000)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def _reading(self, caps: Caps) -> AsyncIterator[AsyncCursor[Any]]:
        """One read-only transaction that is always rolled back, within caps.seconds altogether.

        Whoever is cancelled inside cancels the query in the database (psycopg does so while it waits).
        """
        try:
            async with asyncio.timeout(caps.seconds), self._pool.begun(self._begin(caps), _DEAD) as lent:
                yield lent.connection.cursor()
                await lent.connection.execute(_END)
                lent.is_sound()
        except TimeoutError as error:
            raise QueryTimedOut(SourceBecause("run_stopped", seconds=f"{caps.seconds:g}")) from error
        except psycopg.Error as error:
            raise explained(error, self._settings) from error

    def _begin(self, caps: Caps) -> Callable[[AsyncConnection[Any]], Awaitable[None]]:
        first = default_namespace(self._settings.namespaces)
        words = _BEGIN.format(
            timeout=sql.Literal(max(1, round(caps.seconds * 1000))),
            path=sql.SQL(", ").join([sql.Identifier(one) for one in ("pg_catalog", first, "pg_temp")]),
        )

        async def begin(connection: AsyncConnection[Any]) -> None:
            await connection.execute(words)

        return begin

    async def _connected(self) -> AsyncConnection[Any]:
        place: dict[str, Any]
        settings = self._settings
        port = settings.port or _PORT
        if settings.unix_socket is not None:
            place = {"host": str(settings.unix_socket), "sslmode": "disable"}
        else:
            address = await near_address(self._neighbours, settings.host, port)
            place = {
                "host": settings.host,
                "hostaddr": address,
                "sslmode": _TLS_MODES[settings.tls],
                "sslrootcert": str(trusted_file(settings)) if settings.tls.startswith("verify") else None,
            }
        if settings.tls != "verify-full" and settings.unix_socket is None:
            place["require_auth"] = "!password"  # never in clear letters to somebody who is not known
        try:
            made: AsyncConnection[Any] = await AsyncConnection.connect(
                **{name: value for name, value in place.items() if value is not None},
                port=port,
                dbname=settings.database,
                user=settings.user,
                password=password_of(settings),
                passfile="/dev/null",
                gssencmode="disable",
                connect_timeout=int(CONNECT_TIMEOUT_S),
                application_name="appliance questions",
                autocommit=True,
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            raise unavailable(error) from error
        read_leniently(made)
        return made


# search_path: what the catalog brings is found first, so nobody can put a function of the same name before it.
# jit: compiling takes longer than most questions. cursor_tuple_fraction: all rows are wanted, not the first soon.
_BEGIN = sql.SQL(
    "BEGIN TRANSACTION READ ONLY; SET LOCAL default_transaction_read_only = on; "
    "SET LOCAL statement_timeout = {timeout}; SET LOCAL idle_in_transaction_session_timeout = {timeout}; "
    "SET LOCAL lock_timeout = '5s'; SET LOCAL work_mem = '16MB'; SET LOCAL search_path = {path}; "
    "SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL cursor_tuple_fraction = 1.0; "
    "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; "
    "SET LOCAL standard_conforming_strings = on; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'"
)
_END = "ROLLBACK; SELECT pg_advisory_unlock_all()"  # such a lock outlives its transaction
_FREQUENT = sql.SQL(
    "SELECT left(v, 60) FROM (SELECT {column}::text AS v FROM {table} WHERE {column} IS NOT NULL LIMIT 20000) AS s "
    "GROUP BY v ORDER BY count(*) DESC, v LIMIT {limit}"
)


def _declared(name: str, query: str) -> sql.SQL:
    """After these words PostgreSQL takes only what reads; by the extended protocol it takes one statement."""
    return sql.SQL(f"DECLARE {name} NO SCROLL CURSOR WITHOUT HOLD FOR\n{query}")


async def _described(cursor: AsyncCursor[Any], name: str) -> psycopg.pq.abc.PGresult:
    await cursor.execute(f"FETCH 0 FROM {name}")
    assert cursor.pgresult is not None
    return cursor.pgresult


async def _planned(cursor: AsyncCursor[Any], query: str) -> float | None:
    await cursor.execute(f"EXPLAIN (FORMAT JSON)\n{query}", binary=True)
    row = await cursor.fetchone()
    if not row:
        return None
    (plan,) = row[0]
    return float(plan["Plan"]["Total Cost"])


async def _closed(connection: AsyncConnection[Any]) -> None:
    with suppress(Exception):
        await connection.close()
