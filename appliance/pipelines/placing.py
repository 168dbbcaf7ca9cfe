"""Every quote looked up on the page that it names, as the asker may see it now: put right where it stands elsewhere.

A quote that stands on no page of what was found is no quote; whoever asked gets it marked or does not get it at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from appliance.domain.answers import Citation
from appliance.domain.people import Caller
from appliance.ports import Search
from rag import anchors, citations, supporting
from rag.citations import Spot
from rag.documents import Page, Passage

_LONG = 50_000  # characters of a page from which comparing leaves the event loop to others

Place = tuple[UUID, int | None]


class Placing:
    """Places the citations of one answer; a page is read once. passages: what the answer was written from."""

    def __init__(self, caller: Caller, search: Search, passages: Sequence[Passage]) -> None:
        self._caller = caller
        self._search = search
        self._passages = passages
        self._pages: dict[Place, Page | None] = {}

    async def placed(self, citation: Citation) -> Citation | None:
        """The citation with its exact place, on another page if it stands there; None where it stands nowhere."""
        for place in self._candidates(citation):
            page = await self._page(place)
            if page is not None and (found := await self._on(page, place, citation)) is not None:
                return found
        return None

    async def quotation(self, claim: str, start: int, end: int) -> Citation | None:
        """The support of a claim whose quotation no passage holds: on a page of theirs, or over its border.

        The numbers of the claim must stand in the quote. start, end: of the claim in the answer.
        """
        markers = [int(number) for group in supporting.MARKER.findall(claim) for number in group.split(",")]
        bare = supporting.MARKER.sub(" ", claim)
        for begin, stop in citations.quoted_phrases(bare):
            for number, passage in enumerate(self._passages, start=1):
                wanted = Citation(
                    index=markers[0] if markers else number,
                    file_id=passage.file_id,
                    filename=passage.filename,
                    quote=bare[begin:stop],
                    page=passage.page,
                    headings=passage.headings,
                    start=start,
                    end=end,
                )
                place = (passage.file_id, passage.page)
                page = await self._page(place)
                found = None if page is None else await self._on(page, place, wanted)
                if found is not None and citations.is_backed(bare, found.quote):
                    return found
        return None

    def _candidates(self, citation: Citation) -> Iterator[Place]:
        """The page it names, the ones beside it, and those of the other passages; each once."""
        number = citation.page
        beside: list[int | None] = [None] if number is None else [number, number - 1, number + 1]
        places = [(citation.file_id, page) for page in beside]
        places += [(passage.file_id, passage.page) for passage in self._passages]
        return iter(dict.fromkeys(place for place in places if place[1] != 0))

    async def _page(self, place: Place) -> Page | None:
        if place not in self._pages:
            self._pages[place] = await self._search.page(self._caller, *place)
        return self._pages[place]

    async def _on(self, page: Page, place: Place, citation: Citation) -> Citation | None:
        span = _where_it_was(page, place, citation)
        if span is None:
            if len(page.text) > _LONG:
                span = await asyncio.to_thread(citations.find_quote, citation.quote, page.text)
            else:
                span = citations.find_quote(citation.quote, page.text)
        if span is not None:
            return self._at(page, place, citation, Spot(*span), page.text[span[0] : span[1]])
        return await self._over_the_border(page, place, citation)

    async def _over_the_border(self, page: Page, place: Place, citation: Citation) -> Citation | None:
        if page.number is None or page.unit != "page":
            return None
        following = await self._page((place[0], page.number + 1))
        spot = following and citations.find_across(citation.quote, page.text, following.text)
        if not following or not spot:
            return None
        halves = page.text[spot.start : spot.end], following.text[spot.next_start : spot.next_end]
        return self._at(page, place, citation, spot, " ".join(halves))

    def _at(self, page: Page, place: Place, citation: Citation, spot: Spot, quote: str) -> Citation:
        is_moved = place != (citation.file_id, citation.page)
        host = next((p for p in self._passages if (p.file_id, p.page) == place), None) if is_moved else None
        moved = replace(
            citation,
            file_id=place[0],
            filename=host.filename if host else citation.filename,
            page=page.number,
            headings=(host.headings if host else ()) if is_moved else citation.headings,
            chunk_id=(host.chunk_id if host else None) if is_moved else citation.chunk_id,
        )
        return replace(
            moved,
            quote=quote,
            marks=citation.marks if quote == citation.quote else (),
            unit=page.unit,
            label=page.label,
            ref=anchors.reference(page.anchors, spot.start, spot.end),
            page_start=spot.start,
            page_end=spot.end,
            next_page=page.number + 1 if spot.runs_on and page.number is not None else None,
            is_verified=True,
        )


def _where_it_was(page: Page, place: Place, citation: Citation) -> tuple[int, int] | None:
    """Where the quote was cut from, if it still stands there to the letter; else its first place to the letter."""
    start, end = citation.page_start, citation.page_end
    is_named = place == (citation.file_id, citation.page)
    if start is not None and end is not None and is_named and page.text[start:end] == citation.quote:
        return start, end
    at = page.text.find(citation.quote) if citation.quote else -1
    return (at, at + len(citation.quote)) if at >= 0 else None
