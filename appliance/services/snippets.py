"""The piece of a turn in which the words stand that somebody looked for. Pure.

Words count as in the search itself (migration 0016): without accents and capitals, each as the beginning of one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from appliance.domain.conversations import Snippet

_BEFORE, _LONGEST = 60, 180  # characters
_WORD = re.compile("(?:[^\\W_]|[\u0300-\u036f])+")  # with the accents that stand behind their letters


def snippet(texts: Sequence[str], wanted: str) -> Snippet | None:
    """From the text with most of the words; None: none of them stands anywhere."""
    words = _words(wanted)
    best: tuple[int, str, list[tuple[int, int]]] | None = None
    for text in texts:
        hits = list(_hits(text, words))
        distinct = len({word for _, _, word in hits})
        if hits and (best is None or distinct > best[0]):
            best = (distinct, text, [(start, end) for start, end, _ in hits])
    return None if best is None else _cut(best[1], best[2])


def folded(text: str) -> str:
    """Without accents and capitals."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(one for one in plain if not "\u0300" <= one <= "\u036f").lower()


def _words(wanted: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_WORD.findall(folded(wanted))))


def _hits(text: str, words: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """(start, end, word) of the beginnings of words that were looked for."""
    for found in _WORD.finditer(text):
        said = folded(found[0])
        word = max((one for one in words if said.startswith(one)), key=len, default=None)
        if word is not None:
            yield found.start(), found.start() + _length(found[0], len(word)), word


def _length(said: str, folded_length: int) -> int:
    """Characters of said that become so many when folded."""
    count = 0
    for position, character in enumerate(said):
        if count >= folded_length:
            return position
        count += len(folded(character))
    return len(said)


def _cut(text: str, hits: Sequence[tuple[int, int]]) -> Snippet:
    """As many of the hits as fit, on one line, with an ellipsis where something was left out."""
    begin = max(0, max(hits, key=lambda hit: _within(hits, hit[0]))[0] - _BEFORE)
    if begin:
        begin = text.find(" ", begin, begin + _BEFORE) + 1 or begin
    end = min(len(text), begin + _LONGEST)
    if end < len(text):
        end = max(text.rfind(" ", begin, end), begin + _LONGEST // 2)
    piece = re.sub(r"\s", " ", text[begin:end])
    front = "…" if begin else ""
    shift = len(front) - begin
    marks = tuple((start + shift, stop + shift) for start, stop in hits if begin <= start and stop <= end)
    return Snippet(f"{front}{piece}{'…' if end < len(text) else ''}", marks)


def _within(hits: Sequence[tuple[int, int]], start: int) -> int:
    return sum(start <= other < start + _LONGEST - _BEFORE for other, _ in hits)
