"""What a XLSX workbook says of itself beside its cells: sheets, shared texts, number formats, the first day."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from rag.errors import DocumentTooLarge
from rag.notes import Note
from rag.office.cells import string_text
from rag.office.number_formats import BUILT_IN, GENERAL, NumberFormat, number_format
from rag.office.package import OfficePackage

_SHEET_KINDS = frozenset({"worksheet", "chartsheet", "dialogsheet", "xlMacrosheet"})
_STEP = 2**18


@dataclass(frozen=True, slots=True)
class Sheet:
    """part: where its cells stand; empty for a sheet that is all chart."""

    name: str
    part: str
    is_hidden: bool


def sheets_of(package: OfficePackage, book: str, root: etree._Element) -> list[Sheet]:
    """In the order of their tabs. root: of the part `book`."""
    relations = {relation.identifier: relation for relation in package.relations(book)}
    found = []
    for element in root.iterfind("{*}sheets/{*}sheet"):
        identifier = next((value for name, value in element.items() if name.endswith("}id")), "")
        relation = relations.get(identifier)
        if relation is None or relation.kind not in _SHEET_KINDS:
            continue
        part = relation.target if relation.kind == "worksheet" and relation.target in package else ""
        found.append(Sheet(element.get("name", ""), part, element.get("state", "visible") != "visible"))
    return found


def counts_from_1904(root: etree._Element) -> bool:
    """Whether its first day is that of old Macs."""
    properties = root.find("{*}workbookPr")
    return properties is not None and properties.get("date1904", "0") in ("1", "true", "on")


def strings_of(package: OfficePackage, book: str, most: int) -> list[str]:
    """The texts that cells share, by number; DocumentTooLarge where they are more than `most`."""
    part = next(iter(package.related(book, "sharedStrings")), posixpath.dirname(book) + "/sharedStrings.xml")
    if part not in package:
        return []
    with package.opened(part) as stream:
        count = sum(content.count(b"</si>") for content in iter(lambda: stream.read(_STEP), b""))
    if count > most:
        raise DocumentTooLarge(Note("too_many_texts", count=count, most=most))
    return [string_text(element) for element in islice(package.elements(part, "{*}si"), most)]


def formats_of(package: OfficePackage, book: str) -> list[NumberFormat]:
    """By the number of a cell's style."""
    root = package.part(next(iter(package.related(book, "styles")), posixpath.dirname(book) + "/styles.xml"))
    if root is None:
        return []
    codes = {str(number): code for number, code in BUILT_IN.items()} | {
        element.get("numFmtId", ""): element.get("formatCode", "")
        for element in root.iterfind("{*}numFmts/{*}numFmt")
    }
    known = {number: number_format(code) for number, code in codes.items()}
    styles = root.iterfind("{*}cellXfs/{*}xf")
    return [known.get(style.get("numFmtId", "0"), GENERAL) for style in styles]
