"""A result as a CSV file (RFC 4180), with every digit it has, and harmless in spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

from appliance.domain.data_results import ResultRow
from appliance.domain.people import Language
from querying.types import Blob, ResultColumn, Value

BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class CsvForm:
    """has_bom: Excel takes UTF-8 without one for the machine's old code page."""

    separator: Literal["comma", "semicolon"] = "comma"
    decimal: Literal["point", "comma"] = "point"
    has_bom: bool = True


def form_for(language: Language | None) -> CsvForm:
    """As Excel expects it in that language."""
    return CsvForm("semicolon", "comma") if language == "es" else CsvForm()


async def csv_of(
    columns: Sequence[ResultColumn],
    pages: AsyncIterator[list[ResultRow]],
    form: CsvForm,
    harmless: Callable[[str], str],
) -> AsyncIterator[bytes]:
    """A page of rows a piece. harmless: text as a spreadsheet shows it and never runs it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if form.separator == "semicolon" else ",", lineterminator="\r\n")

    def lines(rows: Iterable[Iterable[str]]) -> bytes:
        writer.writerows(rows)
        written = text.getvalue()
        text.seek(0)
        text.truncate()
        return written.encode("utf-8", "replace")

    yield (BOM.encode() if form.has_bom else b"") + lines([[harmless(column.name) for column in columns]])
    async for page in pages:
        yield lines([_cell(value, form, harmless) for value in row] for row in page)


def _cell(value: Value, form: CsvForm, harmless: Callable[[str], str]) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() | Decimal():
            number = format(value, "f") if isinstance(value, Decimal) and value.is_finite() else str(value)
            return number.replace(".", ",") if form.decimal == "comma" else number
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case Blob(size_bytes):
            return f"({size_bytes} bytes)"
        case str():
            return harmless(value)
