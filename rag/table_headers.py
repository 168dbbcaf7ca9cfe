"""What names the columns of a table, for passages that hold only some of its rows. Pure.

A passage stays an exact span of its page, so the header is not put into its text: it ends the passage's heading path,
and so is embedded, searched and shown to the model with every part of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.documents import COLUMN_BAR, Block

_SHORTER_NAMES = (24, 12, 6)  # characters of each column's name where the line has too little room


@dataclass(frozen=True, slots=True)
class TableHeader:
    """body: where the first row behind the header begins. names: the columns, from left to right."""

    body: int
    end: int
    names: tuple[str, ...]


def headers(text: str, blocks: Sequence[Block]) -> list[TableHeader]:
    """Of the tables among blocks that have a header and rows below it."""
    found = []
    for block in blocks:
        if block.kind != "table" or not block.level:
            continue
        lines = text[block.start : block.end].split("\n", block.level)
        if len(lines) > block.level:
            names = [name.strip() for name in lines[block.level - 1].split("|")]
            if block.level > 1:
                names = [" · ".join(lines[: block.level])]
            found.append(TableHeader(block.end - len(lines[-1]), block.end, tuple(names)))
    return found


def header_over(tables: Sequence[TableHeader], start: int) -> TableHeader | None:
    """The one of the table that a passage begins in; none where it begins with the header itself."""
    return next((table for table in tables if table.body <= start < table.end), None)


def columns(table: TableHeader, text: str, start: int, end: int) -> tuple[str, ...]:
    """The names over a span: of all columns, or of those that a part of one wide row reaches over."""
    names = table.names
    line_start = text.rfind("\n", 0, start) + 1
    if (
        len(names) == 1
        or "\n" in text[start:end]
        or (line_start == start and text[end : end + 1] in ("", "\n"))
    ):
        return names
    inner = text[start:end].strip(" |")  # a part may begin or end with the bar of a cell it does not hold
    first = text.count("|", line_start, text.index(inner, start))
    return names[first : first + inner.count("|") + 1] or names


def lines(names: Sequence[str]) -> Iterator[str]:
    """Ways to write a header on one line, from the longest to the shortest."""
    yield COLUMN_BAR.join(names)
    for longest in _SHORTER_NAMES:
        yield COLUMN_BAR.join(_shortened(name, longest) for name in names)
    short = [_shortened(name, _SHORTER_NAMES[-1]) for name in names]
    kept = len(short) // 2
    while kept:
        yield COLUMN_BAR.join((*short[:kept], "…"))
        kept //= 2


def _shortened(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"
