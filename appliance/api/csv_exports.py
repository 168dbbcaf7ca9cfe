"""Tables as CSV files: streamed, opened rightly by spreadsheets, and harmless in them.

A cell that begins like a formula gets an apostrophe in front, as OWASP advises ("CSV Injection"): names and comments
are what people typed, and who opens the file is an administrator. Programs that read it back take it off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

from fastapi.responses import StreamingResponse

Cell = str | int | float | bool | Decimal | datetime | None
Row = Sequence[Cell]
Separator = Literal["comma", "semicolon"]

_ROWS_AT_ONCE = 200
_BOM = "\ufeff"  # without it Excel takes UTF-8 for the machine's old code page
# Full-width twins too: Excel takes them for the signs themselves in Japanese, Korean and Chinese.
_FORMULA_SIGNS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def csv_response(
    filename: str, header: Sequence[str], rows: AsyncIterator[Row], separator: Separator = "comma"
) -> StreamingResponse:
    """An attachment. separator: semicolon, with decimal commas, is what Excel expects in Spanish and most of Europe."""
    headers = {
        "content-disposition": f"attachment; filename=\"{filename}\"; filename*=UTF-8''{quote(filename)}",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(
        _encoded(header, rows, separator), media_type="text/csv; charset=utf-8", headers=headers
    )


def harmless(text: str) -> str:
    """As a spreadsheet shows it and never runs it."""
    lead = text.lstrip(" \u00a0")[:1]
    return f"'{text}" if lead in _FORMULA_SIGNS and lead else text


async def _encoded(
    header: Sequence[str], rows: AsyncIterator[Row], separator: Separator
) -> AsyncIterator[bytes]:
    """Some hundred rows a piece: what is kept in memory does not grow with the table."""
    lines = _Lines(separator)
    yield (_BOM + "".join(lines.of([header]))).encode()
    held: list[Row] = []
    async for row in rows:
        held.append(row)
        if len(held) >= _ROWS_AT_ONCE:
            yield "".join(lines.of(held)).encode()
            held = []
    if held:
        yield "".join(lines.of(held)).encode()


class _Lines:
    def __init__(self, separator: Separator) -> None:
        self._text = io.StringIO(newline="")
        self._decimal = "," if separator == "semicolon" else "."
        self._writer = csv.writer(
            self._text, delimiter=";" if separator == "semicolon" else ",", lineterminator="\r\n"
        )

    def of(self, rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            self._writer.writerow([self._cell(cell) for cell in row])
        yield self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()

    def _cell(self, cell: Cell) -> str:
        match cell:
            case None:
                return ""
            case bool():
                return "true" if cell else "false"
            case int():
                return str(cell)
            case float():
                return f"{cell:.3f}".rstrip("0").rstrip(".").replace(".", self._decimal)
            case Decimal():  # with all the digits it has: money
                return f"{cell:f}".replace(".", self._decimal)
            case datetime():
                return cell.isoformat(sep=" ", timespec="seconds")
            case _:
                return harmless(str(cell).encode("utf-8", "replace").decode())
