"""What python-tds reads of SQL Server's values, as ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal

from querying.types import Blob, Value, ValueKind

_KINDS: tuple[tuple[type, ValueKind], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "float"),
    (Decimal, "decimal"),
    (datetime, "timestamp"),
    (date, "date"),
    (time, "time"),
    (Blob, "binary"),
)


def converted(cell: object) -> Value:
    """Bytes become their number; what has no kind of its own (uniqueidentifier) becomes text."""
    if isinstance(cell, bytes | bytearray):
        return Blob(len(cell))
    if cell is None or isinstance(cell, bool | int | float | Decimal | str | date | datetime | time):
        return cell
    return str(cell)


def kind_of_values(values: Iterable[Value]) -> ValueKind:
    """Of a result's column; one without values is a text."""
    found = {type(value) for value in values if value is not None}
    if len(found) == 1:
        (only,) = found
        return next((kind for known, kind in _KINDS if only is known), "text")
    return "float" if found == {int, float} else "text"
