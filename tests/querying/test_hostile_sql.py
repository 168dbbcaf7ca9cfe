"""Hostile statements against databases that really run: what the guard lets through changes nothing, and shows nobody
what was not chosen – also where the role that signs in could do everything.

Beside the canaries in the rows a second witness looks on: PostgreSQL and MariaDB run each query once more as a role
that may read the chosen columns alone, and SQLite tells its authorizer what a query touches.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pymysql
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from querying.errors import QueryRefused
from querying.guard.checking import check
from querying.testing.fingerprint import mysql_fingerprint, postgres_fingerprint, sqlite_fingerprint
from querying.testing.shop import CHOSEN, MakeDialect, shop_schema, shop_statements, write_shop
from querying.testing.shop_rows import CANARY_UNCHOSEN, shop_rows
from querying.types import Caps
from tests.own_mariadb import OwnMariaDB
from tests.querying.hostile_statements import hostile_statements
from tests.querying.shop_databases import (
    READER,
    Fetch,
    mariadb_fetch,
    postgres_fetch,
    reader_of_mariadb,
)

_WHOLE = [pytest.param(1, id="some"), pytest.param(40, id="hostile-sql", marks=pytest.mark.battery)]
"""How many times as many; the battery has 20,000 together."""

_PERSONAL = {str(cell) for row in shop_rows()["customer"] for cell in (row[2], row[3]) if cell} | {
    CANARY_UNCHOSEN,
    "28500.50",
    "31000.00",
}
_DENIED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)


def _try(
    dialect: MakeDialect, count: int, runs: Sequence[Fetch], denied: Callable[[Exception], bool]
) -> Counter[str]:
    """Draw statements, run what passes everywhere; returns how many were tried, let through and run."""
    seen: Counter[str] = Counter()
    schema, caps = shop_schema(dialect), Caps(rows=200)

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=count < 1_000,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(hostile_statements(dialect))
    def hold(statement: str) -> None:
        seen["tried"] += 1
        try:
            checked = check(statement, schema, caps)
        except QueryRefused as refusal:
            seen[refusal.reason] += 1
            return
        seen["let through"] += 1
        for run in runs:
            try:
                rows = run(checked.sql)
            except Exception as error:
                assert not denied(error), (statement, checked.sql, error)
                seen[type(error).__name__] += 1
                continue
            seen["run"] += 1
            assert len(rows) <= caps.rows + 1
            shown = {str(cell) for row in rows for cell in row}
            assert not any(secret in cell for cell in shown for secret in _PERSONAL), (statement, checked.sql)

    hold()
    print(f"\n{dialect}: {dict(seen.most_common())}")  # noqa: T201 - pytest shows it with -s, for the docs
    assert seen["tried"] >= count * 0.9
    assert seen["let through"] > seen["tried"] // 20, (
        "the statements have become too hostile to tell anything"
    )
    return seen


@pytest.mark.parametrize("times", _WHOLE)
def test_hostile_statements_change_nothing_in_postgres(shop_postgres: str, times: int) -> None:
    """As a superuser, outside any read-only transaction; and as the reading role, which is never denied anything."""
    with (
        psycopg.connect(shop_postgres, autocommit=True) as watcher,
        psycopg.connect(shop_postgres, autocommit=True) as owner,
        psycopg.connect(shop_postgres, autocommit=True) as reader,
    ):
        for connection in (owner, reader):
            connection.execute("SET statement_timeout = '5s'")
        reader.execute(f"SET SESSION AUTHORIZATION {READER}")
        reader.execute("SET default_transaction_read_only = on")
        before = postgres_fingerprint(postgres_fetch(watcher))
        _try(
            "postgres",
            200 * times,
            [postgres_fetch(owner), postgres_fetch(reader)],
            lambda error: isinstance(error, _DENIED),
        )
        assert postgres_fingerprint(postgres_fetch(watcher)) == before


@pytest.mark.parametrize("times", _WHOLE)
def test_hostile_statements_change_nothing_in_mariadb(shop_mariadb: OwnMariaDB, times: int) -> None:
    """As a user who may do everything, and as one who may read the chosen columns."""
    reader, fetch = reader_of_mariadb(shop_mariadb), mariadb_fetch(shop_mariadb)
    before = mysql_fingerprint(fetch)
    _try("mysql", 100 * times, [mariadb_fetch(shop_mariadb), reader], _is_denied_by_mariadb)
    assert mysql_fingerprint(fetch) == before


def _is_denied_by_mariadb(error: Exception) -> bool:
    """Access to a database, a table, a column or a routine; or a privilege that is missing."""
    return isinstance(error, pymysql.err.MySQLError) and error.args[0] in (1044, 1045, 1142, 1143, 1227, 1370)


@pytest.mark.parametrize("times", _WHOLE)
def test_hostile_statements_change_nothing_in_sqlite(tmp_path: Path, times: int) -> None:
    """In a file that could be written to; the authorizer sees every column that is touched."""
    path = write_shop(tmp_path / "shop.sqlite")
    offered = {
        (table.name, column.name) for table in shop_schema("sqlite").tables for column in table.columns
    }
    touched: set[tuple[int, str | None, str | None]] = set()

    def look(action: int, one: str | None, two: str | None, _place: str | None, _by: str | None) -> int:
        touched.add((action, one, two))
        return sqlite3.SQLITE_OK

    with (
        closing(sqlite3.connect(path, isolation_level=None)) as file,
        closing(sqlite3.connect(path)) as watcher,
    ):
        before = sqlite_fingerprint(lambda query: watcher.execute(query).fetchall())
        file.set_authorizer(look)
        _try("sqlite", 150 * times, [lambda query: file.execute(query).fetchall()], lambda error: False)
        assert sqlite_fingerprint(lambda query: watcher.execute(query).fetchall()) == before
    reads = {(table, column) for action, table, column in touched if action == sqlite3.SQLITE_READ}
    assert reads - offered <= {(table, "") for table in (*CHOSEN, None)} | {("t", ""), ("x", ""), ("c", "")}
    assert {action for action, _, _ in touched} <= {
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_FUNCTION,
    }


@pytest.mark.parametrize("times", _WHOLE)
def test_hostile_statements_change_nothing_in_duckdb(times: int) -> None:
    """In memory, with everything that DuckDB may do."""
    with duckdb.connect(":memory:") as memory:
        for statement in shop_statements("duckdb"):
            memory.execute(statement)

        def fetch(query: str) -> Sequence[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = memory.execute(query).fetchall()
            return rows

        before = _everything_in(fetch)
        _try("duckdb", 50 * times, [fetch], lambda error: isinstance(error, duckdb.IOException))
        assert _everything_in(fetch) == before


def _everything_in(fetch: Fetch) -> list[Sequence[tuple[Any, ...]]]:
    found = [
        fetch(
            "SELECT table_name, sql FROM duckdb_tables() UNION ALL SELECT view_name, sql FROM duckdb_views()"
        )
    ]
    return found + [fetch(f"SELECT * FROM {table} ORDER BY ALL") for table in (*CHOSEN, "payroll")]
