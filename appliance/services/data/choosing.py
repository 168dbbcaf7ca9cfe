"""Which saved question somebody asks in other words: the rules (likeness.py), and the embedder for words they lack.

The embedder may be away: then words that no list has must be the same words.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.domain.data import ChosenQuestion, OfferedSource, SavedQuestion
from appliance.services.data.gaps import resolved, said_in
from appliance.services.data.likeness import Known, Likeness, Nearness, known, likeness, rarities
from appliance.services.data.meaning import Meaning, Meanings
from appliance.services.data.periods import fold
from inference.errors import InferenceError
from inference.ports import Embedder
from rag.analysis import Analyzer

LEAST: Final = 0.68
"""Set on the development half of tests/paraphrases; docs/data.md has what it means for the other half."""
AHEAD: Final = 0.04
"""By so much the best must be ahead of the second, or nobody knows which was meant."""
_LEAST_NEAR = 0.45
_NEAR_IS = 0.45  # two names of one thing, in English, with the small model
_NEAR_COUNTS = 0.7
_MOST_KEPT = 4096


class Chooser:
    """analyzer: of the languages that people ask in. embedder: vectors of single words are kept in memory."""

    def __init__(self, analyzer: Analyzer, embedder: Embedder) -> None:
        self._meanings = Meanings(analyzer)
        self._embedder = embedder
        self._vectors: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._known: OrderedDict[tuple[SavedQuestion, date], Known] = OrderedDict()

    async def chosen(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], today: date
    ) -> ChosenQuestion | None:
        """The one that this question asks; None where none does, or two do as well."""
        fitting = [one for one in await self._ranked(question, saved, sources, today) if not one.refused]
        if not fitting or fitting[0].score < LEAST:
            return None
        if len(fitting) > 1 and fitting[0].score - fitting[1].score < AHEAD:
            return None
        best = fitting[0]
        values = {one.name: resolved(one, today) for one in best.saved.parameters} | dict(best.told.values)
        return ChosenQuestion(best.saved, min(1.0, best.score), values, best.told.untold)

    async def near(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], today: date
    ) -> list[tuple[SavedQuestion, float]]:
        """What may have been meant, also what the rules refuse; best first."""
        ranked = await self._ranked(question, saved, sources, today)
        return [(one.saved, one.score) for one in ranked if one.score >= _LEAST_NEAR]

    async def similar(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], limit: int
    ) -> list[SavedQuestion]:
        """As examples, whatever their values; best first."""
        ranked = await self._ranked(question, saved, sources, date(2000, 1, 1))
        return [one.saved for one in ranked[:limit] if one.score > 0]

    async def _ranked(
        self, question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource], today: date
    ) -> list[Likeness]:
        question, saved = _within_named(question, saved, sources)
        pool = await asyncio.to_thread(self._taken_apart, saved, today)
        named = self._meanings.stems_in(" ".join(_names(sources)))
        nearness = await self._nearness(question, pool, named)

        def ranked() -> list[Likeness]:
            said, rarity = said_in(question, today), rarities(pool)
            found = [likeness(question, said, one, self._meanings, rarity, nearness, named) for one in pool]
            return sorted(found, key=lambda one: -one.score)

        return await asyncio.to_thread(ranked)

    def _taken_apart(self, saved: Sequence[SavedQuestion], today: date) -> list[Known]:
        found = []
        for one in saved:
            apart = self._known.get((one, today))
            if apart is None:
                apart = self._known[one, today] = known(one, self._meanings, today)
            found.append(apart)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return found

    async def _nearness(self, question: str, pool: Sequence[Known], named: frozenset[str]) -> Nearness:
        """Of words that the list lacks. What a table or a column is called is that, and nothing that is near it.

        Empty while the embedder is away.
        """
        asked = _glosses([one for one in self._meanings.of(question) if named.isdisjoint(one.keys)])
        theirs = _glosses([one for apart in pool for wording in apart.wordings for one in wording])
        if not asked or not theirs:
            return {}
        try:
            vectors = await self._vectors_of([*asked, *theirs])
        except InferenceError:
            return {}
        found: dict[tuple[str, str], float] = {}
        for one in asked:
            for other in theirs:
                cosine = float(vectors[one] @ vectors[other])
                if cosine >= _NEAR_IS:
                    found[one, other] = found[other, one] = _NEAR_COUNTS
        return found

    async def _vectors_of(self, words: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        model = self._embedder.model_id
        missing = [word for word in dict.fromkeys(words) if (model, word) not in self._vectors]
        if missing:
            for word, vector in zip(missing, await self._embedder.embed_passages(missing), strict=True):
                self._vectors[model, word] = vector
        found = {word: self._vectors[model, word] for word in words}
        while len(self._vectors) > _MOST_KEPT:
            self._vectors.popitem(last=False)
        return found


def _within_named(
    question: str, saved: Sequence[SavedQuestion], sources: Sequence[OfferedSource]
) -> tuple[str, Sequence[SavedQuestion]]:
    """Who names a source means it: its questions alone, and what is asked without its name."""
    folded = fold(question)
    for source in sorted(sources, key=lambda one: -len(one.name)):
        found = re.search(
            rf"(?:\b(?:in|en|of|de|from)\s+)?(?<!\w){re.escape(fold(source.name))}(?!\w)", folded
        )
        of_source = [one for one in saved if one.source_id == source.id]
        if found is not None and of_source and len(sources) > 1:
            return f"{question[: found.start()]} {question[found.end() :]}", of_source
    return question, saved


def _names(sources: Sequence[OfferedSource]) -> list[str]:
    tables = [table for source in sources for table in source.schema.tables]
    return [
        name.replace("_", " ")
        for table in tables
        for name in (table.name, *(column.name for column in table.columns))
    ]


def _glosses(meanings: Sequence[Meaning]) -> list[str]:
    return list(dict.fromkeys(one.gloss for one in meanings if one.gloss))
