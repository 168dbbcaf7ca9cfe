"""A finished answer checked against the passages it was written from: what stands where, and what nothing supports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from appliance.domain import Caller, Citation, Cited
from appliance.ports import Search
from rag import citations, supporting
from rag.analysis import Analyzer
from rag.documents import Passage

_LONG = 20_000  # characters of passages from which the check leaves the event loop to others


class Checking:
    """Finds each sentence's support and looks every quote up on its page, as the asker may see it."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    async def checked(
        self, caller: Caller, written: str, passages: Sequence[Passage], search: Search
    ) -> Cited:
        """The citations of an answer, and the spans of it without support."""
        if sum(len(passage.text) for passage in passages) > _LONG:
            found = await asyncio.to_thread(supporting.check, written, passages, self._content)
        else:
            found = supporting.check(written, passages, self._content)
        cited = []
        for support in found.supports:
            passage = passages[support.passage]
            citation = Citation(
                index=support.marker,
                file_id=passage.file_id,
                filename=passage.filename,
                quote=passage.text[support.quote_start : support.quote_end],
                page=passage.page,
                headings=passage.headings,
                start=support.start,
                end=support.end,
                chunk_id=passage.chunk_id,
            )
            cited.append(await verified(caller, citation, search))
        return Cited(tuple(cited), found.unsupported)

    def _content(self, words: str, language: str | None) -> frozenset[str]:
        return frozenset(
            term
            for word in self._analyzer.content_words(words, language)
            for term in word.terms
            if not term.startswith("=")
        )


async def verified(caller: Caller, citation: Citation, search: Search) -> Citation:
    """Look the quote up on the very page it names, as the asker may see it."""
    page = await search.page_text(caller, citation.file_id, citation.page)
    found = page is not None and citations.find_quote(citation.quote, page) is not None
    return citation if found else replace(citation, is_verified=False)
