"""What to show of a block whose end has not arrived: nothing that the next words would take back.

A line that may yet turn into something else is held back, emphasis is closed where the text stops, and a link shows
its words until it has its address. This only concerns the block that grows; a finished one is rendered as it stands.
"""

from __future__ import annotations

import re

# A lone `-` below a line would make a heading of it, `1` may become an item, `|` a table, three backticks a fence.
_HALF_MARKER = re.compile(
    r"[ \t>]*(?:[-*+=_#]+|\d{1,3}[.)]?|`{1,3}[\w+#-]*|~{1,3}[\w+#-]*|\$\$?|\\\[?|[-*+]\s+\[[ xX]?\]?)[ \t]*\Z"
)
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)*(`{3,}|~{3,})")
_HALF_FENCE = re.compile(r"[ \t>]*(`{1,}|~{1,})[ \t]*\Z")
_TABLE_ROW = re.compile(r"[ \t]*\|")
_HALF_CITATION = re.compile(r"!?\[\d{0,2}\Z")
_HALF_MARK = re.compile(r"(?:(?<!~)~|(?<!\\)\\)\Z")
_HALF_LABEL = re.compile(r"!?\[(?!\d{1,2}\]?\Z)([^\[\]\n]{1,200})\]?\Z")
_HALF_LINK = re.compile(
    r"!?\[([^\]\n]{1,300})\]\("
    r"[^()\s]{0,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200}){0,5}(?:\([^()\s]{0,200})?(?:[ \t]+[\"'(][^\n]{0,200})?\Z"
)
_HALF_FORMULA = re.compile(r"(?<!\\)(?:\\\((?:(?!\\\)).){0,600}|\$(?![\s\d$])[^$\n]{0,200})\Z", re.DOTALL)
_CODE_SPAN = re.compile(r"(`+)(?:(?!\1).)+?\1(?!`)", re.DOTALL)
_FORMULA = re.compile(r"\$[^$\s][^$\n]{0,600}\$|\\\(.{0,600}?\\\)", re.DOTALL)
_EMPHASIS = re.compile(r"\\.|\*\*|__|~~|\*|(?<!\w)_|_(?!\w)")
_ITEM = re.compile(r"\n[ \t>]*(?:[-*+]|\d{1,3}[.)]|#{1,6})[ \t]+")
_LONGEST = 4000  # characters of a paragraph whose emphasis is looked after


def is_in_fence(text: str) -> bool:
    """Whether the text ends inside a fence of code."""
    opened = ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if match is None:
            continue
        if not opened:
            opened = match[1]
        elif match[1].startswith(opened) and not line[match.end() :].strip():
            opened = ""
    return bool(opened)


def as_shown(block: str) -> str:
    """The growing block's text as it should be rendered now."""
    head, newline, last = block.rpartition("\n")
    if is_in_fence(head):
        return head + newline if _HALF_FENCE.match(last) else block
    if _HALF_MARKER.match(last):
        return head + newline
    if _TABLE_ROW.match(last) and not _is_table(head):
        return _without_table_head(head) if last.strip(" |:-") == "" else head + newline
    if _TABLE_ROW.match(last) or _is_half_table(block):
        return _without_table_head(block) if _is_half_table(block) else block
    at = _paragraph_start(block)
    return block[:at] + _completed(block[at:])


def _is_table(text: str) -> bool:
    """Whether its last lines are a table's, with the row of dashes among them."""
    rows = []
    for line in reversed(text.split("\n")):
        if not _TABLE_ROW.match(line):
            break
        rows.append(line)
    return any(set(row.strip()) <= set("|:- ") and "-" in row for row in rows)


def _is_half_table(text: str) -> bool:
    line = text.rstrip("\n").rpartition("\n")[2]
    return bool(_TABLE_ROW.match(line)) and not _is_table(text.rstrip("\n"))


def _without_table_head(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    while lines and _TABLE_ROW.match(lines[-1]):
        lines.pop()
    return "\n".join([*lines, ""]) if lines else ""


def _paragraph_start(block: str) -> int:
    """Where the text begins whose emphasis may be open: after the last blank line, or the last item's marker."""
    at = max(0, block.rfind("\n\n"), len(block) - _LONGEST)
    return max([at, *(match.end() for match in _ITEM.finditer(block, at))])


def _completed(text: str) -> str:
    text = _HALF_LINK.sub(r"\1", _HALF_MARK.sub("", text))
    text = _HALF_LABEL.sub(r"\1", _HALF_CITATION.sub("", text))
    plain = _FORMULA.sub(_blank, _CODE_SPAN.sub(_blank, text))
    formula = _HALF_FORMULA.search(plain)
    if formula is not None:
        text, plain = text[: formula.start()], plain[: formula.start()]
    ticks = plain.rfind("`")
    if ticks >= 0:  # a code span that is open
        run = re.search(r"`+\Z", plain[: ticks + 1])
        opening = run[0] if run else "`"
        return text.rstrip("`") if text.endswith(opening) else text + opening
    return _closed(text, plain)


def _closed(text: str, plain: str) -> str:
    opened: list[str] = []
    end = len(text)
    for match in _EMPHASIS.finditer(plain):
        mark = match[0]
        if mark.startswith("\\"):
            continue
        after, before = plain[match.end() : match.end() + 1], plain[max(0, match.start() - 1) : match.start()]
        if mark in opened and before.strip():
            del opened[opened.index(mark) :]
        elif after.strip() or match.end() == end:
            opened.append(mark)
    kept = text.rstrip()
    while opened and kept.endswith(
        opened[-1]
    ):  # opened by the very last characters: nothing to emphasise yet
        kept = kept.removesuffix(opened.pop()).rstrip()
    return kept + "".join(reversed(opened))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
