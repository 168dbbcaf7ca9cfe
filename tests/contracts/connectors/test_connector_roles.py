"""What a role could do is told truthfully, and the statements that we print make one that can only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from querying.connectors.granting import READER
from querying.errors import QueryFailed, QueryingError, SourceUnavailable
from querying.types import Caps
from tests.contracts.connectors.rooms import (
    READER_PASSWORD,
    MariaRoom,
    PostgresRoom,
    Room,
    SqliteRoom,
    asked,
    opened,
    private,
)

HOSTILE = 'odd"na`me]; DROP TABLE stock; --'
CREATED = {
    "postgres": 'CREATE TABLE IF NOT EXISTS "odd""na`me]; DROP TABLE stock; --" (n integer)',
    "mysql": 'CREATE TABLE IF NOT EXISTS `odd"na``me]; DROP TABLE stock; --` (n integer)',
}


@pytest.fixture(params=["postgres", "mysql"])
def server_room(request: pytest.FixtureRequest) -> Iterator[PostgresRoom | MariaRoom]:
    """A server where the printed statements have been run, with a password in the place of the gap."""
    room = request.getfixturevalue({"postgres": "postgres_room", "mysql": "maria_room"}[request.param])
    room.fetch(CREATED[request.param])
    yield room
    with suppress(psycopg.Error, pymysql.err.Error):
        room.fetch(f"DROP OWNED BY {READER}" if room.kind == "postgres" else f"DROP USER {READER}@'%'")
        room.fetch(f"DROP ROLE {READER}")


async def _reader(room: Room, tmp_path: Path, *tables: str) -> Any:
    owner = opened(room)
    report = await owner.role([f"{room.namespace}.{name}" for name in tables])
    await owner.close()
    for statement in report.grants:
        room.fetch(statement.replace("<password>", READER_PASSWORD))
    return opened(room, user=READER, password_file=private(tmp_path / "reader", READER_PASSWORD))


async def test_an_owner_is_told_as_one_who_can_write(server_room: Room) -> None:
    """So that a source is refused before anybody asks it."""
    connector = opened(server_room)
    report = await connector.role()
    await connector.close()
    assert report.can_write and report.is_superuser and "superuser" in report.problems


async def test_the_printed_statements_make_a_reader(server_room: Room, tmp_path: Path) -> None:
    """It reads what was chosen, whatever the names hold, and nothing else; nothing about it is a problem."""
    reader = await _reader(server_room, tmp_path, "stock", HOSTILE)
    report = await reader.role()
    schema = await reader.schema()
    rows = await reader.run(asked(server_room, "SELECT count(*) AS n FROM stock", "stock"), Caps())
    with pytest.raises(QueryFailed):
        await reader.run(asked(server_room, "SELECT * FROM payroll", "payroll"), Caps())
    await reader.close()

    assert (report.can_write, report.is_superuser, report.problems) == (False, False, ())
    assert {table.name for table in schema.tables} == {"stock", HOSTILE}
    assert rows.rows[0][0] > 0


async def test_a_right_to_write_is_found(server_room: Room, tmp_path: Path) -> None:
    """On one table, of one kind: it is enough."""
    reader = await _reader(server_room, tmp_path, "stock")
    host = "" if server_room.kind == "postgres" else "@'%'"
    server_room.fetch(f"GRANT UPDATE ON {server_room.namespace}.product TO {READER}{host}")
    report = await reader.role()
    await reader.close()

    assert report.can_write and not report.is_superuser
    assert [problem.partition(":")[0] for problem in report.problems] == ["writes"]
    assert "product" in report.problems[0]


@pytest.mark.parametrize(
    ("grant", "problem"),
    [
        ("GRANT pg_write_all_data TO {}", "member_of:pg_write_all_data"),
        ("GRANT pg_execute_server_program TO {}", "member_of:pg_execute_server_program"),
        ("GRANT pg_read_server_files TO {}", "member_of:pg_read_server_files"),
        ("GRANT CREATE ON SCHEMA public TO {}", "creates_in:public"),
        ("GRANT CREATE ON DATABASE shop TO {}", "creates_schemas"),
        ("GRANT UPDATE (quantity) ON stock TO {}", "writes:public.stock"),
        ("GRANT TRIGGER ON stock TO {}", "writes:public.stock"),
        ("ALTER ROLE {} CREATEROLE", "createrole"),
        ("ALTER ROLE {} CREATEDB", "createdb"),
    ],
)
async def test_each_way_to_write_in_postgresql_has_its_code(
    postgres_room: PostgresRoom, tmp_path: Path, grant: str, problem: str
) -> None:
    """Also those that no table's rights show, as by membership without inheriting."""
    reader = await _reader(postgres_room, tmp_path, "stock")
    try:
        postgres_room.fetch(grant.format(READER))
        report = await reader.role()
    finally:
        await reader.close()
        postgres_room.fetch(f"DROP OWNED BY {READER}")
        postgres_room.fetch(f"DROP ROLE {READER}")
    assert report.can_write and problem in report.problems


