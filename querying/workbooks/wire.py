"""What confined children say of tables and rows: a JSON head, then bytes. The reader trusts no length and no type."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, get_args

import orjson

from querying.types import Blob, Column, ResultColumn, Rows, Table, Value, ValueKind
from rag import notes
from rag.notes import Note

_LENGTH = struct.Struct("!I")
_KINDS: frozenset[str] = frozenset(get_args(ValueKind))
_MOST_TABLES = 100
_MOST_COLUMNS = 500
_MOST_NAME = 200
_MOST_TEXT = 2_000
_MOST_NOTES = 200
_MOST_SAMPLES = 20


class WireError(ValueError):
    """A child said something that it never says."""


@dataclass(frozen=True, slots=True)
class PackedTable:
    """label: the sheet. place: "A3:F20". content: Parquet."""

    table: Table
    label: str
    place: str
    content: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackedTables:
    """Of a workbook; notes: on it as a whole."""

    tables: tuple[PackedTable, ...]
    notes: tuple[str, ...] = ()


def encode_tables(made: PackedTables) -> bytes:
    """For `decode_tables`."""
    head = orjson.dumps(
        {
            "notes": [notes.as_json(note) for note in made.notes],
            "tables": [
                {
                    "table": table_as_json(one.table),
                    "label": one.label[:_MOST_NAME],
                    "place": one.place,
                    "notes": [notes.as_json(note) for note in one.notes[:_MOST_NOTES]],
                    "bytes": len(one.content),
                }
                for one in made.tables
            ],
        }
    )
    return b"".join([_LENGTH.pack(len(head)), head, *(one.content for one in made.tables)])


def decode_tables(body: bytes) -> PackedTables:
    """Raises WireError."""
    try:
        (length,) = _LENGTH.unpack_from(body)
        head = orjson.loads(body[_LENGTH.size : _LENGTH.size + length])
        at = _LENGTH.size + length
        found = []
        for told in _list(head["tables"], _MOST_TABLES):
            size = _whole(told["bytes"], len(body) - at)
            found.append(
                PackedTable(
                    table_from_json(told["table"]),
                    _text(told["label"], _MOST_NAME),
                    _text(told["place"], 40),
                    body[at : at + size],
                    read_notes(told["notes"]),
                )
            )
            at += size
        if at != len(body):
            raise WireError("length")
        return PackedTables(tuple(found), read_notes(head["notes"]))
    except (struct.error, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise WireError(type(error).__name__) from error


def table_as_json(table: Table) -> dict[str, Any]:
    """For keeping, and for the wire."""
    return {
        "name": table.name,
        "description": table.description,
        "rows": table.rows,
        "columns": [
            {
                "name": column.name,
                "kind": column.kind,
                "type": column.database_type,
                "description": column.description,
                "samples": list(column.samples),
            }
            for column in table.columns
        ],
    }


def table_from_json(told: Mapping[str, Any]) -> Table:
    """Raises WireError for what `table_as_json` never writes."""
    try:
        columns = tuple(
            Column(
                _text(one["name"], _MOST_NAME),
                _kind(one["kind"]),
                _text(one["type"], 40),
                True,
                _text(one["description"], _MOST_TEXT),
                tuple(_text(sample, _MOST_NAME) for sample in _list(one["samples"], _MOST_SAMPLES)),
            )
            for one in _list(told["columns"], _MOST_COLUMNS)
        )
        return Table(
            _text(told["name"], _MOST_NAME),
            columns,
            description=_text(told["description"], _MOST_TEXT),
            rows=_whole(told["rows"], 2**40),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise WireError(type(error).__name__) from error


def read_notes(told: object) -> tuple[str, ...]:
    """Notes as `rag.notes.as_json` writes them. Raises WireError."""
    found = []
    for one in _list(told, _MOST_NOTES):
        try:
            note = notes.from_json(one)
        except ValueError as error:
            raise WireError("note") from error
        found.append(note if isinstance(note, Note) else note[:_MOST_TEXT])
    return tuple(found)


def encode_rows(
    columns: Sequence[tuple[str, ValueKind]],
    rows: Sequence[Sequence[Any]],
    cut: Literal["rows", "bytes"] | None,
) -> bytes:
    """rows: values that JSON has; see `as_plain`."""
    return orjson.dumps({"columns": list(columns), "rows": rows, "cut": cut})


def decode_rows(body: bytes) -> Rows:
    """Raises WireError."""
    try:
        told = orjson.loads(body)
        columns = tuple(
            ResultColumn(_text(name, _MOST_TEXT), _kind(kind)) for name, kind in _list(told["columns"])
        )
        readers = [_READERS.get(column.kind, _as_text) for column in columns]
        rows = tuple(
            tuple(None if value is None else read(value) for read, value in zip(readers, row, strict=True))
            for row in _list(told["rows"])
        )
        cut = told["cut"]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise WireError(type(error).__name__) from error
    if cut not in (None, "rows", "bytes"):
        raise WireError("cut")
    return Rows(columns, rows, cut)


def as_plain(value: Any, kind: ValueKind) -> Any:  # noqa: ANN401 - whatever a database has
    """A value of a database as JSON has it: exact numbers and moments as text, bytes as their number."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if kind == "float" or -(2**53) < value < 2**53 else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return len(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)


def _as_text(value: object) -> Value:
    return value if isinstance(value, str) else str(value)


def _as_truth(value: object) -> Value:
    if not isinstance(value, bool):
        raise WireError("boolean")
    return value


def _as_float(value: object) -> Value:
    return float(value)  # type: ignore[arg-type]


_READERS: Mapping[str, Callable[[Any], Value]] = {
    "integer": int,
    "decimal": Decimal,
    "float": _as_float,
    "boolean": _as_truth,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "binary": lambda size: Blob(int(size)),
}


def _kind(value: object) -> ValueKind:
    if value not in _KINDS:
        raise WireError("kind")
    return value  # type: ignore[return-value]


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise WireError("text")
    return value


def _list(value: object, most: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (most is not None and len(value) > most):
        raise WireError("list")
    return value


def _whole(value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise WireError("number")
    return value
