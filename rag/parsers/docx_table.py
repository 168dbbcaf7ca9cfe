"""Tables of a DOCX: one line a row; what a cell says over several rows is said in each of them.

Part of `rag.parsers.docx`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from docx.oxml.ns import qn
from lxml import etree

from rag.documents import COLUMN_BAR
from rag.tidy_text import clean, collapse

_PARAGRAPH, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_LONGEST_NAME = 80  # characters of a column's name


def table_rows(table: etree._Element, text_of: Callable[[etree._Element], str]) -> list[str]:
    """The text of each row, empty for an empty one; nested tables are part of their cell.

    text_of: the text of a paragraph.
    """
    above: dict[int, str] = {}
    rows = []
    for row in table.iter(_ROW):
        if next(row.iterancestors(_TABLE)) is not table:
            continue
        texts = []
        column = 0
        for cell in row.iter(_CELL):
            if next(cell.iterancestors(_ROW)) is not row:
                continue
            text = above.get(column, "") if _continues(cell) else _cell_text(cell, text_of)
            above[column] = text
            column += _span(cell)
            texts.append(text)
        rows.append(COLUMN_BAR.join(texts) if any(texts) else "")
    return rows


def header_rows(table: etree._Element, rows: Sequence[str]) -> int:
    """How many of its first rows that have text name the columns: those marked to be repeated on each page, or the
    first where the table's look sets it apart and it is short."""
    marked = 0
    for row in table.iterchildren(_ROW):
        if row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is None:
            break
        marked += 1
    written = [row for row in rows if row]
    if marked or len(written) < 2:
        return min(marked, max(len(written) - 1, 0))
    look = table.find(f"{qn('w:tblPr')}/{qn('w:tblLook')}")
    names = written[0].split(COLUMN_BAR)
    is_short = len(names) > 1 and all(name and len(name) <= _LONGEST_NAME for name in names)
    return int(is_short and look is not None and _sets_first_row_apart(look))


def _sets_first_row_apart(look: etree._Element) -> bool:
    told = look.get(qn("w:firstRow"))
    if told is not None:
        return told in ("1", "true", "on")
    try:
        return bool(int(look.get(qn("w:val"), "0"), 16) & 0x20)
    except ValueError:
        return False


def _continues(cell: etree._Element) -> bool:
    """Whether it belongs to the cell above it."""
    merge = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
    return merge is not None and merge.get(qn("w:val"), "continue") == "continue"


def _span(cell: etree._Element) -> int:
    found = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
    told = found.get(qn("w:val"), "1") if found is not None else "1"
    return max(int(told), 1) if told.isdecimal() and len(told) < 4 else 1


def _cell_text(cell: etree._Element, text_of: Callable[[etree._Element], str]) -> str:
    texts = (collapse(clean(text_of(paragraph))) for paragraph in cell.iter(_PARAGRAPH))
    return " ".join(text.replace("\n", " ") for text in texts if text)
