"""Values that are no ordinary ones arrive as what they are, or as the text that the database writes."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

from querying.types import Blob, Caps, Rows
from tests.contracts.connectors.rooms import MariaRoom, PostgresRoom, Room, SqliteRoom, asked, opened


async def _row(room: Room, sql: str) -> tuple[Rows, dict[str, object]]:
    connector = opened(room)
    try:
        rows = await connector.run(asked(room, sql, "oddities"), Caps())
    finally:
        await connector.close()
    return rows, dict(zip([column.name for column in rows.columns], rows.rows[0], strict=True))


async def test_postgresql(postgres_room: PostgresRoom) -> None:
    """Infinity, before Christ, money, ranges, arrays, bits, hours of another zone."""
    rows, found = await _row(
        postgres_room,
        """
        SELECT 12345678901234567890.123456789012345678901234567890::numeric AS exact, 'NaN'::numeric AS no_number,
          'NaN'::float8 AS no_float, '-Infinity'::float8 AS least, 9223372036854775807::bigint AS large,
          'infinity'::date AS never, '0044-03-15 BC'::date AS ides, '12026-01-01'::date AS far,
          'infinity'::timestamptz AS always, '2026-03-01 12:00:00.5'::timestamp AS noon,
          '24:00:00'::time AS midnight, '10:00:00+02'::timetz AS ten, interval '1 year -2 days' AS span,
          ARRAY[1, NULL, 3] AS numbers, '{"b": [1, 2]}'::jsonb AS json, '12.50'::money AS price,
          'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS uuid, B'1010' AS bits, '[1,5)'::int4range AS range,
          '\\xdeadbeef'::bytea AS raw, true AS yes, NULL::text AS nothing, 'áé'::varchar(10) AS letters,
          '2026-03-01 12:00:00+00'::timestamptz AT TIME ZONE 'UTC' AS utc, row(1, 'a') AS pair
        """,
    )

    assert found["exact"] == Decimal("12345678901234567890.123456789012345678901234567890")
    assert isinstance(found["no_number"], Decimal) and found["no_number"].is_nan()
    assert isinstance(found["no_float"], float) and math.isnan(found["no_float"])
    assert found["least"] == -math.inf and found["large"] == 2**63 - 1
    assert (found["never"], found["ides"], found["far"], found["always"]) == (
        *("infinity", "0044-03-15 BC", "12026-01-01", "infinity"),
    )
    assert found["noon"] == datetime(2026, 3, 1, 12, 0, 0, 500_000) and found["midnight"] == "24:00:00"
    assert isinstance(found["ten"], time) and found["ten"].isoformat() == "10:00:00+02:00"
    assert (found["span"], found["numbers"], found["json"]) == (
        "1 year -2 days",
        "{1,NULL,3}",
        '{"b": [1, 2]}',
    )
    assert found["price"] == Decimal("12.50") and found["bits"] == "1010" and found["range"] == "[1,5)"
    assert found["raw"] == Blob(4) and found["yes"] is True and found["nothing"] is None
    assert found["uuid"] == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" and found["letters"] == "áé"
    assert found["pair"] == "(1,a)"
    kinds = {column.name: column.kind for column in rows.columns}
    assert kinds["exact"] == "decimal" and kinds["json"] == "json" and kinds["noon"] == "timestamp"
    assert kinds["raw"] == "binary" and kinds["numbers"] == "other" and kinds["price"] == "decimal"


async def test_mariadb(maria_room: MariaRoom) -> None:
    """Days that there never were, durations, unsigned numbers, bits, sets."""
    maria_room.fetch("DROP TABLE IF EXISTS oddities")
    maria_room.fetch(
        "CREATE TABLE oddities (exact decimal(60,30), large bigint unsigned, day date, noon datetime(6), "
        "zero datetime, span time, hour_of_day time(3), bits bit(12), colour enum('red','green'), "
        "some set('a','b'), year year, raw varbinary(10), small tinyint(1), "
        "letters varchar(10) character set latin1, ratio float)"
    )
    connection = maria_room._server.as_user(database="shop")
    with connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute(
            "INSERT INTO oddities VALUES ('123456789012345678901234567890.123456789012345678901234567891', "
            "18446744073709551615, '0000-00-00', '2026-03-01 12:00:00.5', 0, '-26:10:00', '10:11:12.5', "
            "b'101000000001', 'green', 'a,b', 2026, x'ff00', 7, 'ñandú', 0.5)"
        )
    rows, found = await _row(maria_room, "SELECT * FROM oddities")

    assert found["exact"] == Decimal("123456789012345678901234567890.123456789012345678901234567891")
    assert (
        found["large"] == 2**64 - 1
        and found["day"] == "0000-00-00"
        and found["zero"] == "0000-00-00 00:00:00"
    )
    assert found["noon"] == datetime(2026, 3, 1, 12, 0, 0, 500_000)
    assert found["span"] == "-26:10:00" and found["hour_of_day"] == time(10, 11, 12, 500_000)
    assert found["bits"] == 0b101000000001 and found["colour"] == "green" and found["some"] == "a,b"
    assert found["year"] == 2026 and found["raw"] == Blob(2) and found["small"] == 7
    assert found["letters"] == "ñandú" and found["ratio"] == 0.5
    kinds = {column.name: column.kind for column in rows.columns}
    assert kinds["raw"] == "binary" and kinds["colour"] == "text" and kinds["bits"] == "integer"


async def test_sqlite(sqlite_room: SqliteRoom) -> None:
    """Each cell has a type of its own, and texts need not be texts."""
    _, found = await _row(
        sqlite_room,
        "SELECT 9223372036854775807 AS large, 1e999 AS most, CAST(x'61ff62' AS TEXT) AS broken, x'0001' AS raw, "
        "NULL AS none, 1.5 AS half, date('2026-03-01') AS day, '' AS empty, char(0) || 'a' AS zero",
    )

    assert found["large"] == 2**63 - 1 and found["most"] == math.inf and found["broken"] == "a\ufffdb"
    assert found["raw"] == Blob(2) and found["none"] is None and found["half"] == 1.5
    assert found["day"] == "2026-03-01" and found["empty"] == ""


async def test_a_moment_keeps_its_zone(postgres_room: PostgresRoom) -> None:
    """Told in the database's zone, it is the same moment."""
    _, found = await _row(postgres_room, "SELECT '2026-03-01 12:00:00+01'::timestamptz AS t")
    assert isinstance(found["t"], datetime) and found["t"] == datetime(2026, 3, 1, 11, tzinfo=UTC)


async def test_a_view_is_read_with_what_it_reads(sqlite_room: SqliteRoom) -> None:
    """The tables below a chosen view need not be chosen; those beside it stay closed."""
    connector = opened(sqlite_room)
    rows = await connector.run(
        asked(sqlite_room, "SELECT sum(revenue) AS r FROM monthly_sales", "monthly_sales"), Caps()
    )
    await connector.close()
    assert rows.rows[0][0]


async def test_a_date_is_a_date(postgres_room: PostgresRoom, maria_room: MariaRoom) -> None:
    """In every database that has them."""
    for room in (postgres_room, maria_room):
        _, found = await _row(room, "SELECT CAST('2026-03-01' AS date) AS d")
        assert found["d"] == date(2026, 3, 1)