@pytest.mark.parametrize(
    ("grant", "problem"),
    [
        ("GRANT FILE ON *.* TO {}", "privilege:FILE"),
        ("GRANT EXECUTE ON shop.* TO {}", "writes:`shop`.*"),
        ("GRANT CREATE TEMPORARY TABLES ON shop.* TO {}", "writes:`shop`.*"),
        ("GRANT INSERT (quantity) ON shop.stock TO {}", "writes:`shop`.`stock`"),
        ("GRANT SELECT ON shop.stock TO {} WITH GRANT OPTION", "grants_others"),
        ("GRANT writers TO {}", "unknown_role:`writers`"),
    ],
)
async def test_each_way_to_write_in_mariadb_has_its_code(
    maria_room: MariaRoom, tmp_path: Path, grant: str, problem: str
) -> None:
    """A role that is not in force and whose rights nobody tells us may hold anything."""
    reader = await _reader(maria_room, tmp_path, "stock")
    try:
        maria_room.fetch("CREATE ROLE IF NOT EXISTS writers")
        maria_room.fetch("GRANT DELETE ON shop.orders TO writers")
        maria_room.fetch(grant.format(f"{READER}@'%'"))
        report = await reader.role()
    finally:
        await reader.close()
        maria_room.fetch(f"DROP USER {READER}@'%'")
    assert report.can_write and problem in report.problems


async def test_a_wrong_password_is_told_without_it(server_room: Room, tmp_path: Path) -> None:
    """Neither the password nor the user stands in what people read."""
    connector = opened(server_room, password_file=private(tmp_path / "wrong", "not-the-password"))
    with pytest.raises(SourceUnavailable) as refused:
        await connector.schema()
    await connector.close()

    assert refused.value.reason == "authentication"
    assert "not-the-password" not in str(refused.value) and "owner" not in str(refused.value)


async def test_a_database_that_is_not_there_is_named_as_the_reason(server_room: Room) -> None:
    """And not as a broken connection."""
    connector = opened(server_room, database="no_such_place")
    with pytest.raises(SourceUnavailable) as refused:
        await connector.schema()
    await connector.close()
    assert refused.value.reason == "no_database"


async def test_nothing_written_in_a_session_undoes_read_only(server_room: Room, tmp_path: Path) -> None:
    """A role with the right to write, past the guard, after switching the default off: the transaction holds."""
    before = server_room.fetch("SELECT sum(quantity) FROM stock")
    connector = opened(server_room)
    switches = {
        "postgres": "SELECT set_config('default_transaction_read_only', 'off', false)",
        "mysql": "SELECT @@SESSION.tx_read_only",
    }
    await connector.run(asked(server_room, switches[server_room.kind]), Caps())
    for sql in ("UPDATE stock SET quantity = 0", "DELETE FROM stock"):
        with pytest.raises(QueryingError):
            await connector.run(asked(server_room, sql, "stock"), Caps())
    await connector.close()
    assert server_room.fetch("SELECT sum(quantity) FROM stock") == before


async def test_what_was_taken_inside_is_given_back(server_room: Room) -> None:
    """Locks by name outlive a transaction, and a connection outlives a question."""
    taken = {"postgres": "SELECT pg_advisory_lock(7)", "mysql": "SELECT GET_LOCK('seven', 0), @left := 7"}
    seen = {
        "postgres": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        "mysql": "SELECT COUNT(IS_USED_LOCK('seven'))",
    }
    connector = opened(server_room)
    await connector.run(asked(server_room, taken[server_room.kind]), Caps())
    assert server_room.fetch(seen[server_room.kind])[0][0] == 0
    if server_room.kind == "mysql":
        assert (await connector.run(asked(server_room, "SELECT @left AS l"), Caps())).rows == ((None,),)
    await connector.close()


async def test_a_file_that_can_be_written_is_told(sqlite_room: SqliteRoom) -> None:
    """SQLite has no roles; ours opens it for reading whatever its rights are."""
    connector = opened(sqlite_room)
    report = await connector.role()
    await connector.close()
    assert report.problems == ("file_writable",) and not report.can_write
    assert report.grants[0].startswith("chmod a-w ")
