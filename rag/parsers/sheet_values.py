"""The cells of an XLSX row as text: shared and inline strings, numbers by their format, truth values, errors, formulas.

Part of `rag.parsers.xlsx`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from lxml import etree

from rag.parsers.merged_cells import column_number
from rag.parsers.number_formats import GENERAL, NumberFormat
from rag.parsers.sheet_writer import Cell

_DIGITS = "0123456789"
_LONGEST_COLUMN = 3
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ISO_MIDNIGHT = re.compile(r"T00:00(?::00)?(?:\.0+)?Z?\Z")
_TRUTH = {"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}


def string_text(element: etree._Element) -> str:
    """A shared or inline string, its runs joined; readings of characters (phonetic runs) are left out."""
    parts: list[str] = []
    for child in element:
        name = etree.QName(child).localname
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            parts += (run.text or "" for run in child.iterchildren("{*}t"))
    return unescaped("".join(parts))


def unescaped(text: str) -> str:
    """Control characters stand as _x000D_ in these files."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


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
        for element in row:
            place = element.get("r")
            column = self._column(place) if place else column + 1
            if len(element) and (cell := self._cell(element, column)) is not None:
                found.append(cell)
        if any(after.column <= before.column for before, after in pairwise(found)):
            return tuple({cell.column: cell for cell in sorted(found, key=lambda cell: cell.column)}.values())
        return tuple(found)

    def _column(self, place: str) -> int:
        letters = place.rstrip(_DIGITS)[:_LONGEST_COLUMN]
        if letters not in self._columns:
            is_name = letters.isascii() and letters.isalpha()
            self._columns[letters] = column_number(letters.upper()) if is_name else 1
        return self._columns[letters]

    def _cell(self, element: etree._Element, column: int) -> Cell | None:
        value = formula = None
        for child in element:
            name = child.tag.rpartition("}")[2]
            if name == "v":
                value = child.text
            elif name == "f":
                formula = child.text or ""
            elif name == "is":
                value = string_text(child)
        if value is None or value == "":
            return self._without_value(formula, column, element.get("t"))
        text, is_text = self._shown(value, element.get("t", "n"), element.get("s", ""))
        return Cell(column, text, is_text) if text.strip() else None

    def _without_value(self, formula: str | None, column: int, kind: str | None) -> Cell | None:
        """A formula whose result is the empty text says so by its kind."""
        if formula is None or kind == "str":
            return None
        self.formulas_without_value += 1
        return Cell(column, f"={formula}", False) if formula else None

    def _shown(self, value: str, kind: str, style: str) -> tuple[str, bool]:
        """The text of a value, and whether it is text and no number."""
        match kind:
            case "s":
                index = int(value) if value.isdecimal() else -1
                return (self._strings[index], True) if 0 <= index < len(self._strings) else ("", True)
            case "str" | "inlineStr":
                return unescaped(value), True
            case "b":
                return _TRUTH.get(value, value), False
            case "e":
                return value, False
            case "d":
                return _ISO_MIDNIGHT.sub("", value).replace("T", " "), False
        try:
            number = float(value)
        except ValueError:
            return value, True
        index = int(style) if style.isdecimal() else 0
        shape = self._formats[index] if index < len(self._formats) else GENERAL
        return shape.text(number, self._is_1904), False
