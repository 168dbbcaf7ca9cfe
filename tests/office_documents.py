"""Workbooks, presentations and tables made on the spot, beside `tests.documents`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import xlwt
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.documents import zipped

Cells = Sequence[Sequence[object]]


def xlsx(path: Path, sheets: Mapping[str, Cells | Callable[[Worksheet], None]]) -> Path:
    """One sheet after the other: rows of values, or what fills the sheet."""
    book = Workbook()
    book.remove(book.active)
    for name, content in sheets.items():
        sheet = book.create_sheet(name)
        if callable(content):
            content(sheet)
            continue
        for row in content:
            sheet.append(list(row))
    book.save(path)
    return path


def xlsx_with(path: Path, replaced: Mapping[str, bytes]) -> Path:
    """A small XLSX some of whose parts are replaced or added."""
    buffer = io.BytesIO()
    xlsx(buffer, {"Sheet1": [["a", "b"], [1, 2]]})  # type: ignore[arg-type]
    with zipfile.ZipFile(buffer) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return zipped(path, {**members, **replaced})


def xls(path: Path, sheets: Mapping[str, Cells]) -> Path:
    """An old workbook of rows of values; None leaves a cell empty."""
    book = xlwt.Workbook()
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(at, column, value)
    book.save(str(path))
    return path


def scales(sentence: str, spanish: str) -> Cells:
    """The rows of the sample sheet."""
    return [["Scales"], ["Rule", "Norma", "Year"], [sentence, spanish, 2026]]
