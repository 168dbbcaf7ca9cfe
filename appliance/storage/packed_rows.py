"""Rows as bytes and back, every value of the type that it had: compressed pages of a bounded size. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from appliance.domain.data_results import ResultRow
from querying.types import Blob, Value

PAGE_ROWS = 500
PAGE_BYTES = 256 * 2**10
_LEVEL = 3
_EXACT = 2**63  # what orjson writes as a number
_READ: dict[str, Callable[[Any], Value]] = {
    "n": Decimal,
    "i": int,
    "f": float,
    "t": time.fromisoformat,
    "d": date.fromisoformat,
    "m": datetime.fromisoformat,
    "b": Blob,
}


def packed(rows: Sequence[ResultRow]) -> Iterator[tuple[int, bytes]]:
    """(number of its first row, page). A page ends after PAGE_ROWS rows or PAGE_BYTES of them, whichever is first."""
    first, lines, size = 0, list[bytes](), 0
    for number, row in enumerate(rows):
        line = orjson.dumps([_written(value) for value in row])
        lines.append(line)
        size += len(line)
        if len(lines) >= PAGE_ROWS or size >= PAGE_BYTES:
            yield first, zlib.compress(b"\n".join(lines), _LEVEL)
            first, lines, size = number + 1, [], 0
    if lines:
        yield first, zlib.compress(b"\n".join(lines), _LEVEL)


def unpacked(page: bytes) -> list[ResultRow]:
    """The rows of one page."""
    return [
        tuple(_read(value) for value in orjson.loads(line)) for line in zlib.decompress(page).split(b"\n")
    ]


def _written(value: Value) -> Any:  # noqa: ANN401 - JSON
    """JSON has no decimals, dates or bytes, and no number that is not one: those are [letter, text]."""
    match value:
        case None | bool():
            return value
        case int():
            return value if -_EXACT <= value < _EXACT else ["i", str(value)]
        case float():
            return value if isfinite(value) else ["f", repr(value)]
        case str():
            # A lone surrogate is no UTF-8; a database does not send one, a file may.
            return value.encode("utf-8", "replace").decode()
        case Decimal():
            return ["n", str(value)]
        case datetime():
            return ["m", value.isoformat()]
        case date():
            return ["d", value.isoformat()]
        case time():
            return ["t", value.isoformat()]
        case Blob():
            return ["b", value.size_bytes]


def _read(written: Any) -> Value:  # noqa: ANN401 - JSON
    if isinstance(written, list):
        letter, text = written
        return _READ[letter](text)
    value: Value = written
    return value
