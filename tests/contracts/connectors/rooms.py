"""One database of each kind that runs here, with the shop in it, and what a test must be able to do to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.ports import Connector
from querying.testing.fingerprint import mysql_fingerprint, postgres_fingerprint, sqlite_fingerprint
from querying.types import CheckedQuery, Dialect
from tests.own_mariadb import OWNER, OwnMariaDB

DATABASE = "shop"
READER_PASSWORD = "a long word 1"


@dataclass(frozen=True)
class Words:
    """How one kind of database says what all can do; `{}` is a number."""

    numbers: str
    slow: str
    failing: str
    long_text: str
    drop_column: str
    blobs: tuple[str, ...]
    hostile: tuple[str, ...]


class Room(Protocol):
    """A database that a test may ask as anybody and look into as its owner."""

    kind: str
    dialect: Dialect
    namespace: str
    words: Words

    def settings(self, **other: Any) -> dict[str, Any]: ...
    def fetch(self, statement: str) -> Sequence[Sequence[Any]]: ...
    def fingerprint(self) -> str: ...
    def running(self, part: str) -> int: ...
    def end_sessions(self) -> None: ...


def opened(room: Room, **other: Any) -> Connector:
    """other: settings that differ from the owner's."""
    return open_connector(room.kind, room.settings(**other), Neighbours())


def asked(room: Room, sql: str, *tables: str, columns: Sequence[tuple[str, str]] = ()) -> CheckedQuery:
    """As the guard would hand it on; here nobody checked it."""
    names = frozenset(f"{room.namespace}.{name}" if room.namespace else name for name in tables)
    return CheckedQuery(sql, sql, room.dialect, names, frozenset(columns))


