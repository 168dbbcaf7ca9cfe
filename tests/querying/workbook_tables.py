"""Workbooks of tests, made into tables in this process and asked with a DuckDB that nobody has locked."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook

from querying.workbooks.extracting import TableMaker
from querying.workbooks.packing import quoted
from querying.workbooks.wire import PackedTable, decode_tables
from rag.limits import ParsingLimits

WRITTEN = Path(__file__).parent / "workbooks_written"


def made_of(path: Path, limits: ParsingLimits | None = None, name: str = "datos") -> dict[str, PackedTable]:
    """The tables of a file by name, over the wire and back."""
    claimed = "text/csv" if path.suffix in (".csv", ".tsv") else ""
    with tempfile.TemporaryDirectory() as scratch:
        order = {"path": str(path), "media_type": claimed, "name": name}
        answer = TableMaker(limits or ParsingLimits()).work(order, Path(scratch))
    return {one.table.name: one for one in decode_tables(answer).tables}


def asked(tables: Mapping[str, PackedTable], sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query over the tables."""
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, table in tables.items():
                path = Path(folder) / "one.parquet"
                path.write_bytes(table.content)
                connection.execute(f"CREATE TABLE {quoted(name)} AS FROM read_parquet(?)", [str(path)])
            return connection.execute(sql).fetchall()
    finally:
        connection.close()


def workbook(folder: Path, rows: Sequence[Sequence[object]], sheet: str = "Hoja", **formats: str) -> Path:
    """An XLSX of one sheet. formats: of columns by letter."""
    book = Workbook()
    assert book.active is not None
    book.active.title = sheet
    for row in rows:
        book.active.append(list(row))
    for column, shape in formats.items():
        for cell in book.active[column]:
            cell.number_format = shape
    path = folder / "one.xlsx"
    book.save(path)
    return path


def codes(table: PackedTable) -> list[str]:
    """Of its notes."""
    return [getattr(note, "code", note) for note in table.notes]
