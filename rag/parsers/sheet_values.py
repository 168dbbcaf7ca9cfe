"""The cells of an XLSX row as text: shared and inline strings, numbers by their format, truth values, errors, formulas.

Part of `rag.parsers.xlsx`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import etree

from rag.office.cells import column_number, string_text, unescaped
from rag.office.number_formats import GENERAL, NumberFormat
from rag.parsers.sheet_writer import Cell

_DIGITS = "0123456789"
_FILLED = etree.XPath("*[*]")  # cells with a value; those that are only styled may be millions
_LONGEST_COLUMN = 3
_ISO_MIDNIGHT = re.compile(r"T00:00(?::00)?(?:\.0+)?Z?\Z")
_TRUTH = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}


class SheetValues:
    """What the cells of all sheets of a workbook refer to. formats: by style number."""

    def __init__(self, strings: Sequence[str], formats: Sequence[NumberFormat], is_1904: bool) -> None:
        self.formulas_without_value = 0
        self._strings = strings
        self._formats = formats
        self._is_1904 = is_1904
        self._columns: dict[str, int] = {}

    def cells(self, row: etree._Element) -> tuple[Cell, ...]:
        """Those of a row that hold something, from left to right."""
        found: list[Cell] = []
        column = 0
        is_ordered = True
        first = row[0] if len(row) else None
        is_placed = first is None or first.get("r") is not None
        for element in _FILLED(row) if is_placed else row:
            column += 1
            if place := element.get("r"):
                column = self._column(place)
            cell = self._cell(element, column)
            if cell is not None:
                is_ordered = is_ordered and (not found or found[-1].column < column)
                found.append(cell)
        if is_ordered:
            return tuple(found)
        return tuple({cell.column: cell for cell in sorted(found, key=_by_column)}.values())

    def _column(self, place: str) -> int:
        letters = place.rstrip(_DIGITS)
        known = self._columns.get(letters)
        if known is None:
            is_name = letters.isascii() and letters.isalpha() and len(letters) <= _LONGEST_COLUMN
            known = self._columns[letters] = column_number(letters.upper()) if is_name else 1
        return known

    def _cell(self, element: etree._Element, column: int) -> Cell | None:
        value = formula = None
        for child in element:
            tag = child.tag
            if tag.endswith("}v"):
                value = child.text
            elif tag.endswith("}f"):
                formula = child.text or ""
            elif tag.endswith("}is"):
                value = string_text(child)
        kind = element.get("t", "n")
        if not value:
            return self._without_value(formula, column, kind)
        if kind == "s":
            text, is_text = self._shared(value), True
        elif kind == "n":
            text, is_text = self._number(value, element.get("s", "0"))
        else:
            text, is_text = _shown(value, kind)
        return Cell(column, text, is_text) if text and not text.isspace() else None

    def _without_value(self, formula: str | None, column: int, kind: str) -> Cell | None:
        """A formula whose result is the empty text says so by its kind."""
        if formula is None or kind == "str":
            return None
        self.formulas_without_value += 1
        return Cell(column, f"={formula}", False) if formula else None

    def _shared(self, value: str) -> str:
        try:
            index = int(value)
        except ValueError:
            return ""
        return self._strings[index] if 0 <= index < len(self._strings) else ""

    def _number(self, value: str, style: str) -> tuple[str, bool]:
        try:
            number = float(value)
            index = int(style)
        except ValueError:
            return value, True
        shape = self._formats[index] if 0 <= index < len(self._formats) else GENERAL
        return shape.text(number, self._is_1904), False


def _by_column(cell: Cell) -> int:
    return cell.column


def _shown(value: str, kind: str) -> tuple[str, bool]:
    """The text of a value that is neither a number nor shared, and whether it is text."""
    match kind:
        case "b":
            return _TRUTH.get(value, value), False
        case "e":
            return value, False
        case "d":
            return _ISO_MIDNIGHT.sub("", value).replace("T", " "), False
    return unescaped(value), True