def private(path: Path, text: str) -> Path:
    """A file that only we may read."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


class PostgresRoom:
    """A database of the server that all tests share. sockets: the folder of its socket."""

    kind, dialect, namespace = "postgres", "postgres", "public"
    words = Words(
        numbers="SELECT n FROM generate_series(1, {}) AS n",
        slow="SELECT pg_sleep(300)",
        failing="SELECT 1 / 0 AS one",
        long_text="SELECT repeat('ñ', {}) AS t",
        drop_column="ALTER TABLE passing DROP COLUMN gone",
        blobs=(
            "CREATE TABLE pictures (id integer PRIMARY KEY, picture bytea)",
            "INSERT INTO pictures SELECT n, convert_to(repeat('x', 3000000), 'UTF8') FROM generate_series(1, 8) n",
        ),
        hostile=(
            "DELETE FROM stock",
            "DELETE FROM stock RETURNING 1",
            "WITH x AS (DELETE FROM stock RETURNING 1) SELECT * FROM x",
            "SELECT 1; DELETE FROM stock",
            "SELECT 1) AS q; DELETE FROM stock; --",
            "SELECT * INTO stolen FROM stock",
            "SELECT * FROM stock FOR UPDATE",
            "SELECT set_config('transaction_read_only', 'off', false)",
            "SET default_transaction_read_only = off",
            "ROLLBACK; DELETE FROM stock",
            "COPY stock TO PROGRAM 'true'",
            "SELECT lo_create(0)",
            "CREATE TEMP TABLE t AS SELECT 1",
            "CALL pg_sleep(1)",
            "EXPLAIN ANALYZE DELETE FROM stock",
            "SELECT pg_advisory_lock(7)",
            "SELECT pg_notify('a', 'b')",
        ),
    )

    def __init__(self, owner_url: str, sockets: str, user: str, password_file: Path) -> None:
        self._owner_url, self._sockets, self._user, self._file = owner_url, sockets, user, password_file

    def settings(self, **other: Any) -> dict[str, Any]:
        made = {
            "unix_socket": self._sockets,
            "database": DATABASE,
            "user": self._user,
            "password_file": self._file,
        }
        return {**made, **other}

    def fetch(self, statement: str) -> Sequence[Sequence[Any]]:
        with psycopg.connect(self._owner_url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def fingerprint(self) -> str:
        with psycopg.connect(self._owner_url, autocommit=True) as connection:
            return postgres_fingerprint(lambda statement: connection.execute(statement).fetchall())

    def running(self, part: str) -> int:
        found = self.fetch(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'appliance questions' AND state = 'active' "
            f"AND (position('{part}' IN query) > 0 OR query LIKE 'FETCH%')"
        )
        return int(found[0][0])

    def end_sessions(self) -> None:
        self.fetch(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity "
            "WHERE application_name = 'appliance questions' AND datname = current_database()"
        )


class MariaRoom:
    """MariaDB, as owner of everything."""

    kind, dialect, namespace = "mysql", "mysql", DATABASE
    words = Words(
        numbers="SELECT seq AS n FROM seq_1_to_{}",
        slow="SELECT SLEEP(300)",
        failing="SELECT EXTRACTVALUE('<a>', '/[')",
        long_text="SELECT REPEAT('ñ', {}) AS t",
        drop_column="ALTER TABLE passing DROP COLUMN gone",
        blobs=(
            "CREATE TABLE pictures (id integer PRIMARY KEY, picture longblob)",
            "INSERT INTO pictures SELECT seq, REPEAT('x', 3000000) FROM seq_1_to_8",
        ),
        hostile=(
            "DELETE FROM stock",
            "DELETE FROM stock RETURNING 1",
            "SELECT 1; DELETE FROM stock",
            "SELECT * FROM stock INTO OUTFILE '/tmp/stolen.txt'",
            "SELECT product_id FROM stock LIMIT 1 INTO @stolen",
            "SELECT * FROM stock FOR UPDATE",
            "SET SESSION TRANSACTION READ WRITE",
            "COMMIT",
            "CREATE TABLE t AS SELECT 1",
            "DROP TABLE stock",
            "DO SLEEP(0)",
            "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE stock",
        ),
    )

    def __init__(self, server: OwnMariaDB, password_file: Path) -> None:
        self._server, self._file = server, password_file

    def settings(self, **other: Any) -> dict[str, Any]:
        made = {
            "unix_socket": self._server.socket,
            "database": DATABASE,
            "user": OWNER,
            "password_file": self._file,
        }
        return {**made, **other}

    def fetch(self, statement: str) -> Sequence[Sequence[Any]]:
        return self._server.rows(statement, DATABASE)

    def fingerprint(self) -> str:
        return mysql_fingerprint(self.fetch)

    def running(self, part: str) -> int:
        found = self.fetch(
            "SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id() AND command = 'Query' "
            f"AND info LIKE '%{part}%'"
        )
        return int(found[0][0])

    def end_sessions(self) -> None:
        for (number,) in self.fetch(
            "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
        ):
            self.fetch(f"KILL {number}")


class SqliteRoom:
    """A file."""

    kind, dialect, namespace = "sqlite", "sqlite", ""
    _COUNTING = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s{}) "
    words = Words(
        numbers=_COUNTING.format(" WHERE n < {}") + "SELECT n FROM s",
        slow=_COUNTING.format("") + "SELECT count(*) FROM s",
        failing="SELECT abs(-9223372036854775808)",
        long_text="SELECT replace(hex(substr('"
        + "0" * 1_000
        + "', 1, {} / 100)), '30', '"
        + "ñ" * 100
        + "') AS t",
        drop_column="ALTER TABLE passing DROP COLUMN gone",
        blobs=(
            "CREATE TABLE pictures (id integer PRIMARY KEY, picture blob)",
            "INSERT INTO pictures VALUES (1, zeroblob(3000000)), (2, zeroblob(3000000)), (3, zeroblob(3000000)), "
            "(4, zeroblob(3000000)), (5, zeroblob(3000000)), (6, zeroblob(3000000)), (7, zeroblob(3000000)), "
            "(8, zeroblob(3000000))",
        ),
        hostile=(
            "DELETE FROM stock",
            "DELETE FROM stock RETURNING 1",
            "SELECT 1; DELETE FROM stock",
            "SELECT 1) AS q; DELETE FROM stock; --",
            "ATTACH DATABASE '/tmp/stolen.db' AS s",
            "PRAGMA query_only = 0",
            "PRAGMA writable_schema = 1",
            "SELECT load_extension('/tmp/x.so')",
            "SELECT writefile('/tmp/stolen.txt', 'x')",
            "SELECT sql FROM sqlite_schema",
            "SELECT * FROM payroll",
            "SELECT * FROM pragma_table_info('stock')",
            "VACUUM INTO '/tmp/stolen.db'",
            "SELECT randomblob(1000000000)",
            "CREATE TEMP TABLE t AS SELECT 1",
        ),
    )

    def __init__(self, path: Path) -> None:
        self._path = path

    def settings(self, **other: Any) -> dict[str, Any]:
        return {"path": self._path, **other}

    def fetch(self, statement: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as opened:
            return opened.execute(statement).fetchall()

    def fingerprint(self) -> str:
        return sqlite_fingerprint(self.fetch)

    def running(self, part: str) -> int:
        return 0

    def end_sessions(self) -> None:
        pass
