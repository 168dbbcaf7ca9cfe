"""PPTX: one page a slide, its title first, then its shapes in order with tables and charts; notes and comments last.

Read from the XML itself, part by part, so that one broken slide does not cost the others. Pictures are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from lxml import etree

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import PPTX
from rag.notes import Note
from rag.office.package import OfficePackage, opened_package
from rag.parsers.chart import write_chart
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean, collapse

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
Progress = Callable[[int, int], None]


class PptxParser:
    """Reads a presentation, a page a slide. progress: slides done, slides in all."""

    def __init__(self, limits: ParsingLimits, progress: Progress = lambda _done, _total: None) -> None:
        self._limits = limits
        self._progress = progress

    def parse(self, path: Path) -> ParsedDocument:
        with opened_package(path, self._limits) as package:
            return self._read(package)

    def _read(self, package: OfficePackage) -> ParsedDocument:
        parts = _slide_parts(package)
        if len(parts) > self._limits.max_pages:
            raise DocumentTooLarge(Note("too_many_slides", count=len(parts), most=self._limits.max_pages))
        writer = PageWriter(self._limits)
        authors = _authors(package)
        pages: list[Page] = []
        notes: list[str] = []
        for number, part in enumerate(parts, start=1):
            root = package.part(part)
            pages.append(_page(writer, package, part, root, number, authors))
            notes += _notes(root, pages[-1])
            self._progress(number, len(parts))
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        title = package.title()
        if title.lower() in ("", "powerpoint presentation", "presentación de powerpoint"):
            title = next((page.label for page in pages if page.label), "")
        return ParsedDocument(PPTX, tuple(pages), title, tuple(notes))


def _slide_parts(package: OfficePackage) -> list[str]:
    """In the order of the show; of a presentation without a list, by their numbers."""
    main = next(iter(package.related("", "officeDocument")), "ppt/presentation.xml")
    root = package.part(main)
    relations = {relation.identifier: relation for relation in package.relations(main)}
    found = []
    for element in root.iterfind("{*}sldIdLst/{*}sldId") if root is not None else ():
        relation = relations.get(_related_id(element))
        if relation is not None and relation.kind == "slide":
            found.append(relation.target)
    return found or package.numbered("ppt/slides/slide", ".xml")


def _related_id(element: etree._Element, name: str = "id") -> str:
    """The value of `r:id`, whichever of its two namespaces the file uses."""
    return next((value for key, value in element.items() if key.endswith("}" + name)), "")


def _page(
    writer: PageWriter,
    package: OfficePackage,
    part: str,
    root: etree._Element | None,
    number: int,
    authors: dict[str, str],
) -> Page:
    title = ""
    if root is not None:
        shapes = list(_shapes(root))
        title = collapse(clean(" ".join(_text(shape) for shape in shapes if _placeholder(shape) in _TITLES)))
        title = title.replace("\n", " ")
        writer.add("heading", title, 1)
        for shape in shapes:
            if _placeholder(shape) not in _TITLES:
                _write_shape(writer, package, part, shape)
    for name in package.related(part, "notesSlide"):
        _write_speaker_notes(writer, package.part(name))
    for name in package.related(part, "comments"):
        _write_comments(writer, package.part(name), authors)
    return writer.finish(number, "slide", title)


def _shapes(root: etree._Element) -> Iterator[etree._Element]:
    """Shapes and frames in order, through groups; of alternatives the first that has any."""
    todo = [child for tree in root.iterfind("{*}cSld/{*}spTree") for child in reversed(tree)]
    while todo:
        element = todo.pop()
        name = _local_name(element)
        if name in ("sp", "graphicFrame"):
            yield element
        elif name == "AlternateContent":
            todo += reversed(element.find("{*}Choice") if element.find("{*}Choice") is not None else element)
        elif name in ("grpSp", "Fallback"):
            todo += reversed(element)


def _local_name(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _placeholder(shape: etree._Element) -> str:
    """Its type; "" for a shape that is none; "body" where no type is said."""
    found = shape.find("{*}nvSpPr/{*}nvPr/{*}ph")
    return "" if found is None else found.get("type", "body")


def _paragraphs(shape: etree._Element) -> list[str]:
    return [
        _paragraph(paragraph)
        for body in shape.iterchildren("{*}txBody")
        for paragraph in body.iterchildren("{*}p")
    ]


def _paragraph(paragraph: etree._Element) -> str:
    parts = []
    for element in paragraph.iter("{*}t", "{*}br", "{*}tab"):
        parts.append({"br": "\n", "tab": " "}.get(_local_name(element)) or element.text or "")
    return "".join(parts)


def _text(shape: etree._Element) -> str:
    return "\n".join(_paragraphs(shape))


def _write_shape(writer: PageWriter, package: OfficePackage, part: str, shape: etree._Element) -> None:
    kind = _placeholder(shape)
    if kind in _FURNITURE:
        return
    if _local_name(shape) == "graphicFrame":
        _write_frame(writer, package, part, shape)
        return
    paragraphs = [paragraph for paragraph in _paragraphs(shape) if paragraph.strip()]
    is_bulleted = next(shape.iterfind("{*}txBody/{*}p/{*}pPr/{*}buChar"), None) is not None
    is_list = len(paragraphs) > 1 and (kind not in ("", "subTitle") or is_bulleted)
    for paragraph in paragraphs:
        writer.add("list_item" if is_list else "paragraph", paragraph)


def _write_frame(writer: PageWriter, package: OfficePackage, part: str, frame: etree._Element) -> None:
    """A table, a chart, or the texts of a diagram."""
    for table in frame.iter("{*}tbl"):
        _write_table(writer, table)
    for chart in frame.iter("{*}chart"):
        write_chart(writer, package.part(_target(package, part, _related_id(chart))))
    for diagram in frame.iter("{*}relIds"):
        root = package.part(_target(package, part, _related_id(diagram, "dm")))
        for point in root.iter("{*}pt") if root is not None else ():
            for paragraph in point.iterfind("{*}t/{*}p"):
                writer.add("list_item", _paragraph(paragraph))


def _target(package: OfficePackage, part: str, identifier: str) -> str:
    return next((r.target for r in package.relations(part) if r.identifier == identifier), "")


def _write_table(writer: PageWriter, table: etree._Element) -> None:
    properties = table.find("{*}tblPr")
    has_header = properties is not None and properties.get("firstRow", "0") in ("1", "true")
    rows = []
    for row in table.iterchildren("{*}tr"):
        cells = [" ".join(_text(cell).split()) for cell in row.iterchildren("{*}tc")]
        rows.append(("", " | ".join(cells) if any(cells) else ""))
    writer.add_table(rows, int(has_header))


def _write_speaker_notes(writer: PageWriter, root: etree._Element | None) -> None:
    if root is None:
        return
    for shape in _shapes(root):
        if _placeholder(shape) == "body":
            for paragraph in _paragraphs(shape):
                writer.add("paragraph", paragraph, 0, "notes")


def _authors(package: OfficePackage) -> dict[str, str]:
    """Of comments, old and new: identifier → name."""
    main = next(iter(package.related("", "officeDocument")), "ppt/presentation.xml")
    parts = [*package.related(main, "commentAuthors"), *package.related(main, "authors")]
    roots = [root for root in map(package.part, parts) if root is not None]
    return {
        element.get("id", ""): element.get("name", "")
        for root in roots
        for element in root.iter("{*}cmAuthor", "{*}author")
    }


def _write_comments(writer: PageWriter, root: etree._Element | None, authors: dict[str, str]) -> None:
    for comment in root.iter("{*}cm", "{*}reply") if root is not None else ():
        author = authors.get(comment.get("authorId", ""), "")
        text = comment.findtext("{*}text") or "\n".join(
            _paragraph(paragraph) for paragraph in comment.iterfind("{*}txBody/{*}p")
        )
        if text.strip():
            writer.add("paragraph", f"[{author}] {text}" if author else text, 0, "comment")


def _notes(root: etree._Element | None, page: Page) -> Iterator[str]:
    if root is None:
        yield Note("slide_damaged", slide=page.number)
    elif not page.text:
        yield Note("slide_without_text", slide=page.number)
    elif root.get("show") in ("0", "false"):
        yield Note("slide_hidden", slide=page.number)
