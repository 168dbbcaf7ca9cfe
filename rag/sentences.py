"""Where sentences end, in any language written with Latin punctuation; rules only, linear in the text.

Not a grammar: an abbreviation it does not know makes a sentence too short, which costs nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A mark, closing quotes or brackets, then a blank and something that can begin a sentence; or a line's end.
_END = re.compile(r"[.!?…][\"'”’»)\]]{0,3}(?:\[\d{1,3}\]){0,9}(?=\s)|[。！？]|\n")
_BEGINS = re.compile(r"\s*[\"'“‘«(\[¿¡•\-–—*]{0,3}\s?[^\W_a-zß-öø-ÿ]")
# fmt: off
_ABBREVIATIONS = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "e.g", "i.e", "cf", "fig", "figs",
    "sec", "art", "approx", "dept", "inc", "ltd", "co", "corp", "p", "pp", "vol", "ed", "sra", "srta", "dra", "d",
    "dª", "ud", "uds", "vd", "núm", "num", "pág", "págs", "arts", "avda", "c", "cía", "ej", "p.ej", "aprox", "tel",
    "ext", "máx", "mín", "apdo", "ee.uu", "s.a", "s.l", "u.s", "jan", "feb", "apr", "jun", "jul", "aug",
    "sept", "sep", "oct", "nov", "dec",
})
# fmt: on
_BEFORE_NUMBERS = frozenset({"no", "nos", "mar"})  # words of their own, unless a number follows
_LAST_WORD = re.compile(r"([\w.ªº]+)\.$")
_LOOK_BACK = 24


def split_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of sentences in text[start:end], trimmed of white space, in order; together they hold all else."""
    begin = start
    for match in _END.finditer(text, start, end):
        if match[0] != "\n" and not _is_end(text, match.start(), match.end(), end):
            continue
        if span := trimmed(text, begin, match.end()):
            yield span
        begin = match.end()
    if span := trimmed(text, begin, end):
        yield span


def trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span without white space around it; None where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _is_end(text: str, mark: int, after: int, end: int) -> bool:
    if not _BEGINS.match(text, after, min(end, after + 12)):
        return False
    if text[mark] != ".":
        return True
    last = _LAST_WORD.search(text, max(0, mark - _LOOK_BACK), mark + 1)
    if last is None:
        return True
    word = last[1].lower()
    if word in _BEFORE_NUMBERS and text[after : after + 2].strip().isdigit():
        return False
    # A single letter is an initial; a number of one or two digits at a line's beginning counts a list.
    return (
        word not in _ABBREVIATIONS
        and not (len(word) == 1 and word.isalpha())
        and not _is_list_number(text, last)
    )


def _is_list_number(text: str, word: re.Match[str]) -> bool:
    before = word.start(1) - 1
    return len(word[1]) <= 2 and word[1].isdigit() and (before < 0 or text[before] == "\n")
