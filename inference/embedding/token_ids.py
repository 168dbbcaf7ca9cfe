"""Token ids as somebody's own tokenizer made them, back to the text they stand for.

Ids mean something in one vocabulary only, and most clients that send them use OpenAI's (cl100k): any model would take
them, as other words. So they must be in range and stand between the marks that this model's tokenizer writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inference.embedding.refusals import TokensRefused

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def texts_of(tokenizer: Tokenizer, lists: Sequence[Sequence[int]]) -> list[str]:
    """Of each list its text. Raises TokensRefused."""
    size = tokenizer.get_vocab_size()
    first, last = _marks(tokenizer)
    for place, ids in enumerate(lists):
        if any(not 0 <= one < size for one in ids):
            raise TokensRefused(place, "range")
        if (first is not None and ids[0] != first) or (last is not None and ids[-1] != last):
            raise TokensRefused(place, "marks")
    return [tokenizer.decode(list(ids), skip_special_tokens=True) for ids in lists]


def _marks(tokenizer: Tokenizer) -> tuple[int | None, int | None]:
    """What stands before and behind every text; None: nothing."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    marked = tokenizer.encode("a").ids
    if marked == bare:
        return None, None
    return (
        marked[0] if not bare or marked[0] != bare[0] else None,
        marked[-1] if not bare or marked[-1] != bare[-1] else None,
    )
