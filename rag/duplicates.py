"""Passages that say the same words become one, and it names the others. Pure.

Only case, white space, punctuation and hyphens at line ends may differ: two versions of a contract that differ by one
number or one "not" are two passages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.documents import Passage, Twin

_HYPHENATED = re.compile(r"(\w)[\u00ad\u2010-]\s*\n\s*(\w)")
_WORD = re.compile(r"\w+")


def collapse(passages: Sequence[Passage]) -> tuple[list[Passage], list[Passage]]:
    """(the best of each kind in their order, what was left out); passages come best first."""
    kept: dict[tuple[str, ...], Passage] = {}
    left_out: list[Passage] = []
    for passage in passages:
        words = _words(passage.text)
        best = kept.setdefault(words, passage)
        if best is not passage:
            left_out.append(passage)
            kept[words] = replace(best, also_in=(*best.also_in, _twin(passage)))
    return list(kept.values()), left_out


def _words(text: str) -> tuple[str, ...]:
    joined = _HYPHENATED.sub(r"\1\2", text).casefold()
    return tuple(_WORD.findall(joined)) or (text,)


def _twin(passage: Passage) -> Twin:
    return Twin(passage.chunk_id, passage.file_id, passage.filename, passage.collection_id, passage.page)
