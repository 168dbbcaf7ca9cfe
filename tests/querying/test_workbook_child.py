"""Hostile SQL straight at the process that asks workbooks, past the guard: nothing is read, written or kept by it."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from querying.errors import QueryFailed, QueryingError, QueryTimedOut, QueryTooExpensive, SchemaChanged
from querying.types import Caps, CheckedQuery, Column, Schema, Table
from querying.workbooks.connector import TASKS, WorkbookConnector
from querying.workbooks.packing import packed
from querying.workbooks.wire import WireError, decode_rows, decode_tables
from rag.sandbox.client import ParsingSandbox
from rag.settings import ParsingSettings

_TABLE = Table("ventas", (Column("id", "integer", "BIGINT"), Column("ciudad", "text", "VARCHAR")), rows=3)
_SETTINGS = ParsingSettings(ocr_program="", concurrent=2, memory_bytes=768 * 2**20, max_output_bytes=2**22)

REFUSED = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM read_json('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM glob('/tmp/*')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM read_csv('http://127.0.0.1:{port}/x')",
    "SELECT * FROM read_parquet('s3://bucket/x')",
    "COPY ventas TO '{target}'",
    "COPY ventas FROM '{secret}'",
    "EXPORT DATABASE '{target}'",
    "ATTACH '{target}' AS other",
    "CREATE TABLE kept AS SELECT 1",
    "CREATE TEMP VIEW ventas2 AS SELECT 1",
    "INSERT INTO ventas VALUES (4, 'x')",
    "UPDATE ventas SET id = 0",
    "DELETE FROM ventas",
    "DROP TABLE ventas",
    "INSTALL httpfs",
    "LOAD httpfs",
    "INSTALL '{target}'",
    "SET enable_external_access = true",
    "SET disabled_filesystems = ''",
    "RESET lock_configuration",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CREATE SECRET (TYPE s3)",
    "SELECT getenv('HOME')",
    "SELECT 1; DROP TABLE ventas",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE x AS SELECT 1",
    "CHECKPOINT",
    "VACUUM",
    "SELECT nextval('x')",
    "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
    "SELECT error('x')",
    "",
]
TOO_MUCH = [
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT count(*) FROM range(10000000) a, range(10000000) b",
    "SELECT list(range) FROM range(1000000000)",
    "SELECT string_agg(repeat('x', 100000), '') FROM range(100000000)",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "SELECT repeat('x', 2000000000)",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """The process that asks, as the gateway starts it."""
    opened = ParsingSandbox(_SETTINGS, TASKS)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def content() -> bytes:
    """Three rows."""
    with tempfile.TemporaryDirectory() as folder:
        return packed(
            [("id", "BIGINT"), ("ciudad", "VARCHAR")], [[1, 2, None], ["Vigo", "", None]], Path(folder)
        )


def connector(sandbox: ParsingSandbox, content: bytes, *, gone: bool = False) -> WorkbookConnector:
    """Of one table; gone: that is not kept any more."""

    async def contents(names: Sequence[str]) -> Mapping[str, bytes]:
        return {} if gone else dict.fromkeys(names, content)

    return WorkbookConnector(Schema("duckdb", (_TABLE,)), contents, sandbox, memory_mib=256)


def unchecked(sql: str) -> CheckedQuery:
    """As if the guard had let it through."""
    return CheckedQuery(sql, sql, "duckdb", frozenset({"ventas"}))


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_hostile_reads_writes_or_stays(
    sandbox: ParsingSandbox, content: bytes, tmp_path: Path
) -> None:
    """Each is refused, no file appears, no secret comes back, and the next query finds the table as it was."""
    secret, target = tmp_path / "secret.csv", tmp_path / "stolen"
    secret.write_text("password\nHUNTER2HUNTER2\n")
    asked = connector(sandbox, content)
    for statement in REFUSED:
        sql = statement.format(secret=secret, target=target, port=9)
        with pytest.raises(QueryingError) as refusal:
            await asked.run(unchecked(sql), Caps(seconds=5))
        assert "HUNTER2" not in str(refusal.value), sql
    assert list(tmp_path.iterdir()) == [secret]  # noqa: ASYNC240
    rows = await asked.run(unchecked("SELECT count(*), sum(id) FROM ventas"), Caps())
    assert rows.rows == ((3, 3),)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_takes_too_much_is_stopped(sandbox: ParsingSandbox, content: bytes) -> None:
    """By time or by memory, and whoever asks next is served."""
    asked = connector(sandbox, content)
    for sql in TOO_MUCH:
        with pytest.raises((QueryTimedOut, QueryTooExpensive, QueryFailed)):
            await asked.run(unchecked(sql), Caps(seconds=1.0))
    assert (await asked.run(unchecked("SELECT 1"), Caps())).rows == ((1,),)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_result_is_cut_at_its_caps_and_keeps_its_types(
    sandbox: ParsingSandbox, content: bytes
) -> None:
    """Rows and bytes are bounded, exact numbers stay exact, nothing and the empty text are told apart."""
    asked = connector(sandbox, content)
    rows = await asked.run(unchecked("SELECT range FROM range(1000)"), Caps(rows=7))
    assert (len(rows.rows), rows.cut) == (7, "rows")
    rows = await asked.run(unchecked("SELECT repeat('x', 1000) FROM range(1000)"), Caps(bytes=5_500))
    assert (len(rows.rows), rows.cut) == (5, "bytes")
    rows = await asked.run(unchecked("SELECT ciudad FROM ventas ORDER BY id NULLS LAST"), Caps())
    assert rows.rows == (("Vigo",), ("",), (None,))
    rows = await asked.run(
        unchecked(
            "SELECT 0.1::DECIMAL(10,2) d, 9007199254740993::BIGINT i, DATE '2025-03-01' t, 'x'::BLOB b"
        ),
        Caps(),
    )
    assert [str(value) for value in rows.rows[0][:3]] == ["0.10", "9007199254740993", "2025-03-01"]
    assert [column.kind for column in rows.columns] == ["decimal", "integer", "date", "binary"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_table_that_is_gone_is_said_to_be(sandbox: ParsingSandbox, content: bytes) -> None:
    """The file was replaced while somebody asked."""
    with pytest.raises(SchemaChanged, match="ventas"):
        await connector(sandbox, content, gone=True).run(unchecked("SELECT 1 FROM ventas"), Caps())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0\2{}",
        b"\xff\xff\xff\xff",
        b'\0\0\0\x1a{"notes": [], "tables": 5}',
        b"[]",
        b'{"columns": [["a", "nonsense"]], "rows": [], "cut": null}',
        b'{"columns": [["a", "integer"]], "rows": [["x"]], "cut": null}',
        b'{"columns": [["a", "integer"]], "rows": [[1, 2]], "cut": null}',
        b'{"columns": [["a", "date"]], "rows": [[5]], "cut": null}',
        b'{"columns": [], "rows": [], "cut": "never"}',
    ],
)
def test_a_child_in_a_strangers_hands_can_only_say_what_a_child_may_say(body: bytes) -> None:
    """Broken lengths, kinds and values are refused where they arrive."""
    with pytest.raises(WireError):
        decode_rows(body)
    with pytest.raises(WireError):
        decode_tables(body)
