"""SQLite's values: each cell has its own type whatever the column was declared as."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from querying.connectors.bounding import CELL_CHARACTERS
from querying.types import Blob, Value, ValueKind

_KINDS: tuple[tuple[str, ValueKind], ...] = (
    ("BOOL", "boolean"),
    ("DATETIME", "timestamp"),
    ("TIMESTAMP", "timestamp"),
    ("DATE", "date"),
    ("TIME", "time"),
    ("JSON", "json"),
    ("INT", "integer"),
    ("CHAR", "text"),
    ("CLOB", "text"),
    ("TEXT", "text"),
    ("BLOB", "binary"),
    ("REAL", "float"),
    ("FLOA", "float"),
    ("DOUB", "float"),
    ("DEC", "decimal"),
    ("NUM", "decimal"),
    ("MONEY", "decimal"),
)


def kind_of_declared(database_type: str) -> ValueKind:
    """Of a declared type; SQLite itself looks for some of these words in it."""
    upper = database_type.upper()
    return next((kind for word, kind in _KINDS if word in upper), "text" if not upper else "other")


def asked_cell(name: str) -> str:
    """In the place of a cell: of bytes their number, as bytes; of a text its beginning."""
    return (
        f"CASE typeof({name}) WHEN 'blob' THEN CAST(length({name}) AS BLOB) "
        f"WHEN 'text' THEN substr({name}, 1, {CELL_CHARACTERS + 1}) ELSE {name} END"
    )


def converted(row: Sequence[Any]) -> Sequence[Value]:
    """What asked_cell() brought."""
    if bytes not in map(type, row):
        return row
    return [Blob(int(cell)) if isinstance(cell, bytes) else cell for cell in row]


def kind_of_values(values: Iterable[Value]) -> ValueKind:
    """Of a result's column: SQLite does not tell what an expression is."""
    found = {type(value) for value in values if value is not None}
    if found <= {int}:
        return "integer" if found else "text"
    if found <= {int, float}:
        return "float"
    if found == {Blob}:
        return "binary"
    return "text"
