"""A page of a document for whoever may see it, with a passage marked on it: its text, or a picture drawn of it.

Whether the caller may see it is decided by the page's text, which is read with their eyes each time; only then is
anything drawn or taken from what was drawn before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import StoredFile
from appliance.domain.people import Caller, Viewer
from appliance.errors import InvalidRequest, NotFound
from appliance.ports.documents import DocumentCard
from appliance.services.knowledge.ports import BlobStore
from rag import anchors, citations
from rag.documents import Location, Page, locate
from rag.rendering import HEAD_BYTES, is_drawable
from rag.rendering.order import Box, PageOrder

_WINDOW = 12_000  # characters of text that go with a mark
_LONG = 50_000  # characters of a page from which comparing leaves the event loop to others


class DocumentRepository(Protocol):
    """What is known of documents, with the viewer's eyes."""

    async def card(self, viewer: Viewer, file_id: UUID) -> DocumentCard:
        """Raises NotFound."""
        ...

    async def headings(self, viewer: Viewer, file_id: UUID, page: int | None, at: int) -> tuple[str, ...]:
        """The heading path over an offset of a page."""
        ...

    async def chunk(self, viewer: Viewer, file_id: UUID, chunk_id: int) -> tuple[int | None, int, int] | None:
        """(page, start, end) of a passage of this document."""
        ...


class FileReader(Protocol):
    """A file as the caller may see it; Knowledge is one. Raises NotFound."""

    async def file(self, caller: Caller, file_id: UUID) -> StoredFile: ...

    async def content(
        self, caller: Caller, file_id: UUID, first: int = 0, length: int | None = None
    ) -> tuple[StoredFile, AsyncIterator[bytes]]: ...


class PageReader(Protocol):
    """A page as the caller may see it; KnowledgeSearch is one."""

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None: ...


class Renderer(Protocol):
    """Draws a page where a hostile file can do no harm; rag.sandbox does. Raises a DocumentRefused."""

    async def render(self, path: Path, page: PageOrder) -> bytes: ...


class ImageStore(Protocol):
    """Pictures that were drawn before."""

    def get(self, sha256: bytes, name: str) -> bytes | None: ...

    def put(self, sha256: bytes, name: str, picture: bytes) -> None: ...

    def forget(self, sha256: bytes) -> int: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be marked: a quote (which is looked for), or a span of the page's text, or a passage of the index.

    A span beside a quote is where the quote was last seen.
    """

    quote: str = ""
    start: int | None = None
    end: int | None = None
    chunk_id: int | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """A page with its mark: text is the page's from `offset` on, around the mark; start and end count in the page.

    number: as it is asked for, from 1. is_found: False when something was to be marked and is not on the page.
    next_span: where a quote runs on, on the next page. boxes: of the mark, in shares of the page as it is shown.
    """

    file_id: UUID
    filename: str
    number: int
    page: Page
    offset: int
    text: str
    start: int | None
    end: int | None
    is_found: bool
    has_picture: bool
    boxes: tuple[Box, ...] = ()
    next_span: tuple[int, int] | None = None
    headings: tuple[str, ...] = ()

    @property
    def location(self) -> Location:
        """Of the mark; of the page where nothing is marked."""
        ref = anchors.reference(self.page.anchors, self.start or 0, self.end or 0) if self.end else ""
        return locate(self.page.unit, self.page.number, self.page.label, ref, self.headings)


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn page; tag changes whenever another picture would be drawn."""

    png: bytes
    tag: str
    is_found: bool


