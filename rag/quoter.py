"""From found passages to the few sentences that answer, with the words that match the question marked.

And from whole texts to the few sentences that say what they are about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder, pinned
from rag import quoting
from rag.analysis import Analyzer
from rag.central import candidates, choose
from rag.documents import Passage, SearchResult
from rag.quoting import Candidate
from rag.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class Quote:
    """passage.text[start:end], word for word; marks are offsets within that text."""

    passage: Passage
    start: int
    end: int
    marks: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


class Quoter:
    """Embeds the sentences of the first passages only (some ten short texts) and picks among them.

    Of whole texts it embeds the sentences that are most central by their words.
    """

    def __init__(self, embedder: Embedder, analyzer: Analyzer) -> None:
        self._embedder = embedder
        self._analyzer = analyzer

    async def quote(self, question: str, result: SearchResult) -> list[Quote]:
        """One to three quotes in the order of their passages; [] where nothing was found.

        Without an embedder the shared words alone decide. Where other words than the question's found the passages,
        those choose the sentences as well.
        """
        language = result.language
        if result.wording is not None:
            question, language = result.wording.text, result.wording.language
        passages = list(result.passages[: quoting.MAX_PASSAGES])
        spans = [(rank, span) for rank, passage in enumerate(passages) for span in _quotable(passage)]
        texts = [passages[rank].text[start:end] for rank, (start, end) in spans]
        cosines = await self._cosines(question, texts)
        candidates = [
            Candidate(rank, start, end, self._terms(text, passages[rank].language), float(cosine))
            for (rank, (start, end)), text, cosine in zip(spans, texts, cosines, strict=True)
        ]
        weights = self._weights(question, result)
        return [
            self._marked(passages[chosen.rank], chosen, question, language)
            for chosen in quoting.select(candidates, weights)
        ]

    async def central(self, texts: Sequence[str], each: int) -> list[list[tuple[int, int]]]:
        """Of each text the spans of its most central sentences, at most `each`, in order.

        By words, and by meaning too where there is an embedder.
        """
        found = await asyncio.to_thread(candidates, texts, self._words)
        vectors = await self._vectors(
            [text[one.start : one.end] for text, ones in zip(texts, found, strict=True) for one in ones]
        )
        spans = []
        at = 0
        for ones in found:
            spans.append(choose(ones, each, None if vectors is None else vectors[at : at + len(ones)]))
            at += len(ones)
        return spans

    async def _vectors(self, sentences: Sequence[str]) -> NDArray[np.float32] | None:
        """One after the other, and as questions: a person waits, others wait as well. None without an embedder."""
        try:
            found = [await self._embedder.embed_query(sentence) for sentence in sentences]
        except EmbedderUnavailable:
            return None
        return np.stack(found) if found else None

    def _words(self, sentence: str) -> list[str]:
        words = self._analyzer.content_words(sentence, self._analyzer.language(sentence))
        return ["".join(sorted(word.terms)) for word in words]

    async def _cosines(self, question: str, texts: list[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros(0, np.float32)
        try:
            # as questions, so that somebody's ingestion does not hold up this answer
            embedder = pinned(self._embedder)
            asked, *sentences = await asyncio.gather(*map(embedder.embed_query, [question, *texts]))
            return np.stack(sentences) @ asked
        except EmbedderUnavailable:
            return np.zeros(len(texts), np.float32)

    def _terms(self, text: str, language: str | None) -> frozenset[str]:
        return frozenset(self._analyzer.terms(text, language))

    def _weights(self, question: str, result: SearchResult) -> Mapping[str, float]:
        return result.weights or dict.fromkeys(self._terms(question, result.language), 1.0)

    def _marked(self, passage: Passage, chosen: Candidate, question: str, language: str | None) -> Quote:
        asked = {term for word in self._analyzer.content_words(question, language) for term in word.terms}
        text = passage.text[chosen.start : chosen.end]
        marks = tuple(
            (word.start, word.end)
            for word in self._analyzer.content_words(text, passage.language)
            if word.terms & asked
        )
        return Quote(passage, chosen.start, chosen.end, marks)


def _quotable(passage: Passage) -> Iterator[tuple[int, int]]:
    """Its sentences but for headings, which hold the question's words and not its answer."""
    headings = {" ".join(heading.split()).casefold() for heading in passage.headings}
    for start, end in split_sentences(passage.text, 0, len(passage.text)):
        if " ".join(passage.text[start:end].split()).casefold() not in headings:
            yield start, end
