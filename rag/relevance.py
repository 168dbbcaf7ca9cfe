"""Whether the best passage can be the ground of an answer, or whether the search has found nothing.

Two signals: how much of the question the passage speaks of (rag.overlap) and the cosine to the question. Weights and
thresholds are fitted on questions whose article was taken out of the index (docs/retrieval.md has the figures); they
belong to all-MiniLM-L6-v2 and are fitted anew with another embedding model (scripts/eval_retrieval.py --refusals).
Cannot see a fact that is missing from a passage on the right topic: that is for the answer's own check of its quotes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage. coverage: 0 to 1. cosine: None where there are no vectors.

    is_model_language: the embedding model was trained in the question's language.
    is_other_language: question and passage are known to be in different languages.
    """

    coverage: float
    cosine: float | None
    is_model_language: bool = True
    is_other_language: bool = False


@dataclass(frozen=True, slots=True)
class _Threshold:
    cosine_weight: float
    least: float


_MODEL_LANGUAGE = _Threshold(cosine_weight=1.6, least=0.9)
_FOREIGN_TO_MODEL = _Threshold(cosine_weight=0.7, least=0.64)
# A question that nothing answers still finds a passage of its own language (97 of 100): one of another language on top
# is itself a sign, by names and numbers, so less is asked of it.
_OTHER_LANGUAGE = _Threshold(cosine_weight=1.0, least=0.45)
_LEAST_COVERAGE = 0.35  # where words are all there is


def is_relevant(evidence: Evidence) -> bool:
    """Whether to answer from this passage."""
    if evidence.cosine is None:
        return evidence.coverage >= _LEAST_COVERAGE
    return strength(evidence) >= 1.0


def strength(evidence: Evidence) -> float:
    """The evidence on one scale for all kinds of questions; 1 is just enough. Needs a cosine."""
    if evidence.cosine is None:
        raise ValueError("strength() needs a cosine")
    if evidence.is_other_language:
        threshold = _OTHER_LANGUAGE
    else:
        threshold = _MODEL_LANGUAGE if evidence.is_model_language else _FOREIGN_TO_MODEL
    return (evidence.coverage + threshold.cosine_weight * evidence.cosine) / threshold.least
