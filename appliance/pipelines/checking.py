"""A finished answer checked against the passages it was written from: what stands where, and what nothing supports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from appliance.domain.answers import Citation, Cited
from appliance.domain.people import Caller
from appliance.pipelines.placing import Placing
from appliance.ports import Search
from rag import supporting
from rag.analysis import Analyzer
from rag.documents import Passage

_LONG = 20_000  # characters of passages from which the check leaves the event loop to others


Locate = Callable[[int, int, int], tuple[Passage, int, int]]
"""(which passage, start, end) → the passage that is cited, and the span within it."""


class Checking:
    """Finds each sentence's support and looks every quote up on its page, as the asker may see it."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    async def checked(
        self,
        caller: Caller,
        written: str,
        passages: Sequence[Passage],
        search: Search,
        locate: Locate | None = None,
    ) -> Cited:
        """The citations of an answer, each at its place, and the spans of it without support.

        A wrong citation is put right where its quote stands elsewhere, else dropped and its claim left without support.

        locate: for passages that were joined for the prompt; None: what was given is what is cited.
        """
        if sum(len(passage.text) for passage in passages) > _LONG:
            found = await asyncio.to_thread(supporting.check, written, passages, self._content)
        else:
            found = supporting.check(written, passages, self._content)
        placing = Placing(caller, search, passages)
        cited, unsupported = [], []
        for support in found.supports:
            passage, start, end = passages[support.passage], support.quote_start, support.quote_end
            if locate is not None:
                passage, start, end = locate(support.passage, start, end)
            citation = Citation(
                index=support.marker,
                file_id=passage.file_id,
                filename=passage.filename,
                quote=passage.text[start:end],
                page=passage.page,
                headings=passage.headings,
                start=support.start,
                end=support.end,
                chunk_id=passage.chunk_id,
                page_start=passage.start + start,
                page_end=passage.start + end,
            )
            placed = await placing.placed(citation)
            if placed is None:
                unsupported.append((support.start, support.end))
            else:
                cited.append(placed)
        for start, end in found.unsupported:
            quotation = await placing.quotation(written[start:end], start, end)
            if quotation is None:
                unsupported.append((start, end))
            else:
                cited.append(quotation)
        return Cited(tuple(sorted(cited, key=lambda one: one.start)), tuple(sorted(unsupported)))

    def _content(self, words: str, language: str | None) -> frozenset[str]:
        return frozenset(
            term
            for word in self._analyzer.content_words(words, language)
            for term in word.terms
            if not term.startswith("=")
        )


async def verified(caller: Caller, citation: Citation, search: Search) -> Citation:
    """Look the quote up on the very page it names and the ones beside it, as the asker may see them."""
    placed = await Placing(caller, search, ()).placed(citation)
    return placed or replace(citation, is_verified=False)
