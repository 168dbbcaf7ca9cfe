"""Which saved question somebody asks in other words: the rules (services/data/likeness.py) and the embedder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from appliance.domain.data import ChosenQuestion, OfferedSource, SavedQuestion
from appliance.services.data.gaps import Filled, filled, resolved, said_in
from inference.ports import Embedder
from rag.analysis import Analyzer

_LEAST = 0.8


class Chooser:
    """analyzer: of the languages that people ask in."""

    def __init__(self, analyzer: Analyzer, embedder: Embedder) -> None:
        self._analyzer = analyzer
        self._embedder = embedder

    async def chosen(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], today: date
    ) -> ChosenQuestion | None:
        """The one that this question asks; None where none does, or two do as well."""
        ranked = await self.near(question, saved, sources, today)
        if not ranked or ranked[0][1] < _LEAST or (len(ranked) > 1 and ranked[1][1] == ranked[0][1]):
            return None
        best, score = ranked[0]
        told = self._told(question, best, today)
        values = {one.name: resolved(one, today) for one in best.parameters} | dict(told.values)
        return ChosenQuestion(best, score, values, told.untold)

    async def near(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], today: date
    ) -> list[tuple[SavedQuestion, float]]:
        """Best first, those that have anything in common with it."""
        scored = [(one, self._likeness(question, one, today)) for one in saved]
        return sorted(((one, score) for one, score in scored if score > 0), key=lambda pair: -pair[1])

    async def similar(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], limit: int
    ) -> list[SavedQuestion]:
        """Whatever its values, best first: as examples."""
        ranked = await self.near(question, saved, sources, date.min)
        return [one for one, _ in ranked[:limit]]

    def _likeness(self, question: str, saved: SavedQuestion, today: date) -> float:
        used = self._told(question, saved, today).used
        asked = self._stems(
            "".join(" " if _within(at, used) else letter for at, letter in enumerate(question))
        )
        best = 0.0
        for wording in (saved.question, *saved.wordings):
            words = self._stems(wording)
            if asked | words:
                best = max(best, len(asked & words) / len(asked | words))
        return best

    def _told(self, question: str, saved: SavedQuestion, today: date) -> Filled:
        words = {word.lower() for word in saved.question.split()}
        return filled(saved.parameters, said_in(question, today), lambda name: name.lower() in words)

    def _stems(self, text: str) -> frozenset[str]:
        language = self._analyzer.language(text)
        return frozenset(term for term in self._analyzer.terms(text, language) if not term.startswith("="))


def _within(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)
