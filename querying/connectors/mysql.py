"""MySQL and MariaDB, in read-only transactions, one statement a call, row by row from the wire until a cap is met.

The driver blocks, so it runs in threads; a query is stopped from a second connection.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pymysql
from pydantic import Field, model_validator

from inference.egress import Neighbours
from querying.connectors.addresses import CONNECT_TIMEOUT_S, connected_socket
from querying.connectors.bounding import KeptRows, shown_samples
from querying.connectors.granting import parts_of, quoted_back
from querying.connectors.mysql_catalog import read_schema
from querying.connectors.mysql_errors import DEAD, explained, is_gone, unavailable
from querying.connectors.mysql_role import read_role
from querying.connectors.mysql_rows import PacketStream
from querying.connectors.mysql_values import described
from querying.connectors.pool import POOL_SIZE, Pool
from querying.connectors.reading_only import require_reading
from querying.connectors.settings import ServerSettings, password_of
from querying.connectors.threads import Threads
from querying.connectors.tls import context_for
from querying.errors import QueryFailed, QueryTimedOut
from querying.source_refusals import SourceBecause
from querying.types import Caps, CheckedQuery, Dialect, RoleReport, Rows, Schema

T = TypeVar("T")

_PORT = 3306
_LOOKS = Caps(rows=1_000_000, bytes=2**28, seconds=60.0)
_SAMPLING = Caps(seconds=10.0)
_RESET_CONNECTION = 0x1F
_GRACE_S = 5.0
"""What a server may take to notice its own time limit before the connection is given up."""
# What sqlglot writes for MySQL means the same under this, whatever the server's own mode is. ONLY_FULL_GROUP_BY: a
# column that is neither grouped nor summed would have any row's value, and nobody would see that.
_SQL_MODE = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"


class MysqlSettings(ServerSettings):
    """A server, or its unix socket on this machine."""

    unix_socket: Path | None = Field(None, description="The server's socket, in the place of a host.")

    @model_validator(mode="after")
    def _has_one_place(self) -> MysqlSettings:
        if bool(self.host) == (self.unix_socket is not None):
            raise ValueError("either host or unix_socket")
        return self


class MysqlConnector:
    """One server, signed in as one user; `database` is the one that may be left out of a table's name."""

    dialect: Dialect = "mysql"
    settings_type: ClassVar[type[MysqlSettings]] = MysqlSettings

    def __init__(self, settings: MysqlSettings, neighbours: Neighbours) -> None:
        self._settings, self._neighbours = settings, neighbours
        self._threads = Threads("mysql", POOL_SIZE)
        self._pool: Pool[_Session] = Pool(self._connected, _closed)

    async def schema(self) -> Schema:
        settings = self._settings
        return await self._reading(
            _LOOKS, lambda session: read_schema(session.rows, settings.database, settings.namespaces)
        )

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        database = self._settings.database
        return await self._reading(
            _LOOKS, lambda session: read_role(session.rows, pymysql.err.DatabaseError, database, tables)
        )

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        where = ".".join(map(quoted_back, parts_of(table, self._settings.database)))
        found: dict[str, tuple[str, ...]] = {}
        for column in columns:
            one = quoted_back(column)
            asked = (
                f"SELECT v FROM (SELECT LEFT(CAST({one} AS CHAR), 60) AS v FROM {where} "  # noqa: S608 - quoted names
                f"WHERE {one} IS NOT NULL LIMIT 20000) AS s GROUP BY v ORDER BY COUNT(*) DESC, v LIMIT {int(limit)}"
            )
            rows = await self._asked(_SAMPLING, asked)
            found[column] = shown_samples([row[0] for row in rows], limit)
        return found

    async def cost(self, query: CheckedQuery) -> float | None:
        """MariaDB tells it from version 11 on."""
        require_reading(query.sql, "mysql")
        rows = await self._asked(_LOOKS, f"EXPLAIN FORMAT=JSON {query.sql}")
        return _cost_of(json.loads(str(rows[0][0]))) if rows else None

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        begun = time.perf_counter()
        require_reading(query.sql, "mysql")
        rows = await self._reading(caps, lambda session: session.read(query.sql, caps))
        return Rows(rows.columns, rows.rows, rows.cut, (time.perf_counter() - begun) * 1000)

    async def close(self) -> None:
        await self._pool.close()
        self._threads.close()

    async def _asked(self, caps: Caps, query: str) -> list[tuple[Any, ...]]:
        return await self._reading(caps, lambda session: session.rows(query))

    async def _reading(self, caps: Caps, work: Callable[[_Session], T]) -> T:
        """work in a read-only transaction that is always rolled back, within caps.seconds altogether."""

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
        except pymysql.err.Error as error:
            raise explained(error, self._settings) from error

    async def _connected(self) -> _Session:
        settings = self._settings
        port = settings.port or _PORT
        found = None
        if settings.unix_socket is None:
            found = await connected_socket(self._neighbours, settings.host, port)
        session = _Session(settings, found)
        try:
            await self._threads.call(session.sign_in, session.cut_off, session.cut_off)
        except (pymysql.err.Error, OSError) as error:
            raise unavailable(error) from error
        return session


