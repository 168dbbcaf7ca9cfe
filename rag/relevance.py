"""Whether the best passage can be the ground of an answer, or whether the search has found nothing.

Signals: how much of the question the passage and its best sentence speak of (rag.overlap), the cosines of both to the
question, and how much of the question is in words that nothing has. Beside them one veto: what speaks of the question
holds no thing of the kind that is asked for. Weights and thresholds are fitted on questions whose document was taken
out of the index and on questions that no company's documents answer (docs/retrieval.md has the figures); they belong to
all-MiniLM-L6-v2 and are fitted anew with another embedding model (scripts/fit_relevance.py). Cannot see a fact that is
missing from a passage on the right topic: that is for the answer's own check of its quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage. coverage: 0 to 1. cosine: None where there are no vectors.

    sentence, sentence_cosine: of its best sentence, the coverage and the likeness (rag.sharpening), 0 to 1.
    unknown: share of the question, 0 to 1, in words that nothing has.
    lacks_kind: what speaks of the question holds no thing of the kind that is asked for (rag.asked_for).
    is_bridged: it was asked in translated words. is_model_language: the embedding model was trained in the question's
    language. is_other_language: question and passage are known to be in different languages.
    """

    coverage: float
    cosine: float | None
    is_model_language: bool = True
    is_other_language: bool = False
    unknown: float = 0.0
    is_bridged: bool = False
    lacks_kind: bool = False
    sentence: float = 0.0
    sentence_cosine: float = 0.0


Kind = Literal["model language", "foreign to the model", "other language", "bridged"]


@dataclass(frozen=True, slots=True)
class _Threshold:
    """The weights of the signals beside the passage's coverage, which counts 1, and the sum that is enough."""

    cosine: float
    sentence: float
    sentence_cosine: float
    unknown: float
    least: float


_THRESHOLDS: Mapping[Kind, _Threshold] = {
    "model language": _Threshold(1.65, 0.63, 1.16, 0.68, least=1.54),
    "foreign to the model": _Threshold(0.72, 0.90, 1.08, 0.51, least=1.52),
    # A question that nothing answers still finds a passage of its own language (97 of 100): one of another language on
    # top is itself a sign, by names and numbers, so less is asked of it. What fails here is asked again, bridged.
    "other language": _Threshold(1.0, 0.0, 0.0, 0.5, least=0.5),
    "bridged": _Threshold(1.40, 1.06, 1.31, 0.0, least=1.90),
}
_LEAST_COVERAGE = 0.35  # where words are all there is


def is_relevant(evidence: Evidence) -> bool:
    """Whether to answer from this passage."""
    if evidence.cosine is None:
        return evidence.coverage >= _LEAST_COVERAGE and not evidence.lacks_kind
    return strength(evidence) >= 1.0


def kind_of(evidence: Evidence) -> Kind:
    """Which row of weights it is judged by."""
    if evidence.is_bridged:
        return "bridged"
    if evidence.is_other_language:
        return "other language"
    return "model language" if evidence.is_model_language else "foreign to the model"


def strength(evidence: Evidence) -> float:
    """The evidence on one scale for all kinds of questions; 1 is just enough. Needs a cosine."""
    if evidence.cosine is None:
        raise ValueError("strength() needs a cosine")
    if evidence.lacks_kind:
        return 0.0
    row = _THRESHOLDS[kind_of(evidence)]
    total = (
        evidence.coverage
        + row.cosine * evidence.cosine
        + row.sentence * evidence.sentence
        + row.sentence_cosine * evidence.sentence_cosine
        - row.unknown * evidence.unknown
    )
    return total / row.least
