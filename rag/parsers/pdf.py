"""PDF through pdfium: text by page in reading order, headings told by the size and weight of their type.

Pictures are not read: a page without text is noted, a document without any is refused as a scan.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable
from pathlib import Path

import pypdfium2 as pdfium

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEmpty, DocumentEncrypted, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import PDF
from rag.parsers.page_writer import PageWriter, clean, collapse
from rag.parsers.pdf_frame import PageFrame
from rag.parsers.pdf_layout import Layout, RunningLines, Words, paragraphs
from rag.parsers.pdf_lines import Line, read_lines

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD
_SECURITY_ERROR = 5  # FPDF_ERR_SECURITY
_LENGTH_OF_ITSELF = re.compile(rb"\b(\d{1,9}) (\d{1,5}) obj\s{0,9}<<[^>]{0,500}?/Length\s{1,9}\1 \2 R\b")


def _no_progress(_done: int, _total: int) -> None:
    return None


class PdfParser:
    """Reads a PDF page by page. progress: called with pages done and pages in all."""

    def __init__(self, limits: ParsingLimits, progress: Callable[[int, int], None] = _no_progress) -> None:
        self._limits = limits
        self._progress = progress

    def parse(self, path: Path) -> ParsedDocument:
        _refuse_circles(path)
        try:
            document = pdfium.PdfDocument(path)
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) in (_PASSWORD_ERROR, _SECURITY_ERROR):
                raise DocumentEncrypted() from error
            raise DocumentDamaged() from error
        try:
            return self._read(document)
        finally:
            document.close()

    def _read(self, document: pdfium.PdfDocument) -> ParsedDocument:
        total = len(document)
        if total > self._limits.max_pages:
            raise DocumentTooLarge(f"It has {total} pages; {self._limits.max_pages} are allowed.")
        lines: list[list[Line]] = []
        broken: list[int] = []
        chars = 0
        for index in range(total):
            try:
                lines.append(_lines(document, index))
            except pdfium.PdfiumError:
                lines.append([])
                broken.append(index + 1)
            chars += sum(len(line.text) for line in lines[-1])
            if chars > self._limits.max_text_chars:
                raise DocumentTooLarge(f"Its text has more than {self._limits.max_text_chars} characters.")
            self._progress(index + 1, total)
        if total == 0 or len(broken) == total:
            raise DocumentDamaged("None of its pages can be opened.")
        pages = self._compose(lines)
        empty = [page.number for page in pages if not page.text and page.number not in broken]
        if not any(page.text for page in pages):
            raise DocumentEmpty(f"None of its {total} pages has text of its own; they are pictures or blank.")
        notes = _note("cannot be opened and was left out", "cannot be opened and were left out", broken)
        notes += _note("has no text of its own (a scan?)", "have no text of their own (scans?)", empty)
        return ParsedDocument(PDF, tuple(pages), _title(document, pages), notes)

    def _compose(self, lines: list[list[Line]]) -> list[Page]:
        layout = Layout.of(lines)
        words = Words.of(lines)
        running = RunningLines.of(lines, layout)
        writer = PageWriter(self._limits)
        pages = []
        for number, page_lines in enumerate(lines, start=1):
            own, at_margins = running.apart(page_lines)
            for paragraph in paragraphs(own, layout, words):
                writer.add_pieces(paragraph.kind, paragraph.pieces, paragraph.level)
            writer.add_pieces("paragraph", words.pieces(at_margins, ["\n"] * len(at_margins)))
            pages.append(writer.finish(number))
        return pages


def _refuse_circles(path: Path) -> None:
    """A stream whose length is to be looked up in that same stream: no writer makes it, some readers never return."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if _LENGTH_OF_ITSELF.search(content):
            raise DocumentDangerous("One of its streams names itself as its own length.")


def _lines(document: pdfium.PdfDocument, index: int) -> list[Line]:
    page = document[index]
    try:
        text_page = page.get_textpage()
        try:
            return list(read_lines(text_page, PageFrame.of(page)))
        finally:
            text_page.close()
    finally:
        page.close()


def _note(one: str, many: str, numbers: list[int] | list[int | None]) -> tuple[str, ...]:
    if not numbers:
        return ()
    shown = ", ".join(str(number) for number in numbers[:20]) + (" …" if len(numbers) > 20 else "")
    return (f"Page {shown} {one}." if len(numbers) == 1 else f"Pages {shown} {many}.",)


def _title(document: pdfium.PdfDocument, pages: list[Page]) -> str:
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
