"""What the embedding process cannot do with what it was given; the door says it in its caller's words."""

from __future__ import annotations


class TokensRefused(Exception):
    """place: of the list of ids. why: `range` (no such token) or `marks` (another tokenizer's)."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(f"list {place}: {why}")
        self.place, self.why = place, why


class QueryTooLong(Exception):
    """It leaves the cross-encoder no room for a text. tokens: it has; most: it may have."""

    def __init__(self, tokens: int, most: int) -> None:
        super().__init__(f"{tokens} tokens, {most} at most")
        self.tokens, self.most = tokens, most
