"""What speaks for the passage that was found first: gathered here, judged in rag.relevance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag import telling
from rag.analysis import Analyzer
from rag.asked_for import lacks_kind
from rag.documents import Passage
from rag.fusion import Ranking
from rag.overlap import coverage, unknown
from rag.relevance import Evidence
from rag.sharpening import Asked, Sharpening

_ANSWERING = 2  # passages of which one must hold the kind of thing that is asked for


@dataclass(frozen=True, slots=True)
class Wording:
    """question: as it was asked. asked: the words that were searched for; is_bridged: they are a translation of it."""

    question: str
    asked: Asked
    is_bridged: bool = False


class Weighing:
    """Looks at the first passages sentence by sentence."""

    def __init__(self, sharpening: Sharpening, analyzer: Analyzer) -> None:
        self._sharpening = sharpening
        self._analyzer = analyzer

    async def evidence(self, wording: Wording, passages: Sequence[Passage], dense: Ranking) -> Evidence:
        """Of passages, best first, at least one. One that is not in the dense list is no nearer than its last."""
        asked, passage = wording.asked, passages[0]
        terms = set(self._analyzer.terms(" ".join((*passage.headings, passage.text)), passage.language))
        cosine = passage.dense if passage.dense is not None or not dense else dense[-1][1]
        spoken = [telling.shares(asked.words, one, self._analyzer) for one in passages[:_ANSWERING]]
        sentence, share = telling.best(spoken[0])
        return Evidence(
            coverage(asked.words, terms),
            None if asked.vector is None else asked.calibration.cosine(cosine or 0.0),
            sentence=share,
            sentence_cosine=await self._sharpening.likeness(asked, passage, sentence),
            unknown=unknown(asked.words, asked.chunks),
            is_bridged=wording.is_bridged,
            is_model_language=asked.language is None or asked.calibration.knows(asked.language),
            is_other_language=in_other_language(asked.language, passage),
            lacks_kind=lacks_kind(wording.question, "\n".join(map(telling.around, spoken))),
        )


def in_other_language(language: str | None, passage: Passage) -> bool:
    """Whether question and passage are known to be in two languages."""
    return language is not None and passage.language is not None and language != passage.language
