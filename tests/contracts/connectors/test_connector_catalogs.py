"""What only one kind of database has, and files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.errors import QueryFailed, QueryingError, SourceUnavailable
from querying.types import Caps, CheckedQuery, Table
from tests.contracts.connectors.rooms import PostgresRoom, SqliteRoom, asked, opened

ODD = '''
CREATE SCHEMA IF NOT EXISTS "odd Räume";
CREATE TABLE "odd Räume"."Ta.ble" (id integer PRIMARY KEY, "Spalte ""x""" text);
COMMENT ON TABLE "odd Räume"."Ta.ble" IS 'eine';
CREATE MATERIALIZED VIEW "odd Räume".sums AS SELECT count(*) AS n FROM "odd Räume"."Ta.ble";
CREATE TABLE "odd Räume".parts (id integer, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE "odd Räume".parts_2026 PARTITION OF "odd Räume".parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE DOMAIN "odd Räume".euros AS numeric(12, 2);
CREATE TYPE "odd Räume".colour AS ENUM ('red', 'green');
CREATE TABLE "odd Räume".kinds (price "odd Räume".euros, colour "odd Räume".colour, tags text[], left_out integer);
CREATE FOREIGN DATA WRAPPER nobody;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nobody;
CREATE FOREIGN TABLE "odd Räume".far (id integer) SERVER elsewhere;
ALTER TABLE "odd Räume".kinds DROP COLUMN left_out;
'''
GONE = 'DROP SCHEMA "odd Räume" CASCADE; DROP FOREIGN DATA WRAPPER nobody CASCADE'


async def test_what_postgresql_has_beside_tables(postgres_room: PostgresRoom) -> None:
    """Partitions once, materialised views, foreign tables, domains as what they are, dropped columns not at all."""
    postgres_room.fetch(ODD)
    try:
        connector = opened(postgres_room, namespaces=["odd Räume"])
        schema = await connector.schema()
        rows = await connector.run(asked(postgres_room, 'SELECT n FROM "sums"'), Caps())
        await connector.close()
    finally:
        postgres_room.fetch(GONE)

    tables: dict[str, Table] = {table.name: table for table in schema.tables}
    assert (
        set(tables) == {"Ta.ble", "sums", "parts", "kinds", "far"} and schema.default_namespace == "odd Räume"
    )
    assert tables["sums"].kind == "view" and tables["parts"].kind == "table"
    assert [column.name for column in tables["Ta.ble"].columns] == ["id", 'Spalte "x"']
    assert tables["Ta.ble"].description == "eine" and tables["Ta.ble"].primary_key == ("id",)
    kinds = {column.name: (column.kind, column.database_type) for column in tables["kinds"].columns}
    assert kinds == {
        "price": ("decimal", "euros"),
        "colour": ("text", "colour"),
        "tags": ("other", "text[]"),
    }
    assert rows.rows == ((0,),)


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Nothing is made in its place, and its path is not told."""
    path = tmp_path / "none.db"
    connector = open_connector("sqlite", {"path": path}, Neighbours())
    with pytest.raises(SourceUnavailable) as missing:
        await connector.schema()
    await connector.close()
    assert missing.value.reason == "file" and str(tmp_path) not in str(missing.value) and not path.exists()


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """And not as a broken query."""
    path = tmp_path / "text.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    connector = open_connector("sqlite", {"path": path}, Neighbours())
    with pytest.raises(SourceUnavailable):
        await connector.schema()
    await connector.close()


async def test_a_path_is_no_address(tmp_path: Path) -> None:
    """What a file is called cannot say how it is opened."""
    room = SqliteRoom(tmp_path / "a?mode=rwc&x=.db")
    room.fetch("CREATE TABLE t (n)")
    connector = opened(room)
    with pytest.raises(QueryingError):
        await connector.run(asked(room, "INSERT INTO t VALUES (1) RETURNING n", "t"), Caps())
    assert [table.name for table in (await connector.schema()).tables] == ["t"]
    await connector.close()


async def test_a_value_too_large_for_this_process_is_explained(tmp_path: Path) -> None:
    """With what to do; it is not brought into memory first."""
    room = SqliteRoom(tmp_path / "large.db")
    room.fetch("CREATE TABLE films (id integer PRIMARY KEY, film blob)")
    room.fetch("INSERT INTO films VALUES (1, zeroblob(70000000))")
    connector = opened(room)
    with pytest.raises(QueryFailed, match="64 MiB"):
        await connector.run(asked(room, "SELECT id, film FROM films ORDER BY id", "films"), Caps())
    assert (await connector.run(asked(room, "SELECT id FROM films", "films"), Caps())).rows == ((1,),)
    await connector.close()


async def test_columns_that_the_guard_did_not_trace_are_not_read(sqlite_room: SqliteRoom) -> None:
    """Whatever way a query found to them; counting rows reads none."""
    connector = opened(sqlite_room)

    async def run(sql: str) -> object:
        query = CheckedQuery(
            sql,
            sql,
            "sqlite",
            frozenset(("customer",)),
            frozenset((("customer", "city"), ("customer", "region"))),
        )
        return (await connector.run(query, Caps(rows=1))).rows

    assert await run("SELECT city FROM customer") and await run("SELECT count(*) FROM customer")
    for sql in (
        "SELECT email FROM customer",
        "SELECT city FROM customer WHERE name > 'M'",
        "SELECT * FROM customer",
    ):
        with pytest.raises(QueryFailed):
            await run(sql)
    await connector.close()


async def test_after_its_end_nothing_is_asked(postgres_room: PostgresRoom, sqlite_room: SqliteRoom) -> None:
    """A source that was removed while somebody waited is told as such."""
    for room in (postgres_room, sqlite_room):
        connector = opened(room)
        await connector.close()
        with pytest.raises(SourceUnavailable) as closed:
            await connector.run(asked(room, "SELECT 1 AS one"), Caps())
        assert closed.value.reason == "closed"
