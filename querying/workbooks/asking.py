"""What a confined child does with one query: load the tables it names, close every door, run it once, end.

Each query has a process of its own, so that none finds what another left behind. DuckDB is told to be read-only in
every way it knows; what holds if it does not listen is the process around it: no network, no other file, a bound on
memory and time (`rag.sandbox`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb

from querying.types import ValueKind
from querying.workbooks.packing import CONFIGURATION, quoted
from querying.workbooks.wire import as_plain, encode_rows
from rag.limits import ParsingLimits

_FETCHED = 500  # rows at a time
_LOCKS = (
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET disabled_filesystems = 'LocalFileSystem'",
    "SET lock_configuration = true",
)
_MOST_MESSAGE = 500
_FAILED = b"F"
_BROUGHT = b"R"
_KINDS: Mapping[str, ValueKind] = {
    "BOOLEAN": "boolean",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "HUGEINT": "integer",
    "UTINYINT": "integer",
    "USMALLINT": "integer",
    "UINTEGER": "integer",
    "UBIGINT": "integer",
    "UHUGEINT": "integer",
    "FLOAT": "float",
    "DOUBLE": "float",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "VARCHAR": "text",
    "JSON": "json",
    "BLOB": "binary",
}


class TableAsker:
    """The task `query`. order: `sql`, `tables` (name → path of its Parquet), `rows` and `bytes` at most."""

    def __init__(self, _limits: ParsingLimits) -> None:
        pass

    def work(self, order: Mapping[str, Any], _scratch: Path) -> bytes:
        """R and encoded rows, or F and why DuckDB would not."""
        connection = duckdb.connect(
            ":memory:", config={**CONFIGURATION, "memory_limit": f"{order['memory_mib']}MB"}
        )
        try:
            for name, path in order["tables"].items():
                connection.execute(f"CREATE TABLE {quoted(name)} AS FROM read_parquet(?)", [path])
            for lock in _LOCKS:
                connection.execute(lock)
            return _BROUGHT + _run(connection, order["sql"], order["rows"], order["bytes"])
        except duckdb.Error as error:
            return _FAILED + f"{type(error).__name__}: {error}"[:_MOST_MESSAGE].encode("utf-8", "replace")
        finally:
            connection.close()


def _run(connection: duckdb.DuckDBPyConnection, sql: str, most_rows: int, most_bytes: int) -> bytes:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.InvalidInputException("only one SELECT can run here")
    connection.execute(statements[0])
    columns: list[tuple[str, ValueKind]] = [
        (str(one[0]), _kind(str(one[1]))) for one in connection.description or ()
    ]
    rows: list[list[Any]] = []
    size = 0
    cut: Literal["rows", "bytes"] | None = None
    while cut is None and (slice_ := connection.fetchmany(_FETCHED)):
        for row in slice_:
            if len(rows) >= most_rows:
                cut = "rows"
                break
            plain = [as_plain(value, kind) for value, (_, kind) in zip(row, columns, strict=True)]
            size += _size(plain)
            if size > most_bytes:
                cut = "bytes"
                break
            rows.append(plain)
    return encode_rows(columns, rows, cut)


def _size(row: Sequence[Any]) -> int:
    return sum(len(value) if isinstance(value, str) else 8 for value in row)


def _kind(database_type: str) -> ValueKind:
    if database_type.startswith("DECIMAL"):
        return "decimal"
    return _KINDS.get(database_type, "other")
