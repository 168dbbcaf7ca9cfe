"""A dump read into an empty database, and what tells that it is the same again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.programs import PostgresPrograms
from appliance.storage.backups.snapshot import count_rows, different
from appliance.storage.roles import DatabaseRole

# Names the owner of the box that was dumped, who may be called otherwise here; the first migration's own words follow.
_NOT_THESE = " DEFAULT ACL "
_DEFAULTS: tuple[LiteralString, ...] = (
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {maintenance}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {api}, {worker}, {maintenance}",
)


def load_dump(programs: PostgresPrograms, dump: Path, url: str, *, jobs: int) -> None:
    """url: as the owner of an empty database, whose roles exist. jobs: 0 for one transaction. Raises BackupError."""
    contents = programs.output("pg_restore", ["--list", str(dump)])
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as listed:
        listed.writelines(f"{line}\n" for line in contents.splitlines() if _NOT_THESE not in line)
        listed.flush()
        how = ["--single-transaction"] if jobs == 0 else [f"--jobs={jobs}"]
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        words = [*how, "--exit-on-error", "--no-owner", f"--use-list={listed.name}", f"--dbname={name}"]
        programs.run("pg_restore", [*words, "--no-password", str(dump)], url)
    with psycopg.connect(url) as connection:
        for statement in _DEFAULTS:
            roles = {role.name.lower(): sql.Identifier(role.value) for role in DatabaseRole}
            connection.execute(sql.SQL(statement).format(**roles))


def require_same_rows(url: str, wanted: Mapping[str, int]) -> None:
    """url: as a role that sees every row. Raises BackupError naming a table."""
    with psycopg.connect(url) as connection:
        difference = different(wanted, count_rows(connection))
    if difference:
        raise BackupError(f"After the restore {difference}.")


def require_empty(url: str) -> None:
    """Raises BackupError for a database that has tables."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise BackupError(
            "The database of database.url has tables already. Name an empty one with `--config`."
        )


def empty_again(url: str) -> None:
    """Take away what a restore that broke off has left in a database that was empty before. url: as its owner."""
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def analyze(url: str) -> None:
    """Statistics are not part of a dump, and without them searches are planned badly."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
