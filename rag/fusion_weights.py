"""How much meaning counts against words, by embedding model and language of the question; fitted, not guessed.

`scripts/fit_fusion.py` prints a row for another model from questions with known answers: it fits on
one half and judges on the other. The row below: XQuAD, 21 November 2026, docs/retrieval.md. A row for English alone
fits better and judges no better, so there is none.
"""

from __future__ import annotations

from collections.abc import Mapping

DENSE_WEIGHTS: Mapping[str, Mapping[str | None, float]] = {
    "all-MiniLM-L6-v2": {None: 0.3},
}
UNFITTED = 0.3  # words lead: a weak model does more harm than a strong one does good


def dense_weight(model_id: str, language: str | None) -> float:
    """0 to 1, the rest is for words. model_id: `name@build`; a language that was not fitted has the model's own row."""
    fitted = DENSE_WEIGHTS.get(model_id.partition("@")[0], {})
    return fitted.get(language, fitted.get(None, UNFITTED))
