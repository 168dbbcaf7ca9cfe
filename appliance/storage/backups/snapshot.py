"""One moment of the database: what a backup counts and lists, and what pg_dump writes, are of the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.programs import PostgresPrograms

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_BLOBS = "SELECT encode(sha256, 'hex') FROM blobs WHERE refs > 0 ORDER BY sha256"
_STILL_WANTED = "SELECT encode(sha256, 'hex') FROM blobs WHERE refs > 0 AND sha256 = ANY(%s)"
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An open transaction that goes on seeing the moment it began. taken_at: that moment, by the database's clock."""

    connection: Connection[TupleRow]
    taken_at: datetime
    postgres: str

    def rows(self) -> dict[str, int]:
        """How many rows every table has."""
        return count_rows(self.connection)

    def migrations(self) -> dict[str, str]:
        return dict(self.connection.execute("SELECT name, checksum FROM schema_migrations").fetchall())

    def list_blobs(self, path: Path) -> int:
        """Write the contents that files refer to into a file, a hexadecimal SHA-256 a line. Returns how many."""
        count = 0
        with self.connection.cursor("blobs") as cursor, path.open("w", encoding="ascii") as listed:
            cursor.itersize = _AT_ONCE
            for (sha256,) in cursor.execute(_BLOBS):
                listed.write(f"{sha256}\n")
                count += 1
        return count

    def dump(self, programs: PostgresPrograms, url: str, path: Path, progress: Callable[[int], None]) -> None:
        """pg_dump of this moment, compressed, flushed to the disk. progress: of bytes."""
        row = self.connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        words = ["--format=custom", "--compress=gzip:1", f"--snapshot={row[0]}", f"--file={path}"]
        programs.run("pg_dump", [*words, "--no-password"], url, lambda: progress(_size(path)))


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """url: as a role that sees every row (maintenance). Raises BackupError."""
    try:
        with psycopg.connect(url, connect_timeout=10, application_name="appliance backup") as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            row = connection.execute("SELECT now(), current_setting('server_version')").fetchone()
            assert row is not None
            yield Snapshot(connection, row[0], row[1])
    except psycopg.Error as error:
        raise BackupError(f"PostgreSQL: {str(error).strip()}") from error


def count_rows(connection: Connection[TupleRow]) -> dict[str, int]:
    """Of every table, for a role that row-level security hides nothing from."""
    counted = {}
    for (table,) in connection.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
        row = connection.execute(query).fetchone()
        counted[table] = int(row[0]) if row else 0
    return counted


def still_wanted(connection: Connection[TupleRow], sha256s: Sequence[str]) -> set[str]:
    """Which of these contents a file refers to now."""
    values = ([bytes.fromhex(one) for one in sha256s],)
    return {row[0] for row in connection.execute(_STILL_WANTED, values).fetchall()}


def different(wanted: Mapping[str, int], found: Mapping[str, int]) -> str:
    """The first table whose rows differ, in words; empty where all are equal."""
    for table in sorted(set(wanted) | set(found)):
        if wanted.get(table) != found.get(table):
            return f"{table} has {found.get(table, 'no table of')} rows, not {wanted.get(table, 'none')}"
    return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
