"""From the anchors of a page to where a span of its text stands: one reference, or boxes to be marked. Pure."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

from rag import spoken_time
from rag.documents import Anchor

_CELLS = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?\Z")


def covered(anchors: Sequence[Anchor], start: int, end: int) -> Sequence[Anchor]:
    """Those that share a character with the span; anchors lie in order and do not overlap."""
    first = bisect_right(anchors, start, key=lambda anchor: anchor.end)
    last = first
    while last < len(anchors) and anchors[last].start < end:
        last += 1
    return anchors[first:last]


def reference(anchors: Sequence[Anchor], start: int, end: int) -> str:
    """The span's place in words of its format: cells and times are joined into one range, others are told from first to
    last."""
    refs = [anchor.ref for anchor in covered(anchors, start, end) if anchor.ref]
    if not refs:
        return ""
    cells = [_CELLS.match(ref) for ref in refs]
    if all(cells):
        return _range([match.groups() for match in cells if match])
    if spoken := spoken_time.covering(refs):
        return spoken
    return refs[0] if refs[0] == refs[-1] else f"{refs[0]} – {refs[-1]}"


def boxes(
    anchors: Sequence[Anchor], start: int, end: int, text: str = ""
) -> list[tuple[float, float, float, float]]:
    """What to mark, line by line, in shares of the page as it is shown; a line that is only begun is marked from there.

    Characters of a line are taken to be of one width: good to a few letters. text: the page's, by which a line is known
    that begins at the right.
    """
    found = []
    for anchor in covered(anchors, start, end):
        if anchor.box is None or anchor.end <= anchor.start:
            continue
        left, top, right, bottom = anchor.box
        width, length = right - left, anchor.end - anchor.start
        begin = max(start - anchor.start, 0) / length
        stop = min(end - anchor.start, length) / length
        if _begins_at_the_right(text[anchor.start : anchor.end]):
            begin, stop = 1 - stop, 1 - begin
        found.append((left + begin * width, top, left + stop * width, bottom))
    return found


def _begins_at_the_right(line: str) -> bool:
    """Arabic and Hebrew lines, by most of their letters."""
    directions = [unicodedata.bidirectional(character) for character in line]
    return sum(one in ("R", "AL") for one in directions) > sum(one == "L" for one in directions)


def _range(corners: Sequence[Sequence[str]]) -> str:
    columns = [name for first, _, last, _ in corners for name in (first, last or first)]
    rows = [int(row) for _, first, _, last in corners for row in (first, last or first)]
    left, right = min(columns, key=_column), max(columns, key=_column)
    begin, end = f"{left}{min(rows)}", f"{right}{max(rows)}"
    return begin if begin == end else f"{begin}:{end}"


def _column(name: str) -> tuple[int, str]:
    return len(name), name