class _Session:
    """One connection of the driver, in its thread; stop() and cut_off() may be called from another."""

    def __init__(self, settings: MysqlSettings, found: socket.socket | None) -> None:
        self._settings, self._socket = settings, found
        self._peer = found.getpeername() if found is not None else None
        self._connection: Any = None
        self.is_clean = True

    def sign_in(self) -> None:
        self._connection = _signed_in(self._settings, self._socket)

    def begin(self, caps: Caps) -> None:
        """What is set is set for the session, so it is set anew each time."""
        connection = self._connection
        connection._read_timeout = caps.seconds + _GRACE_S
        is_mariadb = "mariadb" in connection.server_version.lower()
        limit = (
            f"max_statement_time = {caps.seconds:.3f}"
            if is_mariadb
            else f"max_execution_time = {max(1, round(caps.seconds * 1000))}"
        )
        self._do(
            f"SET NAMES utf8mb4, SESSION {limit}, sql_mode = '{_SQL_MODE}', lock_wait_timeout = 5, "
            f"innodb_lock_wait_timeout = 5, sql_select_limit = {caps.rows + 1}, group_concat_max_len = 65536, "
            f"autocommit = 1"
        )
        self._do("START TRANSACTION READ ONLY")

    def roll_back(self) -> None:
        """The server forgets all of the session: the transaction, settings, locks by name, variables."""
        self._connection._execute_command(_RESET_CONNECTION, b"")
        self._connection._read_ok_packet()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All of a short result of our own asking."""
        return list(self.read(query, _LOOKS).rows)

    def read(self, query: str, caps: Caps) -> Rows:
        """A result that is not read to its end leaves the connection unfit for another."""
        connection = self._connection
        kept = KeptRows(caps)
        self.is_clean = False
        try:
            connection.query(query, unbuffered=True)
        except pymysql.err.Error as error:
            self.is_clean = not is_gone(error)
            raise
        result, connection._result = connection._result, None
        if not result.unbuffered_active:  # it wrote something, or did nothing
            raise QueryFailed(SourceBecause("run_no_rows"), "no_rows")
        result.unbuffered_active = False  # its rows are read by ours
        columns, readers = described(result.fields)
        stream = PacketStream(connection)
        for row in stream.rows(len(columns)):
            cells = [None if cell is None else read(cell) for cell, read in zip(row, readers, strict=True)]
            if not kept.keep(cells) or kept.stop_at(stream.read_bytes):
                break
        else:
            self.is_clean = True
        return Rows(columns, tuple(kept.rows), kept.cut)

    def stop(self) -> None:
        """From another connection, to the address where this one is."""
        number = self._connection.thread_id()
        with suppress(pymysql.err.Error, OSError):
            found = None
            if self._peer is not None:
                found = socket.create_connection(self._peer[:2], _GRACE_S)
            other = _signed_in(self._settings, found)
            try:
                other.query(f"KILL QUERY {number:d}")
            finally:
                other.close()

    def cut_off(self) -> None:
        """Whoever waits for this connection is told at once that it broke."""
        found = self._connection._sock if self._connection is not None else self._socket
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(Exception):
            if self.is_clean:
                self._connection.close()
            else:
                self._connection._force_close()

    def _do(self, words: str) -> None:
        self._connection.query(words)


class _NeverInClear:
    """In the place of ways to sign in that hand over the password as it is: only a server that is known may ask."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - PyMySQL has no types
        pass

    def authenticate(self, packet: Any) -> None:  # noqa: ANN401
        raise pymysql.err.OperationalError(2061, "the server asked for the password in clear letters")


def _signed_in(settings: MysqlSettings, found: socket.socket | None) -> Any:  # noqa: ANN401 - PyMySQL has no types
    context: ssl.SSLContext | None = None if settings.unix_socket is not None else context_for(settings)
    is_known = settings.unix_socket is not None or settings.tls == "verify-full"
    if found is not None:
        found.settimeout(CONNECT_TIMEOUT_S)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection = pymysql.connections.Connection(
        host=settings.host or "localhost",
        unix_socket=str(settings.unix_socket) if settings.unix_socket is not None else None,
        database=settings.database,
        user=settings.user,
        password=password_of(settings).encode("utf-8"),
        charset="utf8mb4",
        conv={},
        use_unicode=True,
        autocommit=None,
        local_infile=False,
        program_name="appliance questions",
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=CONNECT_TIMEOUT_S,
        write_timeout=CONNECT_TIMEOUT_S,
        ssl=context,
        ssl_disabled=context is None,
        auth_plugin_map={} if is_known else {"mysql_clear_password": _NeverInClear, "dialog": _NeverInClear},
        defer_connect=True,
    )
    connection.connect(found)
    return connection


def _cost_of(plan: Any) -> float | None:  # noqa: ANN401 - JSON
    block = plan.get("query_block", {}) if isinstance(plan, dict) else {}
    told = block.get("cost_info", {}).get("query_cost", block.get("cost"))
    return float(told) if told is not None else None


async def _closed(session: _Session) -> None:
    await asyncio.to_thread(session.close)
