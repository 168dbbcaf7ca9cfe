"""What people wrote beside the cells of an XLSX sheet: notes, and the threads of comments of later versions.

Part of `rag.parsers.xlsx`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from rag.office.cells import string_text
from rag.office.package import OfficePackage

_CELL = re.compile(r"[A-Z]{1,3}\d{1,7}\Z")


@dataclass(frozen=True, slots=True)
class CellComment:
    """cell: "B7". text: with its author in brackets."""

    cell: str
    text: str


def comments_of(package: OfficePackage, sheet: str) -> Iterator[CellComment]:
    """Threads first; a note that only stands in for a thread, for older versions, is left out."""
    threaded: set[str] = set()
    people = _people(package)
    for part in package.related(sheet, "threadedComment"):
        for element in _elements(package, part, "{*}threadedComment"):
            text = element.findtext("{*}text") or ""
            author = people.get(element.get("personId", ""), "")
            threaded.add(element.get("ref", ""))
            yield from _comment(element, author, text)
    for part in package.related(sheet, "comments"):
        authors = [author.text or "" for author in _elements(package, part, "{*}author")]
        for element in _elements(package, part, "{*}comment"):
            text = element.find("{*}text")
            number = element.get("authorId", "")
            author = authors[int(number)] if number.isdecimal() and int(number) < len(authors) else ""
            if text is not None and element.get("ref", "") not in threaded:
                yield from _comment(element, author, string_text(text))


def _comment(element: etree._Element, author: str, text: str) -> Iterator[CellComment]:
    cell = element.get("ref", "")
    # Excel itself begins a note with its author's name on a line of its own.
    text = text.removeprefix(f"{author}:").strip() if author else text.strip()
    if text:
        yield CellComment(cell if _CELL.match(cell) else "", f"[{author}] {text}" if author else text)


def _people(package: OfficePackage) -> dict[str, str]:
    book = next(iter(package.related("", "officeDocument")), "xl/workbook.xml")
    return {
        element.get("id", ""): element.get("displayName", "")
        for part in package.related(book, "person")
        for element in _elements(package, part, "{*}person")
    }


def _elements(package: OfficePackage, part: str, tag: str) -> Iterator[etree._Element]:
    root = package.part(part)
    return iter(()) if root is None else root.iter(tag)