class DocumentPages:
    """The use cases behind `/api/documents`."""

    def __init__(
        self,
        documents: DocumentRepository,
        files: FileReader,
        pages: PageReader,
        blobs: BlobStore,
        renderer: Renderer,
        images: ImageStore,
    ) -> None:
        self._documents = documents
        self._files = files
        self._pages = pages
        self._blobs = blobs
        self._renderer = renderer
        self._images = images

    async def card(self, caller: Caller, file_id: UUID) -> DocumentCard:
        """Raises NotFound for what the caller may not see."""
        return await self._documents.card(caller.viewer, file_id)

    async def file(self, caller: Caller, file_id: UUID) -> StoredFile:
        """Raises NotFound."""
        return await self._files.file(caller, file_id)

    async def original(
        self, caller: Caller, file_id: UUID, first: int, length: int
    ) -> tuple[StoredFile, AsyncIterator[bytes]]:
        """The file and its bytes, as they were uploaded, so many from the first on. Raises NotFound."""
        return await self._files.content(caller, file_id, first, length)

    async def marked(self, caller: Caller, file_id: UUID, number: int, wanted: Wanted) -> Marked:
        """Raises NotFound for a page that the caller may not see."""
        file = await self._files.file(caller, file_id)
        page = await self._page(caller, file_id, number)
        start, end, next_span = await self._span(caller, file_id, page, wanted)
        is_asked = bool(wanted.quote) or wanted.start is not None or wanted.chunk_id is not None
        offset, text = _window(page.text, start, end)
        headings: tuple[str, ...] = ()
        if start is not None:
            headings = await self._documents.headings(caller.viewer, file_id, page.number, start)
        return Marked(
            file_id,
            file.filename,
            number,
            page,
            offset,
            text,
            start,
            end,
            is_found=start is not None or not is_asked,
            has_picture=page.unit == "page"
            and page.number is not None
            and await self._is_drawable(file.sha256),
            boxes=tuple(anchors.boxes(page.anchors, start, end, page.text))
            if start is not None and end
            else (),
            next_span=next_span,
            headings=headings,
        )

    async def picture(self, caller: Caller, marked: Marked, width_px: int) -> Picture:
        """marked: as it was just given to this very caller. Raises a DocumentRefused where it cannot be drawn."""
        file = await self._files.file(caller, marked.file_id)
        order = PageOrder(marked.number, width_px, _lines(marked.boxes))
        marks = sha256(repr(order.as_json()["marks"]).encode()).hexdigest()[:16]
        name = f"{marked.number}-{width_px}-{marks}.png"
        tag = f"{file.sha256.hex()[:16]}-{name.removesuffix('.png')}"
        png = await asyncio.to_thread(self._images.get, file.sha256, name)
        if png is None:
            png = await self._renderer.render(self._blobs.path(file.sha256), order)
            await asyncio.to_thread(self._images.put, file.sha256, name, png)
            if not await self._blobs.has(file.sha256):  # it was deleted while it was drawn
                await asyncio.to_thread(self._images.forget, file.sha256)
                raise _gone(marked.file_id, marked.number)
        return Picture(png, tag, marked.is_found)

    async def _page(self, caller: Caller, file_id: UUID, number: int) -> Page:
        page = await self._pages.page(caller, file_id, number)
        if page is None and number == 1:  # formats without pages have one, without a number
            page = await self._pages.page(caller, file_id, None)
        if page is None:
            raise _gone(file_id, number)
        return page

    async def _span(
        self, caller: Caller, file_id: UUID, page: Page, wanted: Wanted
    ) -> tuple[int | None, int | None, tuple[int, int] | None]:
        """(start, end) of the mark in the page's text, and the span on the next page where it runs on."""
        if wanted.quote:
            return await self._quoted(caller, file_id, page, wanted)
        if wanted.chunk_id is not None:
            chunk = await self._documents.chunk(caller.viewer, file_id, wanted.chunk_id)
            return (chunk[1], chunk[2], None) if chunk and chunk[0] == page.number else (None, None, None)
        if wanted.start is None:
            return None, None, None
        end = wanted.start + 1 if wanted.end is None else wanted.end
        if wanted.start >= end:
            raise InvalidRequest("`end` must be larger than `start`.", param="end")
        if wanted.start >= len(page.text):
            return None, None, None
        return wanted.start, min(end, len(page.text)), None

    async def _quoted(
        self, caller: Caller, file_id: UUID, page: Page, wanted: Wanted
    ) -> tuple[int | None, int | None, tuple[int, int] | None]:
        start, end, quote = wanted.start, wanted.end, wanted.quote
        if start is not None and end is not None and page.text[start:end] == quote:
            return start, end, None
        if (at := page.text.find(quote)) >= 0:
            return at, at + len(quote), None
        if len(page.text) > _LONG:
            span = await asyncio.to_thread(citations.find_quote, quote, page.text)
        else:
            span = citations.find_quote(quote, page.text)
        if span is not None:
            return *span, None
        following = (
            await self._pages.page(caller, file_id, page.number + 1) if page.number is not None else None
        )
        spot = citations.find_across(quote, page.text, following.text) if following else None
        return (spot.start, spot.end, (spot.next_start, spot.next_end)) if spot else (None, None, None)

    async def _is_drawable(self, digest: bytes) -> bool:
        def look() -> bool:
            try:
                with self._blobs.path(digest).open("rb") as file:
                    return is_drawable(file.read(HEAD_BYTES))
            except OSError:
                return False

        return await asyncio.to_thread(look)


def _window(text: str, start: int | None, end: int | None) -> tuple[int, str]:
    """(offset, text) of what is shown around the mark, cut at line ends where there are some."""
    if len(text) <= _WINDOW:
        return 0, text
    middle = ((start or 0) + (end or 0)) // 2
    first = max(0, min(middle - _WINDOW // 2, len(text) - _WINDOW))
    last = first + _WINDOW
    if first and 0 <= (line := text.find("\n", first, first + 1000)) < (start or last):
        first = line + 1
    if last < len(text) and (line := text.rfind("\n", last - 1000, last)) > (end or 0):
        last = line
    return first, text[first:last]


def _lines(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Each a hair taller than its type, as a pen would be."""
    grown = []
    for left, top, right, bottom in boxes:
        more = 0.08 * (bottom - top)
        grown.append((left - 0.002, top - more, right + 0.002, bottom + more))
    return tuple(grown)


def _gone(file_id: UUID, number: int) -> NotFound:
    return NotFound(f"There is no page {number} of 'file-{file_id.hex}' here that you may see.")
