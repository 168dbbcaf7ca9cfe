"""What a cross-encoder says of a pair."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judged:
    """score: 0 to 1. tokens: of question and text with the marks; unread: those of the text's end it did not see."""

    score: float
    tokens: int
    unread: int = 0
