"""Bringing the database up to this version: plain SQL files, in order, each in one transaction, under a lock.

A file that has landed is recorded with its checksum and never runs again; a crash in the middle leaves nothing of the
file behind, so starting again is always right.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from psycopg import AsyncConnection

from appliance.errors import StartupError
from appliance.storage.roles import ensure_roles

_LOCK = 7_305_108_261_948_301_003  # any number, the same for every process
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file; names begin with a four-digit number and run in that order."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def packaged_migrations() -> list[Migration]:
    """All files of appliance/storage/migrations, in order."""
    folder = resources.files("appliance.storage") / "migrations"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name)
    return [Migration(entry.name, entry.read_text(encoding="utf-8")) for entry in files]


async def migrate(owner_url: str, role_secret: str, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing; returns the names applied now. Raises StartupError for a newer or altered database."""
    wanted = packaged_migrations() if migrations is None else migrations
    async with await AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            await ensure_roles(connection, role_secret)
            await connection.execute(_LEDGER)
            applied = await _applied(connection)
            _refuse_newer_or_altered(applied, wanted)
            fresh = [migration for migration in wanted if migration.name not in applied]
            for migration in fresh:
                await _apply(connection, migration)
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return [migration.name for migration in fresh]


async def missing_of(owner_url: str, wanted: list[Migration]) -> list[str]:
    """What is not applied yet; empty for a database that has nothing yet. Raises StartupError as migrate does."""
    async with await AsyncConnection.connect(owner_url, autocommit=True) as connection:
        found = await (await connection.execute("SELECT to_regclass('public.schema_migrations')")).fetchone()
        applied = await _applied(connection) if found and found[0] else {}
    if not applied:
        return []
    _refuse_newer_or_altered(applied, wanted)
    return [migration.name for migration in wanted if migration.name not in applied]


async def _applied(connection: AsyncConnection) -> dict[str, str]:
    rows = await connection.execute("SELECT name, checksum FROM schema_migrations")
    return dict(await rows.fetchall())


def _refuse_newer_or_altered(applied: dict[str, str], wanted: list[Migration]) -> None:
    known = {migration.name: migration for migration in wanted}
    unknown = sorted(set(applied) - set(known))
    if unknown:
        raise StartupError(
            f"This data was written by a newer version (it knows {unknown[-1]}). "
            "Start that version again; to come back to this one, run its `appliance rollback`, "
            "or restore a backup made with this one."
        )
    altered = sorted(name for name, checksum in applied.items() if known[name].checksum != checksum)
    if altered:
        raise StartupError(
            f"The migration {altered[0]} has changed since it was applied. Install a released version."
        )


async def _apply(connection: AsyncConnection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.text.encode())
        await connection.execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)",
            (migration.name, migration.checksum),
        )
