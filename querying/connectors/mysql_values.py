"""MySQL's types as ours. Cells come as the letters that the server writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pymysql.constants import FIELD_TYPE, FLAG

from querying.connectors.mysql_rows import LongCell
from querying.types import Blob, ResultColumn, Value, ValueKind

_BINARY_LETTERS = 63
_TEXTS = {
    *(FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.BLOB, FIELD_TYPE.TINY_BLOB),
    *(FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.ENUM, FIELD_TYPE.SET),
}
_KINDS: dict[int, ValueKind] = {
    **dict.fromkeys(
        (
            *(FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG),
            *(FIELD_TYPE.YEAR, FIELD_TYPE.BIT),
        ),
        "integer",
    ),
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), "decimal"),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), "float"),
    **dict.fromkeys((FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE), "date"),
    **dict.fromkeys((FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP), "timestamp"),
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "binary",
    FIELD_TYPE.NULL: "text",
}
_DECLARED: dict[str, ValueKind] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"), "integer"),
    "decimal": "decimal",
    **dict.fromkeys(("float", "double"), "float"),
    "date": "date",
    **dict.fromkeys(("datetime", "timestamp"), "timestamp"),
    "time": "time",
    "json": "json",
    **dict.fromkeys(
        ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "uuid"), "text"
    ),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "binary"),
    **dict.fromkeys(
        ("geometry", "point", "linestring", "polygon", "multipoint", "geometrycollection"), "binary"
    ),
}
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?")

Reader = Callable[[bytes], Value]


def kind_of_declared(data_type: str) -> ValueKind:
    """data_type: as information_schema.columns has it."""
    return _DECLARED.get(data_type.lower(), "other")


def described(fields: Sequence[Any]) -> tuple[tuple[ResultColumn, ...], tuple[Reader, ...]]:
    """fields: what PyMySQL read of a result's columns. Returns them as ours, and how their cells are read."""
    columns, readers = [], []
    for field in fields:
        kind = _kind(field)
        name = field.name if isinstance(field.name, str) else bytes(field.name).decode("utf-8", "replace")
        columns.append(ResultColumn(name, kind))
        readers.append(_bits if field.type_code == FIELD_TYPE.BIT else _READERS[kind])
    return tuple(columns), tuple(readers)


def _kind(field: Any) -> ValueKind:  # noqa: ANN401 - PyMySQL has no types
    if field.type_code in _TEXTS:
        is_binary = field.charsetnr == _BINARY_LETTERS and not field.flags & (FLAG.ENUM | FLAG.SET)
        return "binary" if is_binary else "text"
    return _KINDS.get(field.type_code, "other")


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace")


def _blob(cell: bytes) -> Blob:
    return Blob(cell.size_bytes if isinstance(cell, LongCell) else len(cell))


def _bits(cell: bytes) -> int:
    return int.from_bytes(cell, "big")


def _date(cell: bytes) -> Value:
    """A day that there never was (0000-00-00, 2024-00-10) stays a text."""
    try:
        return date.fromisoformat(_text(cell))
    except ValueError:
        return _text(cell)


def _timestamp(cell: bytes) -> Value:
    try:
        return datetime.fromisoformat(_text(cell))
    except ValueError:
        return _text(cell)


def _duration(cell: bytes) -> Value:
    """MySQL's TIME is a duration: a time of day where it can be one, else its text (-26:10:00, 838:59:59)."""
    found = _TIME.fullmatch(_text(cell))
    if found is None or int(found[1]) > 23:
        return _text(cell)
    return time(int(found[1]), int(found[2]), int(found[3]), int((found[4] or "").ljust(6, "0")))


_READERS: dict[ValueKind, Reader] = {
    "integer": lambda cell: int(cell),
    "decimal": lambda cell: Decimal(_text(cell)),
    "float": lambda cell: float(cell),
    "binary": _blob,
    "date": _date,
    "timestamp": _timestamp,
    "time": _duration,
    "text": _text,
    "json": _text,
    "other": _text,
}
