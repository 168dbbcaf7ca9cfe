"""`appliance source` against a running application and a SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from appliance.commands.source_pages import result_page
from appliance.storage.database import Database
from tests.accounts_world import add_person, first_administrator, serving, worker
from tests.commands.test_users import CommandLine
from tests.data_doors import connections_in, data_doors, sqlite_shop


@pytest.fixture
async def cli(
    database: Database, valkey: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[CommandLine]:
    """A running application, Ana, and a shop in the folder of databases."""
    folders = tmp_path / "databases", tmp_path / "passwords"
    sqlite_shop(folders[0])
    connections = connections_in(*folders)
    async with (
        worker(
            database,
            valkey,
            more_routes=lambda _accounts, identity: [data_doors(database, identity, connections, *folders)],
        ) as one,
        serving(one.app) as url,
    ):
        first = await first_administrator(one.accounts)
        await add_person(one.accounts)
        (tmp_path / "credentials.json").write_text(json.dumps({"url": url, "api_key": first.api_key}))
        yield CommandLine(one, tmp_path, capsys)
    await connections.close()


async def test_a_database_is_connected_chosen_described_shared_asked_and_removed(
    cli: CommandLine, tmp_path: Path
) -> None:
    """Each step says what comes next; a refused query says why."""
    code, added, _ = await cli("source", "add", "Shop", "sqlite", "--path", "shop.db")
    assert code == 0 and "appliance source choose Shop" in added and "appliance source share Shop" in added

    await cli.json("source", "choose", "Shop", "customer", "sale=id,amount")
    await cli.json("source", "describe", "Shop", "sale", "What was sold", "--column", "amount=In euros")
    await cli.json("source", "share", "shop", "--user", "ana@box.example", "--everybody")
    code, shown, _ = await cli("source", "show", "Shop")
    assert code == 0 and "What was sold" in shown and "May ask it: everybody, ana@box.example" in shown
    code, tables, _ = await cli("source", "tables", "Shop")
    assert "* sale" in tables and "  salary" in tables and " ! email" in tables
    code, rows, _ = await cli("source", "query", "Shop", "SELECT sum(amount) AS total FROM sale")
    assert code == 0 and "total" in rows and "1030.75" in rows and "1 rows" in rows
    code, _, refused = await cli("source", "query", "Shop", "SELECT email FROM customer")
    assert code != 0 and "email" in refused
    with closing(sqlite3.connect(tmp_path / "databases" / "shop.db")) as shop:
        shop.execute("ALTER TABLE sale RENAME COLUMN amount TO total")
    code, drift, _ = await cli("source", "refresh", "Shop")
    assert "sale.amount is gone" in drift and "appliance source choose Shop" in drift
    await cli.json("source", "choose", "Shop", "--drop", "sale")
    await cli.json("source", "remove", "Shop")
    code, listed, _ = await cli("source", "list")
    assert code == 0 and "There are no data sources" in listed and str(tmp_path / "passwords") in listed


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("source", "show", "Sales"), "There is no data source 'Sales'"),
        (("source", "share", "Sales"), "--group NAME"),
        (("source", "query", "Sales", "SELECT 1", "--value", "x"), "NAME=VALUE"),
        (("source", "add", "S", "sqlite", "--path", "/etc/passwd"), "data.sqlite_folder"),
        (("source", "add", "S", "sqlite", "--path", "none.db"), "none.db"),
    ],
)
async def test_a_mistake_is_told_with_its_remedy(
    cli: CommandLine, words: tuple[str, ...], remedy: str
) -> None:
    """One sentence, and no trace."""
    code, _, problem = await cli(*words)

    assert code != 0 and remedy in problem and "Traceback" not in problem


def test_what_a_database_holds_writes_nothing_to_the_terminal_but_text() -> None:
    """Escape sequences in names and values are blanks, and brackets are no style."""
    column = {"name": "a\x1b[31m", "kind": "text"}
    found = {"columns": [column], "rows": [["[red]x\x1b]0;t\x07"]], "row_count": 1, "cut": None}

    page = result_page({**found, "elapsed_ms": 1.0})

    assert "\x1b" not in page and "\x07" not in page and "[red]x" in page
