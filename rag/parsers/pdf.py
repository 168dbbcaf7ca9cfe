"""PDF through pdfium: text by page in reading order, headings told by the size and weight of their type.

A page that is a picture of text goes through a recogniser where there is one; otherwise it is noted, and a document of
nothing else is refused as a scan. Scripts are never run: this pdfium is built without an interpreter.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEmpty, DocumentEncrypted, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import PDF
from rag.notes import Note, about_pages
from rag.parsers.page_writer import PageWriter
from rag.parsers.pdf_annotations import NOTHING, Additions, read_additions
from rag.parsers.pdf_attachments import read_attachments
from rag.parsers.pdf_frame import PageFrame
from rag.parsers.pdf_layout import Layout, Paragraph, RunningLines, Words, paragraphs
from rag.parsers.pdf_lines import Letters, Line, read_lines
from rag.parsers.pdf_scans import is_blank, is_scan, picture_of
from rag.parsers.pdf_tables import Table, arrange, looks_interleaved, looks_tabular
from rag.parsers.recognised import lines_of, paragraphs_of
from rag.parsers.recognition_notes import RecognitionNotes
from rag.recognition import Recogniser, RecognitionFailed
from rag.tidy_text import clean, collapse

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_SECURITY_ERROR = 5  # FPDF_ERR_SECURITY
_LENGTH_OF_ITSELF = re.compile(rb"\b(\d{1,9}) (\d{1,5}) obj\s{0,9}<<[^>]{0,500}?/Length\s{1,9}\1 \2 R\b")


def _no_progress(_done: int, _total: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class _Content:
    """What one page holds: its own lines, and where it was recognised, paragraphs of lines instead."""

    lines: Sequence[Line] = ()
    recognised: Sequence[Sequence[Line]] = ()
    additions: Additions = NOTHING
    tables: Sequence[Table] = ()

    @property
    def all_lines(self) -> list[Line]:
        return [*self.lines, *(line for paragraph in self.recognised for line in paragraph)]

    @property
    def chars(self) -> int:
        in_tables = (s for table in self.tables for row in table.rows for cell in row for s in cell)
        return sum(len(line.text) for line in self.all_lines) + sum(len(s.text) for s in in_tables)


class PdfParser:
    """Reads a PDF page by page. progress: called with pages done and pages in all. recogniser: reads scans."""

    def __init__(
        self,
        limits: ParsingLimits,
        progress: Callable[[int, int], None] = _no_progress,
        recogniser: Recogniser | None = None,
    ) -> None:
        self._limits = limits
        self._progress = progress
        self._recogniser = recogniser

    def parse(self, path: Path) -> ParsedDocument:
        _refuse_circles(path)
        try:
            document = pdfium.PdfDocument(path)
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) in (_PASSWORD_ERROR, _SECURITY_ERROR):
                raise DocumentEncrypted() from error
            raise DocumentDamaged() from error
        try:
            if document.get_formtype() != raw.FORMTYPE_NONE:
                document.init_forms()
            return self._read(document)
        finally:
            document.close()

    def _read(self, document: pdfium.PdfDocument) -> ParsedDocument:
        total = len(document)
        if total > self._limits.max_pages:
            raise DocumentTooLarge(Note("too_many_pages", count=total, most=self._limits.max_pages))
        contents: list[_Content] = []
        broken: list[int] = []
        recognition = RecognitionNotes(self._recogniser)
        chars = 0
        for number in range(1, total + 1):
            try:
                contents.append(self._content(document, number, recognition))
            except pdfium.PdfiumError:
                contents.append(_Content())
                broken.append(number)
            chars += contents[-1].chars
            if chars > self._limits.max_text_chars:
                raise DocumentTooLarge(Note("too_much_text", most=self._limits.max_text_chars))
            self._progress(number, total)
        if total == 0 or len(broken) == total:
            raise DocumentDamaged(Note("no_page_opens"))
        pages = self._compose(contents)
        children, carried = read_attachments(document, self._limits)
        if not children and not any(page.text for page in pages):
            raise DocumentEmpty(recognition.why_empty(total))
        notes = (*about_pages("pages_broken", broken), *recognition.sentences(), *carried)
        return ParsedDocument(PDF, tuple(pages), _title(document, pages), notes, children)

    def _content(self, document: pdfium.PdfDocument, number: int, recognition: RecognitionNotes) -> _Content:
        page = document[number - 1]
        try:
            frame = PageFrame.of(page)
            lines, tables = _lines(page, frame)
            additions = read_additions(document, page, frame)
            own = _Content(lines, (), additions, tables)
            if not (lines or tables) and is_blank(page):
                if not additions:
                    recognition.skip_blank(number)
                return own
            if tables or not is_scan(page, lines) or not recognition.may_read(number):
                return own
            picture = picture_of(page, recognition.dpi)
            try:
                paragraphs = lines_of(recognition.read(number, picture), picture)
            except RecognitionFailed:
                return own
            return _Content((), paragraphs, additions) if paragraphs else own
        finally:
            page.close()

    def _compose(self, contents: Sequence[_Content]) -> list[Page]:
        lines = [list(content.lines) for content in contents]
        layout = Layout.of(lines)
        words = Words.of([content.all_lines for content in contents])
        running = RunningLines.of(lines, layout)
        writer = PageWriter(self._limits)
        pages = []
        for number, content in enumerate(contents, start=1):
            own, at_margins = running.apart(content.lines)
            reached = 0
            for table in content.tables:
                before = {id(line) for line in content.lines[: table.at]}
                stop = sum(id(line) in before for line in own)
                _write(writer, paragraphs(own[reached:stop], layout, words))
                writer.add_pieces("table", table.pieces())
                reached = stop
            _write(writer, paragraphs(own[reached:], layout, words))
            _write(writer, paragraphs_of(content.recognised, words))
            writer.add_pieces("paragraph", content.additions.fields)
            for comment in content.additions.comments:
                writer.add_pieces("paragraph", [comment])
            writer.add_pieces("paragraph", words.pieces(at_margins, ["\n"] * len(at_margins)))
            pages.append(writer.finish(number))
        return pages


def _refuse_circles(path: Path) -> None:
    """A stream whose length is to be looked up in that same stream: no writer makes it, some readers never return."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _LENGTH_OF_ITSELF.search(content):
            raise DocumentDangerous(Note("stream_circular"))


def _lines(page: pdfium.PdfPage, frame: PageFrame) -> tuple[list[Line], list[Table]]:
    text_page = page.get_textpage()
    try:
        lines = list(read_lines(text_page, frame))
        letters = Letters(text_page, frame)
        is_interleaved = looks_interleaved(lines, letters)
        if not is_interleaved and not looks_tabular(lines):
            return lines, []
        return arrange(lines, letters, everywhere=is_interleaved)
    finally:
        text_page.close()


def _write(writer: PageWriter, found: Iterable[Paragraph]) -> None:
    for paragraph in found:
        writer.add_pieces(paragraph.kind, paragraph.pieces, paragraph.level)


def _title(document: pdfium.PdfDocument, pages: Sequence[Page]) -> str:
    try:
        title = collapse(clean(document.get_metadata_value("Title"))).replace("\n", " ")
    except (pdfium.PdfiumError, UnicodeDecodeError):
        title = ""
    if (
        title
        and not title.lower().endswith((".doc", ".docx", ".indd", ".pdf"))
        and title.lower() != "untitled"
    ):
        return title
    return next((p.text[b.start : b.end] for p in pages[:3] for b in p.blocks if b.kind == "heading"), "")
