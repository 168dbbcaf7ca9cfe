"""Passages put in order by a reranker within a time budget; without it, or too late, the order stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.documents import Passage
from rag.ports import Reranker

RERANKER_LATE = "reranker_late"  # over its time budget: the fused order stands
RERANKER_UNAVAILABLE = "reranker_unavailable"


class RerankerUnavailable(Exception):
    """The reranker cannot answer just now; raised by its adapter, never shown to people."""


@dataclass(frozen=True, slots=True)
class Reranking:
    """reranker, and how it is used. candidates: passages it reads. least: its score from which a passage answers."""

    reranker: Reranker
    candidates: int = 20
    budget_s: float = 1.0
    least: float = 0.3

    async def reranked(self, question: str, passages: Sequence[Passage]) -> tuple[list[Passage], str]:
        """(passages, empty) in the reranker's order with its scores, or (as they were, why) without it.

        What it did not read stays behind, in its order, below the least of its scores.
        """
        first, rest = passages[: self.candidates], passages[self.candidates :]
        texts = [" › ".join(p.headings) + "\n" + p.text if p.headings else p.text for p in first]
        try:
            async with asyncio.timeout(self.budget_s):
                scores = await self.reranker.scores(question, texts)
        except TimeoutError:
            return list(passages), RERANKER_LATE
        except RerankerUnavailable:
            return list(passages), RERANKER_UNAVAILABLE
        ranked = [replace(p, score=float(score)) for p, score in zip(first, scores, strict=True)]
        ranked.sort(key=lambda passage: (-passage.score, passage.chunk_id))
        floor = min((passage.score for passage in ranked), default=0.0)
        return ranked + [replace(p, score=floor * p.score) for p in rest], ""
