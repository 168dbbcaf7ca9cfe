"""What every connector promises, on real databases and as their owner: nothing but the connector holds a query back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest

from querying.connectors.bounding import CELL_CHARACTERS
from querying.errors import QueryFailed, QueryingError, QueryTimedOut, SchemaChanged, SourceUnavailable
from querying.ports import Connector
from querying.types import Blob, Caps
from tests.contracts.connectors.rooms import Room, asked, opened
from tests.waiting import until

SOON = Caps(seconds=0.2)
PLENTY = Caps(rows=1_000_000, bytes=2**28, seconds=60.0)


async def test_the_schema_tells_what_a_query_needs(room: Room, connector: Connector) -> None:
    """Tables and views of people, their columns, kinds and keys; nothing of the system."""
    schema = await connector.schema()

    tables = {table.name: table for table in schema.tables}
    assert schema.dialect == room.dialect and schema.default_namespace == room.namespace
    assert {"customer", "product", "orders", "order_line", "stock", "payroll"} <= set(tables)
    assert {table.namespace for table in schema.tables} == {room.namespace}
    assert tables["monthly_sales"].kind == "view"
    line = tables["order_line"]
    assert line.primary_key == ("order_id", "line")
    assert {(key.columns, key.table, key.other_columns) for key in line.foreign_keys} == {
        (("order_id",), "orders", ("order_id",)),
        (("product_id",), "product", ("product_id",)),
    }
    kinds = {column.name: column.kind for column in tables["product"].columns}
    assert kinds["categoría"] == "text" and kinds["price"] == "decimal" and kinds["launched"] == "date"
    assert {column.name: column.is_nullable for column in tables["stock"].columns}["counted_at"] is True
    if room.kind != "sqlite":  # which has no comments
        assert tables["stock"].description == "existencias"
        assert {column.name: column.description for column in tables["stock"].columns}["quantity"] == "piezas"


async def test_rows_come_as_they_are(room: Room, connector: Connector) -> None:
    """Exact numbers, letters of any language, under the names that the query gave."""
    rows = await connector.run(
        asked(room, "SELECT product_id AS id, name, price FROM product ORDER BY product_id", "product"),
        PLENTY,
    )

    as_owner = room.fetch("SELECT product_id, name, price FROM product ORDER BY product_id")
    assert [column.name for column in rows.columns] == ["id", "name", "price"]
    assert [(row[0], row[1], Decimal(str(row[2]))) for row in rows.rows] == [
        (row[0], row[1], Decimal(str(row[2]))) for row in as_owner
    ]
    assert rows.cut is None and rows.elapsed_ms > 0


async def test_an_empty_result_has_its_columns(room: Room, connector: Connector) -> None:
    """No rows are an answer."""
    rows = await connector.run(
        asked(room, "SELECT product_id, name FROM product WHERE 1 = 0", "product"), PLENTY
    )
    assert rows.rows == () and [column.name for column in rows.columns] == ["product_id", "name"]


async def test_the_same_name_twice_stays_two_columns(room: Room, connector: Connector) -> None:
    """`SELECT a.name, b.name` is what people write."""
    rows = await connector.run(
        asked(
            room,
            "SELECT a.name, b.name FROM product a CROSS JOIN product b WHERE a.product_id = 1",
            "product",
        ),
        Caps(rows=1),
    )
    assert [column.name for column in rows.columns] == ["name", "name"] and len(rows.rows[0]) == 2


async def test_a_result_ends_at_the_cap_of_rows(room: Room, connector: Connector) -> None:
    """And says so; one that fits exactly does not."""
    query = asked(room, room.words.numbers.format(1_000))

    cut = await connector.run(query, Caps(rows=999))
    whole = await connector.run(query, Caps(rows=1_000))

    assert (len(cut.rows), cut.cut) == (999, "rows")
    assert (len(whole.rows), whole.cut) == (1_000, None)
    assert [row[0] for row in whole.rows] == list(range(1, 1_001))


async def test_a_result_ends_at_the_cap_of_bytes(room: Room, connector: Connector) -> None:
    """Ten million rows are not read to find that ten thousand are too many."""
    rows = await connector.run(
        asked(room, room.words.numbers.format(10_000_000)), Caps(rows=10**6, bytes=80_000)
    )
    assert rows.cut == "bytes" and len(rows.rows) == 10_000


async def test_many_rows_come_whole(room: Room, connector: Connector) -> None:
    """Across many batches none is lost and none comes twice."""
    rows = await connector.run(asked(room, room.words.numbers.format(50_000)), PLENTY)
    assert [row[0] for row in rows.rows] == list(range(1, 50_001))


async def test_a_long_text_is_cut(room: Room, connector: Connector) -> None:
    """To what a cell of a spreadsheet holds, with a sign."""
    rows = await connector.run(asked(room, room.words.long_text.format(90_000)), Caps())
    assert rows.rows == (("ñ" * CELL_CHARACTERS + "…",),) and rows.cut == "bytes"


async def test_bytes_are_told_by_their_number(room: Room, connector: Connector) -> None:
    """A column of pictures of three megabytes fits into a cap of one."""
    room.fetch("DROP TABLE IF EXISTS pictures")
    for statement in room.words.blobs:
        room.fetch(statement)

    rows = await connector.run(
        asked(room, "SELECT id, picture FROM pictures ORDER BY id", "pictures"), Caps(bytes=2**20)
    )

    assert rows.rows == tuple((number, Blob(3_000_000)) for number in range(1, 9))
    assert rows.columns[1].kind == "binary" and rows.cut is None


async def test_a_slow_query_is_stopped_and_gone(room: Room, connector: Connector) -> None:
    """Not only nobody waits for it: the database does not work on it any more."""
    with pytest.raises(QueryTimedOut):
        await connector.run(asked(room, room.words.slow), SOON)

    await until(lambda: room.running("300") == 0)
    assert (await connector.run(asked(room, "SELECT 1 AS one"), Caps())).rows == ((1,),)


async def test_whoever_stops_waiting_stops_the_query(room: Room, connector: Connector) -> None:
    """A closed browser, a cancelled task: the database is told at once."""
    task = asyncio.create_task(connector.run(asked(room, room.words.slow), Caps(seconds=300)))
    if room.kind != "sqlite":
        await until(lambda: room.running("300") == 1)
    else:
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(lambda: room.running("300") == 0)
    assert (await connector.run(asked(room, "SELECT 1 AS one"), Caps())).rows == ((1,),)


async def test_an_error_is_told_in_the_databases_words(room: Room, connector: Connector) -> None:
    """So that a second attempt can be better; without where the database is."""
    with pytest.raises(QueryFailed) as failed:
        await connector.run(asked(room, room.words.failing), Caps())

    assert failed.value.detail
    for hidden in ("appliance_owner", "/tmp/", "password"):
        assert hidden not in str(failed.value)


async def test_a_dropped_column_is_a_changed_schema(room: Room, connector: Connector) -> None:
    """It was there when the tables were read."""
    room.fetch("DROP TABLE IF EXISTS passing")
    room.fetch("CREATE TABLE passing (id integer PRIMARY KEY, gone integer)")
    full_name = f"{room.namespace}.passing".strip(".")
    query = asked(room, "SELECT p.gone FROM passing AS p", "passing", columns=[(full_name, "gone")])
    assert (await connector.run(query, Caps())).rows == ()

    room.fetch(room.words.drop_column)
    with pytest.raises(SchemaChanged):
        await connector.run(query, Caps())
    room.fetch("DROP TABLE passing")
    with pytest.raises(SchemaChanged):
        await connector.run(query, Caps())


async def test_nothing_that_is_no_reading_changes_anything(room: Room, connector: Connector) -> None:
    """As an owner and past the guard: the transaction, the cursor and the authorizer are walls of their own."""
    before = room.fingerprint()

    for sql in room.words.hostile:
        with suppress(QueryingError):
            await connector.run(asked(room, sql, "stock"), Caps(seconds=5.0))

    assert room.fingerprint() == before


async def test_what_is_set_inside_does_not_stay(room: Room, connector: Connector) -> None:
    """The next query finds the connection as it was."""
    for sql in room.words.hostile:
        with suppress(QueryingError):
            await connector.run(asked(room, sql, "stock"), Caps(seconds=5.0))

    rows = await connector.run(asked(room, "SELECT count(*) AS n FROM stock", "stock"), Caps())
    assert rows.rows[0][0] == room.fetch("SELECT count(*) FROM stock")[0][0]


async def test_more_queries_than_connections_all_come(room: Room, connector: Connector) -> None:
    """They wait for one another."""
    query = asked(room, "SELECT count(*) AS n FROM orders", "orders")
    found = await asyncio.gather(*(connector.run(query, Caps()) for _ in range(12)))
    assert len({rows.rows for rows in found}) == 1


async def test_samples_are_short_and_frequent_first(room: Room, connector: Connector) -> None:
    """What a model is shown so that it writes values as they are written."""
    table = f"{room.namespace}.orders".strip(".")
    found = await connector.samples(table, ["status", "channel"], 3)

    most = room.fetch("SELECT status FROM orders GROUP BY status ORDER BY count(*) DESC, status")[0][0]
    assert set(found) == {"status", "channel"} and found["status"][0] == most
    assert all(len(one) <= 60 for values in found.values() for one in values) and len(found["status"]) <= 3


async def test_the_planner_is_asked_without_running(room: Room, connector: Connector) -> None:
    """PostgreSQL expects more of more work; the others here do not tell."""
    small = await connector.cost(asked(room, "SELECT name FROM product WHERE product_id = 1", "product"))
    large = await connector.cost(asked(room, "SELECT a.name FROM product a CROSS JOIN product b", "product"))
    if room.kind == "postgres":
        assert small is not None and large is not None and small < large
    else:
        assert small is None or small >= 0


async def test_a_connection_that_died_idle_is_exchanged(room: Room, connector: Connector) -> None:
    """A firewall or a restart ended it; nobody is bothered with that."""
    query = asked(room, "SELECT 1 AS one")
    await connector.run(query, Caps())
    room.end_sessions()

    assert (await connector.run(query, Caps())).rows == ((1,),)


async def test_a_connection_that_breaks_in_the_middle_is_told(room: Room, connector: Connector) -> None:
    """The query may have been halfway: it is not asked again by itself."""
    if room.kind == "sqlite":
        pytest.skip("a file has no connection")
    task = asyncio.create_task(connector.run(asked(room, room.words.slow), Caps(seconds=300)))
    await until(lambda: room.running("300") == 1)
    room.end_sessions()

    with pytest.raises(SourceUnavailable):
        await task
    assert (await connector.run(asked(room, "SELECT 1 AS one"), Caps())).rows == ((1,),)


async def test_a_closed_connector_leaves_no_sessions(room: Room) -> None:
    """Of nobody's rows anything is left open."""
    made = opened(room)
    await made.run(asked(room, "SELECT 1 AS one"), Caps())
    await made.close()
    assert room.running("one") == 0
