"""OpenDocument (ODF 1.3, ISO 26300): the container and the text of its paragraphs, for ODT, ODS and ODP.

XML is parsed without entities, DTDs or network; nothing outside of the file is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from rag.archives import check_contents, open_archive, read_member
from rag.errors import DocumentDamaged, DocumentEncrypted
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.tidy_text import clean, collapse

_URN = "urn:oasis:names:tc:opendocument:xmlns:"
_LONG_PREFIXES = {"draw": "drawing", "svg": "svg-compatible"}
_MAX_BLANKS = 100


def name(prefix: str, local: str) -> str:
    """A qualified name: `name("text", "p")`."""
    return f"{{{_URN}{_LONG_PREFIXES.get(prefix, prefix)}:1.0}}{local}"


TEXT_P, TEXT_H, TEXT_LIST, TEXT_ITEM = (name("text", tag) for tag in ("p", "h", "list", "list-item"))
TABLE, TABLE_ROW, TABLE_CELL = (name("table", tag) for tag in ("table", "table-row", "table-cell"))
COVERED_CELL, NOTE, NOTE_BODY = (
    name("table", "covered-table-cell"),
    name("text", "note"),
    name("text", "note-body"),
)
ANNOTATION, TEXT_BOX = name("office", "annotation"), name("draw", "text-box")
_ENCRYPTION = name("manifest", "encryption-data")
_BLANKS, _TAB, _BREAK = name("text", "s"), name("text", "tab"), name("text", "line-break")
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_DATE = "{http://purl.org/dc/elements/1.1/}date"
_UNSEEN = frozenset(
    {
        name("text", "tracked-changes"),
        name("text", "ruby-text"),
        name("text", "note-citation"),
        CREATOR,
        _DATE,
    }
    | {name("office", "forms"), name("text", "sequence-decls"), name("svg", "title"), name("svg", "desc")}
)


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """body: the office:text, office:spreadsheet or office:presentation element. margins: headers, then footers."""

    body: etree._Element
    title: str = ""
    margins: tuple[str, ...] = ()


def read(path: Path, limits: ParsingLimits, kind: str) -> OpenDocument:
    """kind: "text", "spreadsheet" or "presentation". Raises DocumentEncrypted, DocumentDamaged, DocumentDangerous."""
    with open_archive(path, limits) as archive:
        check_contents(archive, limits)
        names = set(archive.namelist())

        def part(member: str) -> etree._Element | None:
            return _root(read_member(archive, member, limits.max_inflated_bytes)) if member in names else None

        manifest = part("META-INF/manifest.xml")
        if manifest is not None and next(manifest.iter(_ENCRYPTION), None) is not None:
            raise DocumentEncrypted(Note("password_opendocument"))
        content, meta, styles = part("content.xml"), part("meta.xml"), part("styles.xml")
    body = content.find(f"{name('office', 'body')}/{name('office', kind)}") if content is not None else None
    if body is None:
        raise DocumentDamaged(Note("content_missing"))
    title = next(meta.iter(_TITLE), None) if meta is not None else None
    return OpenDocument(
        body, line("".join(title.itertext())) if title is not None else "", tuple(_margins(styles))
    )


def _root(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise DocumentDamaged(Note("xml_unreadable")) from error


def _margins(styles: etree._Element | None) -> Iterator[str]:
    if styles is None:
        return
    for element in styles.iter(name("style", "header"), name("style", "footer")):
        text = line(" ".join(paragraph_text(p)[0] for p in element.iter(TEXT_P, TEXT_H)))
        if text and not text.isdigit():
            yield text


def line(text: str) -> str:
    """Text in one clean line."""
    return collapse(clean(text)).replace("\n", " ")


def paragraph_text(paragraph: etree._Element) -> tuple[str, list[etree._Element]]:
    """What is seen of a paragraph, and what hangs on it: notes, comments and text boxes."""
    parts: list[str] = []
    hanging: list[etree._Element] = []
    todo: list[etree._Element | str] = [paragraph]
    while todo:
        step = todo.pop()
        if isinstance(step, str):
            parts.append(step)
            continue
        if step is not paragraph:
            if step.tail:
                todo.append(step.tail)
            if step.tag in (NOTE, ANNOTATION, TEXT_BOX):
                hanging.append(step)
                continue
        if not isinstance(step.tag, str) or step.tag in _UNSEEN:
            continue
        if step.tag == _BLANKS:
            count = step.get(name("text", "c"), "1")
            parts.append(" " * (min(int(count), _MAX_BLANKS) if count.isdecimal() else 1))
        elif step.tag == _TAB:
            parts.append(" ")
        elif step.tag == _BREAK:
            parts.append("\n")
        else:
            todo.extend(reversed(step))
            if step.text:
                todo.append(step.text)
    return "".join(parts), hanging
