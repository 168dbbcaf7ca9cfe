"""A result as an Excel workbook: typed cells, a frozen header, and a second sheet that says where it is from.

Rows go to the disk as they come (`constant_memory`), so that a million of them take no more memory than a thousand.
No text becomes a formula, a link or a number. What a cell of Excel cannot hold exactly stands in it as text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

from appliance.domain.data_results import KeptResult, ResultRow
from appliance.domain.people import Language
from querying.types import Blob, ResultColumn, Value

MOST_ROWS: Final = 1_048_575  # below the header
_MOST_CHARACTERS = 32_767
_EXACT = 10**15  # Excel keeps 15 digits
_DIGITS = 15
_FIRST_DATE = date(1900, 3, 1)  # before it Excel's calendar has a day too many
_WIDTHS: Final = (8, 60)
_WIDTH_OF: Final = {
    "date": 12,
    "timestamp": 20,
    "time": 10,
    "boolean": 9,
    "integer": 12,
    "decimal": 14,
    "float": 14,
}
_FORMATS: Final = {
    "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:mm:ss",
    "time": "hh:mm:ss",
    "decimal": "#,##0.00",
}
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "rows": "Result",
        "about": "About",
        "question": "Question",
        "source": "Source",
        "ran_at": "Ran at",
        "row_count": "Rows",
        "cut": "Not everything",
        "cut_rows": "The query was stopped at its bound of rows: there may be more.",
        "cut_bytes": "The query was stopped at its bound of size: there may be more.",
        "cut_sheet": "A sheet holds no more rows; the CSV file has all of them.",
        "tables": "Tables",
        "sql": "SQL",
    },
    "es": {
        "rows": "Resultado",
        "about": "Origen",
        "question": "Pregunta",
        "source": "Fuente",
        "ran_at": "Ejecutada",
        "row_count": "Filas",
        "cut": "No está todo",
        "cut_rows": "La consulta se detuvo en su límite de filas: puede haber más.",
        "cut_bytes": "La consulta se detuvo en su límite de tamaño: puede haber más.",
        "cut_sheet": "Una hoja no admite más filas; el archivo CSV las tiene todas.",
        "tables": "Tablas",
        "sql": "SQL",
    },
}


async def write_xlsx(
    path: Path, result: KeptResult, pages: AsyncIterator[list[ResultRow]], language: Language
) -> None:
    """path: of a new file, in a folder for this alone; beside it lie the rows while it is written."""
    sheet = await asyncio.to_thread(_Writing, path, result, language)
    try:
        async for page in pages:
            if not await asyncio.to_thread(sheet.add, page):
                break
    finally:
        await asyncio.to_thread(sheet.close)


class _Writing:
    def __init__(self, path: Path, result: KeptResult, language: Language) -> None:
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": False,
            "remove_timezone": True,
        }
        self._result, self._words = result, _WORDS[language]
        import xlsxwriter  # here: most gateways never write a workbook

        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties({"created": result.ran_at.replace(tzinfo=None)})
        self._formats = {kind: self._book.add_format({"num_format": form}) for kind, form in _FORMATS.items()}
        self._heading = self._book.add_format({"bold": True, "bottom": 1})
        self._sheet: Worksheet = self._book.add_worksheet(self._words["rows"])
        self._at = 0
        self._is_cut = False
        for number, column in enumerate(result.columns):
            self._sheet.set_column(number, number, _width(column))
        self._write_row([column.name for column in result.columns], self._heading)
        self._sheet.freeze_panes(1, 0)

    def add(self, rows: Sequence[ResultRow]) -> bool:
        """False: a sheet holds no more."""
        for row in rows:
            if self._at > MOST_ROWS:
                self._is_cut = True
                return False
            self._write_row(row, None)
        return True

    def close(self) -> None:
        if self._result.columns:
            self._sheet.autofilter(0, 0, max(1, self._at - 1), len(self._result.columns) - 1)
        self._write_about()
        self._book.close()

    def _write_row(self, values: Sequence[Value], form: Format | None) -> None:
        for number, value in enumerate(values):
            self._write(number, value, form)
        self._at += 1

    def _write(self, column: int, value: Value, form: Format | None) -> None:
        sheet, row = self._sheet, self._at
        match value:
            case None:
                return
            case bool():
                sheet.write_boolean(row, column, value)
            case int() if abs(value) < _EXACT:
                sheet.write_number(row, column, value)
            case float() if isfinite(value):
                sheet.write_number(row, column, value)
            case Decimal() if _is_exact(value):
                sheet.write_number(row, column, float(value), self._format_of(value))
            case datetime() if value.date() >= _FIRST_DATE:
                sheet.write_datetime(row, column, value.replace(tzinfo=None), self._formats["timestamp"])
            case date() if not isinstance(value, datetime) and value >= _FIRST_DATE:
                sheet.write_datetime(row, column, value, self._formats["date"])
            case time():
                sheet.write_datetime(row, column, value.replace(tzinfo=None), self._formats["time"])
            case date():
                sheet.write_string(row, column, value.isoformat())
            case Blob(size_bytes):
                sheet.write_string(row, column, f"({size_bytes} bytes)")
            case _:
                sheet.write_string(row, column, str(value)[:_MOST_CHARACTERS], form)

    def _format_of(self, value: Decimal) -> Format | None:
        """Money has two places; what has more or fewer shows what it has."""
        return self._formats["decimal"] if value.as_tuple().exponent == -2 else None

    def _write_about(self) -> None:
        result, words = self._result, self._words
        about: Worksheet = self._book.add_worksheet(words["about"])
        wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        about.set_column(0, 0, 16)
        about.set_column(1, 1, 100)
        lines: list[tuple[str, Any]] = [
            (words["question"], result.question),
            (words["source"], result.source_name),
            (words["ran_at"], result.ran_at.isoformat(timespec="seconds")),
            (words["row_count"], result.row_count),
            (words["tables"], ", ".join(result.tables)),
            (words["sql"], result.sql),
        ]
        if result.cut is not None:
            lines.insert(4, (words["cut"], words[f"cut_{result.cut}"]))
        if self._is_cut:
            lines.insert(4, (words["cut"], words["cut_sheet"]))
        for row, (name, value) in enumerate(lines):
            about.write_string(row, 0, name, self._heading)
            if isinstance(value, int):
                about.write_number(row, 1, value)
            else:
                about.write_string(row, 1, value[:_MOST_CHARACTERS], wrapped)


def _is_exact(value: Decimal) -> bool:
    return value.is_finite() and len(value.normalize().as_tuple().digits) <= _DIGITS and abs(value) < _EXACT


def _width(column: ResultColumn) -> int:
    least, most = _WIDTHS
    return min(most, max(least, len(column.name) + 4, _WIDTH_OF.get(column.kind, 24)))
