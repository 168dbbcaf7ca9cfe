"""What must be known of an embedding model to read its cosines: the languages it knows, and where its zero lies.

The thresholds of rag.relevance are fitted to all-MiniLM-L6-v2. Passages that have nothing to do with each other have a
mean cosine of .14 there, and of .75 with some others (multilingual-e5). That background is measured in the index while
another model's vectors are made; a cosine is moved and stretched so that background meets background and one stays one.
It is a start for a model that nobody has fitted; `scripts/eval_retrieval.py --refusals` fits one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

REFERENCE_BACKGROUND = (
    0.14  # all-MiniLM-L6-v2: 12,720 pairs of 160 passages, English and Spanish, 21 November 2026
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """languages: those the model was trained in; None: all. background: None: the reference's own."""

    languages: frozenset[str] | None = None
    background: float | None = None

    def knows(self, *languages: str | None) -> bool:
        """Whether it was trained in all of them; an unknown one it does not know, unless it knows all."""
        return self.languages is None or set(languages) <= self.languages

    def cosine(self, value: float) -> float:
        """On the scale of the reference, at most 1."""
        if self.background is None or self.background >= 1:
            return value
        stretch = (1 - REFERENCE_BACKGROUND) / (1 - self.background)
        return REFERENCE_BACKGROUND + (value - self.background) * stretch


Calibrate = Callable[[str], Calibration]
"""By the model's id."""


def as_built_in(_model_id: str) -> Calibration:
    """Of all-MiniLM-L6-v2, which knows English and is what the thresholds are fitted to."""
    return Calibration(frozenset({"en"}))
