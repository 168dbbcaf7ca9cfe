"""What the model reads around a passage: small pieces are searched, the section they stand in is handed on.

The best passages grow first, and only while every passage that was found still has room. A grown passage is a run of
its page as before, so quotes of it stand verbatim there. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.documents import Passage

REACH = 2  # neighbouring passages each way, within the same page and headings
MAX_CHARACTERS = 4_000  # of one grown passage
PASSAGES_SHARE = 0.5  # of the model's context


def widened(
    passages: Sequence[Passage],
    grown: Sequence[Passage],
    budget_tokens: int,
    count_tokens: Callable[[str], int],
) -> tuple[Passage, ...]:
    """passages, best first, with the text of `grown` (the same ones, in the same order) where that has room.

    One that a better passage has grown over is left out: the model reads it there.
    """
    costs = [count_tokens(passage.text) for passage in passages]
    left = budget_tokens - sum(costs)
    handed: list[Passage] = []
    for passage, wide, cost in zip(passages, grown, costs, strict=True):
        if any(_holds(one, passage) for one in handed):
            left += cost
            continue
        more = count_tokens(wide.text) - cost
        fits = 0 < more <= left and len(wide.text) <= MAX_CHARACTERS
        if fits and not any(_overlap(one, wide) for one in handed):
            left -= more
            handed.append(wide)
        else:
            handed.append(passage)
    return tuple(handed)


def _same_page(one: Passage, other: Passage) -> bool:
    return (one.file_id, one.collection_id, one.page) == (other.file_id, other.collection_id, other.page)


def _holds(one: Passage, other: Passage) -> bool:
    return _same_page(one, other) and one.start <= other.start and other.end <= one.end


def _overlap(one: Passage, other: Passage) -> bool:
    return _same_page(one, other) and one.start < other.end and other.start < one.end
