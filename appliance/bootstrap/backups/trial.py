"""A backup restored into a throwaway PostgreSQL, to see that it can be: the proof that a backup is one."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import psycopg

from appliance.bootstrap.backups.servers import postgres_programs, throwaway_postgres
from appliance.storage.backups.copying import check_files
from appliance.storage.backups.loading import load_dump, require_same_rows
from appliance.storage.backups.manifest import DUMP, Manifest, read_manifest
from appliance.storage.roles import ensure_roles
from appliance.supervisor.unprivileged import Account

_MOST_JOBS = 4


def try_backup(folder: Path, account: Account | None, progress: Callable[[str], None]) -> Manifest:
    """Everything of it: all sums, then the database. Raises BackupError."""
    manifest = read_manifest(folder)
    check_files(folder, lambda count: progress(f"sums: {count}"))
    progress("trial restore")
    try_database(folder, manifest, account)
    return manifest


def try_database(
    folder: Path,
    manifest: Manifest,
    account: Account | None,
    within: Path | None = None,
    programs: Path | None = None,
) -> None:
    """The dump is read, and every table has the rows it had. within, programs: as throwaway_postgres takes them."""
    with throwaway_postgres(account, within, programs) as postgres:
        url = postgres.url()
        make_roles(url, secrets.token_hex(16))
        load_dump(postgres_programs(), folder / DUMP, url, jobs=restoring_jobs())
        require_same_rows(url, manifest.rows)


def make_roles(url: str, secret: str) -> None:
    """The appliance's own, whom a dump gives rights to. url: as the owner."""

    async def make() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await ensure_roles(connection, secret)

    asyncio.run(make())


def restoring_jobs() -> int:
    """So many tables and indexes at once."""
    return min(_MOST_JOBS, os.cpu_count() or 1)
