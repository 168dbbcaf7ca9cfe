"""The names and texts of cells, as spreadsheets write them."""

from __future__ import annotations

import re

from lxml import etree

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def column_number(name: str) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def cell_range(row: int, first: int, last: int) -> str:
    """ "A5:F5", or "A5" where it is one cell."""
    begin = f"{column_name(first)}{row}"
    return begin if first == last else f"{begin}:{column_name(last)}{row}"


def column_name(column: int) -> str:
    """1 is A, 27 is AA."""
    name = ""
    while column > 0:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def string_text(element: etree._Element) -> str:
    """A shared or inline string, its runs joined; readings of characters (phonetic runs) are left out."""
    parts: list[str] = []
    for child in element:
        tag = child.tag
        if tag.endswith("}t"):
            parts.append(child.text or "")
        elif tag.endswith("}r"):
            parts += (run.text or "" for run in child.iterchildren("{*}t"))
    return unescaped("".join(parts))


def unescaped(text: str) -> str:
    """Control characters stand as _x000D_ in these files."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
