"""Values of parameters: what is asked with is what the database receives, whatever stands in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from querying.errors import QueryRefused
from querying.guard.checking import check
from querying.testing.shop import MakeDialect, shop_schema
from querying.types import Blob, Caps, Dialect, Value
from tests.own_mariadb import OwnMariaDB
from tests.querying.shop_databases import Fetch, mariadb_fetch, postgres_fetch

_HOSTILE = st.lists(
    st.sampled_from(
        [
            *("'", "''", '"', "\\", "\\'", "\\\\", "`", ";", "--", "/*", "*/", "#", "%", "%s", "%(a)s", ":a", "?"),
            *("\n", "\r", "\t", "\x1a", "\x08", "\x01", "ñ", "€", "𝄞", "\u2018", "\u2019", "\uff07", "\u02bc"),
            *("' OR '1'='1", "'; DROP TABLE stock; --", "\\n", "\\0", "\\Z", "U&'", "E'", "N'", "_", "[", "]"),
            *("{", "}", "a", "0x27", "$1", "$$", "@@version", "\u00bf\\"),
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip
_SETTINGS = settings(
    max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def _asked(dialect: Dialect, sql: str, values: Mapping[str, Value]) -> str:
    return check(sql, shop_schema(dialect), Caps(), values).sql


def _hold_texts(dialect: MakeDialect, fetch: Fetch) -> None:
    @_SETTINGS
    @given(_HOSTILE)
    def hold(text: str) -> None:
        (row,) = fetch(_asked(dialect, "SELECT :a AS a, 1 AS b, :a AS c", {"a": text}))
        assert row == (text, 1, text)
        # As part of a condition beside others: it ends where it should.
        sql = _asked(
            dialect, "SELECT count(*) AS n FROM stock WHERE warehouse = :a AND quantity < 0", {"a": text}
        )
        assert fetch(sql) == [(0,)]

    hold()


def test_hostile_texts_arrive_as_they_are_in_sqlite() -> None:
    """Quotes, backslashes, comments, percent signs, colons."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("CREATE TABLE stock (warehouse, quantity)")
        _hold_texts("sqlite", lambda query: memory.execute(query).fetchall())


def test_hostile_texts_arrive_as_they_are_in_duckdb() -> None:
    """Likewise."""
    with duckdb.connect(":memory:") as memory:
        memory.execute("CREATE TABLE stock (warehouse varchar, quantity integer)")
        _hold_texts("duckdb", lambda query: memory.execute(query).fetchall())


def test_hostile_texts_arrive_as_they_are_in_postgres(shop_postgres: str) -> None:
    """Likewise, in a running PostgreSQL."""
    with psycopg.connect(shop_postgres, autocommit=True) as connection:
        _hold_texts("postgres", postgres_fetch(connection))


def test_hostile_texts_arrive_as_they_are_in_mariadb(shop_mariadb: OwnMariaDB) -> None:
    """Likewise, in a running MariaDB, where a backslash escapes."""
    _hold_texts("mysql", mariadb_fetch(shop_mariadb))


_TYPED: dict[str, Value] = {
    "nothing": None,
    "yes": True,
    "whole": -(2**60),
    "exact": Decimal("-1234567890.125"),
    "tiny": Decimal("1E-9"),
    "about": 1.5e-7,
    "day": date(2024, 2, 29),
    "at": datetime(2024, 2, 29, 23, 59, 58, 123456),
    "clock": time(7, 8, 9),
}


def _typed(dialect: Dialect, fetch: Fetch) -> dict[str, Any]:
    sql = "SELECT " + ", ".join(f":{name} AS {name}" for name in _TYPED)
    return dict(zip(_TYPED, fetch(_asked(dialect, sql, _TYPED))[0], strict=True))


def test_values_keep_their_type_in_postgres(shop_postgres: str) -> None:
    """Numbers exactly, dates as dates, nothing as NULL."""
    with psycopg.connect(shop_postgres, autocommit=True) as connection:
        found = _typed("postgres", postgres_fetch(connection))
        assert {**found, "about": float(found["about"])} == _TYPED
        aware = _asked("postgres", "SELECT :a AS a", {"a": datetime(2024, 1, 1, 12, tzinfo=UTC)})
        assert (
            postgres_fetch(connection)(aware)[0][0].timestamp()
            == datetime(2024, 1, 1, 12, tzinfo=UTC).timestamp()
        )


def test_values_keep_their_type_in_mariadb(shop_mariadb: OwnMariaDB) -> None:
    """Times come as a duration there, and fractions of a second are cut as its DATETIME does."""
    found = _typed("mysql", mariadb_fetch(shop_mariadb))
    assert str(found.pop("clock")) == "7:08:09"
    assert found.pop("at").replace(microsecond=0) == datetime(2024, 2, 29, 23, 59, 58)
    assert {name: float(cell) if name == "about" else cell for name, cell in found.items()} == {
        name: value for name, value in _TYPED.items() if name not in ("clock", "at")
    }


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_values_keep_their_type_in_files(dialect: MakeDialect) -> None:
    """SQLite has neither decimals nor dates: they come as a number and as text."""
    if dialect == "duckdb":
        with duckdb.connect(":memory:") as memory:
            found = _typed(dialect, lambda query: memory.execute(query).fetchall())
            assert {**found, "about": float(found["about"])} == _TYPED
        return
    with closing(sqlite3.connect(":memory:")) as file:
        found = _typed(dialect, lambda query: file.execute(query).fetchall())
    assert found["day"] == "2024-02-29"
    assert found["at"] == "2024-02-29 23:59:58.123456"
    assert found["whole"] == -(2**60)
    assert found["exact"] == float(Decimal("-1234567890.125"))


def test_sql_server_takes_texts_as_national_ones_with_quotes_doubled() -> None:
    """There is no SQL Server here: the text is looked at."""
    assert "N'O''Brien \\ ñ'" in _asked("tsql", "SELECT :a AS a", {"a": "O'Brien \\ ñ"})
    assert "CAST('2024-02-29' AS DATE)" in _asked("tsql", "SELECT :a AS a", {"a": date(2024, 2, 29)})


@pytest.mark.parametrize(
    "value",
    [Blob(3), "a\0b", "\ud800", "x" * 10_001, float("inf"), float("nan"), Decimal("NaN"), Decimal("1E+900"), 10**80],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_written_is_refused(value: Value) -> None:
    """A value without a literal is told by its name; nothing is guessed."""
    with pytest.raises(QueryRefused) as refused:
        _asked("postgres", "SELECT :secret AS a", {"secret": value})
    assert refused.value.reason == "parameter_wrong"
    assert "secret" in str(refused.value)


def test_a_value_is_never_more_than_a_value() -> None:
    """Neither a table nor a column nor a limit can come from one that is a text."""
    for sql in (
        "SELECT quantity FROM :a",
        "SELECT quantity FROM stock LIMIT :a",
        "SELECT stock.:a FROM stock",
    ):
        with pytest.raises(QueryRefused):
            _asked("postgres", sql, {"a": "payroll"})
    assert _asked("postgres", "SELECT quantity FROM stock LIMIT :a", {"a": 3}).endswith("LIMIT 3")
