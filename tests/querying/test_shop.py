"""The shop that tests ask: the same everywhere, with something in it that nobody may see."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

from querying.testing.fingerprint import sqlite_fingerprint
from querying.testing.shop import CHOSEN, shop_schema, shop_script, shop_statements, write_shop
from querying.testing.shop_rows import CANARY_PERSONAL, CANARY_UNCHOSEN, shop_rows


def test_the_same_seed_makes_the_same_shop() -> None:
    """Rows and script are equal from run to run; another seed makes another shop."""
    assert shop_rows() == shop_rows()
    assert shop_rows(1) != shop_rows(2)
    assert shop_script("postgres") == shop_script("postgres")


def test_sqlite_and_duckdb_hold_the_same_shop(tmp_path: Path) -> None:
    """Every table and the view has the same number of rows and the same total in both."""
    with (
        closing(sqlite3.connect(write_shop(tmp_path / "shop.sqlite"))) as file,
        duckdb.connect(":memory:") as memory,
    ):
        for statement in shop_statements("duckdb"):
            memory.execute(statement)
        for table in (*CHOSEN, "payroll"):
            count = f"SELECT count(*) FROM {table}"
            assert file.execute(count).fetchone() == memory.execute(count).fetchone()
        total = "SELECT round(sum(revenue) * 100) FROM monthly_sales"
        assert round(file.execute(total).fetchone()[0]) == round(memory.execute(total).fetchone()[0])


def test_what_is_offered_has_neither_personal_columns_nor_the_unchosen_table() -> None:
    """The canaries stand in the rows, and their columns nowhere in the schema."""
    rows = shop_rows()
    assert CANARY_PERSONAL in str(rows["customer"])
    assert CANARY_UNCHOSEN in str(rows["payroll"])
    offered = shop_schema("postgres")
    assert {table.name for table in offered.tables} == set(CHOSEN)
    customer = next(table for table in offered.tables if table.name == "customer")
    assert {"name", "email", "phone", "birthday"}.isdisjoint(column.name for column in customer.columns)
    marked = next(
        t for t in shop_schema("postgres", is_offered=False).tables if t.full_name == "public.customer"
    )
    assert {c.name for c in marked.columns if c.is_personal} == {"name", "email", "phone", "birthday"}


def test_the_fingerprint_tells_any_change(tmp_path: Path) -> None:
    """One cell, one empty table, one setting: each makes it another database."""
    path = write_shop(tmp_path / "shop.sqlite")
    seen = [_fingerprint(path)]
    assert _fingerprint(path) == seen[0]
    for change in (
        "UPDATE stock SET quantity = quantity + 1 WHERE product_id = 1",
        "CREATE TABLE x (y)",
        "PRAGMA user_version = 3",
    ):
        with closing(sqlite3.connect(path)) as file:
            file.execute(change)
            file.commit()
        seen.append(_fingerprint(path))
    assert len(set(seen)) == 4


def _fingerprint(path: Path) -> str:
    with closing(sqlite3.connect(path)) as file:
        return sqlite_fingerprint(lambda query: file.execute(query).fetchall())
