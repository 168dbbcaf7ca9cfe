"""EPUB: the chapters of an e-book in reading order, as one page. Pictures, styles and scripts are left out."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from rag.archives import check_contents, open_archive, read_member
from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentEncrypted
from rag.limits import ParsingLimits
from rag.media_types import EPUB
from rag.notes import Note
from rag.parsers.html import write_fragment
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean, collapse

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_MARKUP = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


class EpubParser:
    """Reads an e-book as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        writer = PageWriter(self._limits)
        missing = 0
        with open_archive(path, self._limits) as archive:
            check_contents(archive, self._limits)
            book = _Book(archive, self._limits)
            for chapter in book.chapters():
                if chapter is None:
                    missing += 1
                else:
                    write_fragment(writer, decode(chapter).text)
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        notes = (Note("chapters_missing", count=missing),) if missing else ()
        first = next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument(EPUB, (page,), book.title or first, notes)


class _Book:
    """The package document of the first rendition."""

    def __init__(self, archive: zipfile.ZipFile, limits: ParsingLimits) -> None:
        self._archive = archive
        self._limit_bytes = limits.max_inflated_bytes
        self._names = set(archive.namelist())
        container = self._root(_CONTAINER)
        self._place = next((str(e.get("full-path", "")) for e in container.iter("{*}rootfile")), "")
        self._package = self._root(self._place)
        self._locked = self._encrypted()

    @property
    def title(self) -> str:
        found = next(self._package.iter(_TITLE), None)
        return collapse(clean("".join(found.itertext()))).replace("\n", " ") if found is not None else ""

    def chapters(self) -> Iterator[bytes | None]:
        """The markup of each chapter in reading order; None for one that is not there."""
        items = {
            str(item.get("id")): str(item.get("href", ""))
            for item in self._package.iter("{*}item")
            if item.get("media-type", _MARKUP[0]) in _MARKUP
        }
        folder = posixpath.dirname(self._place)
        listed = dict.fromkeys(str(entry.get("idref")) for entry in self._package.iter("{*}itemref"))
        for href in (items[entry] for entry in listed if entry in items):
            member = posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))
            if member in self._locked:
                raise DocumentEncrypted(Note("book_protected"))
            yield read_member(self._archive, member, self._limit_bytes) if member in self._names else None

    def _encrypted(self) -> frozenset[str]:
        """What is encrypted; fonts often are, for reasons of their own."""
        if _ENCRYPTION not in self._names:
            return frozenset()
        references = self._root(_ENCRYPTION).iter("{*}CipherReference")
        return frozenset(unquote(str(reference.get("URI", ""))).lstrip("/") for reference in references)

    def _root(self, member: str) -> etree._Element:
        if member not in self._names:
            raise DocumentDamaged(Note("contents_missing"))
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
        )
        try:
            root = etree.fromstring(read_member(self._archive, member, self._limit_bytes), parser)
        except etree.XMLSyntaxError:
            root = None
        if root is None:
            raise DocumentDamaged(Note("contents_unreadable"))
        return root
