"""What the guard lets through, and that it changes nothing: raw text and rewritten query bring the same rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest

from querying.guard.checking import check
from querying.testing.shop import MakeDialect, shop_schema, shop_statements, write_shop
from querying.types import Caps, Column, Schema, Table
from tests.own_mariadb import OwnMariaDB
from tests.querying.honest import EVERYWHERE, OF_SQL_SERVER, OWN
from tests.querying.shop_databases import Fetch, mariadb_fetch, postgres_fetch

CHINOOK = Path(__file__).parents[3] / "shared" / "data" / "sql" / "chinook"
_CAPS = Caps(rows=100_000)


def _hold_equal(dialect: MakeDialect, fetch: Fetch) -> int:
    queries = (*EVERYWHERE, *OWN[dialect])
    for query in queries:
        raw = query.replace('"order"', "`order`") if dialect == "mysql" else query
        checked = check(raw, shop_schema(dialect), _CAPS)
        assert fetch(checked.sql) == fetch(raw), (raw, checked.sql)
        assert check(checked.shown, shop_schema(dialect), _CAPS).sql == checked.sql, checked.shown
    return len(queries)


def test_honest_questions_bring_the_same_rows_in_sqlite(tmp_path: Path) -> None:
    """More than 80; and what is shown to people is the same query once more."""
    with closing(sqlite3.connect(write_shop(tmp_path / "shop.sqlite"))) as file:
        assert _hold_equal("sqlite", lambda query: file.execute(query).fetchall()) >= 80


def test_honest_questions_bring_the_same_rows_in_duckdb() -> None:
    """More than 80, in the engine that workbooks may be asked with."""
    with duckdb.connect(":memory:") as memory:
        for statement in shop_statements("duckdb"):
            memory.execute(statement)
        assert _hold_equal("duckdb", lambda query: memory.execute(query).fetchall()) >= 80


def test_honest_questions_bring_the_same_rows_in_postgres(shop_postgres: str) -> None:
    """More than 80, in a running PostgreSQL."""
    with psycopg.connect(shop_postgres, autocommit=True) as connection:
        assert _hold_equal("postgres", postgres_fetch(connection)) >= 80


def test_honest_questions_bring_the_same_rows_in_mariadb(shop_mariadb: OwnMariaDB) -> None:
    """More than 80, in a running MariaDB."""
    assert _hold_equal("mysql", mariadb_fetch(shop_mariadb)) >= 80


def test_honest_questions_to_sql_server_pass_with_a_bound() -> None:
    """There is no SQL Server here: the text is looked at. It has a bound, and every name in brackets."""
    for query in OF_SQL_SERVER:
        checked = check(query, shop_schema("tsql"), _CAPS)
        assert "TOP " in checked.sql or "FETCH NEXT " in checked.sql
        assert "[dbo].[" in checked.sql


def _chinook_schema(connection: psycopg.Connection[tuple[str, ...]]) -> Schema:
    columns: dict[str, list[Column]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, "
        "ordinal_position"
    ):
        columns.setdefault(table, []).append(Column(column, "other"))
    return Schema(
        "postgres", tuple(Table(name, tuple(of), "public") for name, of in columns.items()), "public"
    )


@pytest.fixture
def chinook(owner_url: str) -> Iterator[psycopg.Connection[tuple[str, ...]]]:
    """The sample database, made from its script."""
    script = CHINOOK / "chinook_postgres.sql"
    if not script.exists():
        pytest.skip(f"no {script}")
    text = script.read_text(encoding="utf-8").replace("DROP DATABASE IF EXISTS chinook;", "")
    text = text.replace("CREATE DATABASE chinook;", "").replace("\\c chinook;", "")
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(text.encode())
        yield connection


def test_checked_questions_of_the_sample_database_pass_unchanged(
    chinook: psycopg.Connection[tuple[str, ...]],
) -> None:
    """The gold SQL of every answerable question: as many rows as promised, the first as promised, equal to the raw."""
    schema, fetch = _chinook_schema(chinook), postgres_fetch(chinook)
    for line in (CHINOOK / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        if not question["answerable"]:
            continue
        rows = fetch(check(question["gold_sql"], schema, Caps()).sql)
        assert rows == fetch(question["gold_sql"])
        assert len(rows) == question["rows"]
        assert [str(Decimal(cell) if isinstance(cell, Decimal) else cell) for cell in rows[0]] == question[
            "first_row"
        ]
