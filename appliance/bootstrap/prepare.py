"""What is done between the databases and the rest, in a process that ends: migrations, first administrator, sample.

A process of its own, so that the supervisor stays small; safe to run again after a crash at any point.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from appliance.bootstrap.box import Box
from appliance.bootstrap.embedding import keep_specs
from appliance.bootstrap.entry import enter, options_of
from appliance.bootstrap.upgrading import bring_up_to_date, delete_what_was_deleted
from appliance.errors import StartupError
from appliance.fairness.shared_metrics import forget_metrics


async def prepare(box: Box, url: str) -> None:
    """url: the address people use. Raises StartupError."""
    forget_metrics(box.metrics_folder)
    keep_specs(box)
    try:
        if box.postgres is not None:
            await _ensure_database(box.owner_url)
        await bring_up_to_date(box)
        await delete_what_was_deleted(box)
    except psycopg.Error as error:
        where = "database.url" if box.postgres is None else f"PostgreSQL in {box.data / 'postgres'}"
        raise StartupError(f"{where}: {str(error).strip()}") from error
    from appliance.bootstrap.first_start import first_start, is_done  # later starts do without its imports

    if not is_done(box):
        await first_start(box, url)


async def _ensure_database(owner_url: str) -> None:
    parts = urlsplit(owner_url)
    name = parts.path.removeprefix("/")
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    async with await psycopg.AsyncConnection.connect(maintenance, autocommit=True) as connection:
        found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if await found.fetchone() is None:
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _run(box: Box, options: argparse.Namespace) -> int:
    asyncio.run(prepare(box, options.url))
    return 0


def main() -> int:
    """The command line."""
    parser = options_of("prepare")
    parser.add_argument("--url", required=True, help="the address people use")
    return enter("prepare", _run, parser)


if __name__ == "__main__":
    sys.exit(main())
