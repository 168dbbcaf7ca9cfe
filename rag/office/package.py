"""The container of XLSX and PPTX (Open Packaging Conventions): parts, and relationships between them.

A part is read only from within the package: relationships to other places are not listed at all. XML is parsed without
entities, DTDs or network; what is broken in a part is repaired as far as libxml2 can.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from lxml import etree

from rag.archives import check_contents, open_archive, read_member
from rag.errors import DocumentDamaged
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.tidy_text import clean, collapse

_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
# No part but sheets, which are streamed, is larger in files that people made.
_LARGEST_PART_BYTES = 64 * 2**20
_SAFE = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "recover": True,
    "remove_comments": True,
    "remove_pis": True,
}


@dataclass(frozen=True, slots=True)
class Relation:
    """kind: the last word of its type ("slide", "sharedStrings"). target: the name of a part."""

    identifier: str
    kind: str
    target: str


class OfficePackage:
    """An opened package. Part names have no leading slash."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {name.lower(): name for name in archive.namelist()}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def part(self, name: str) -> etree._Element | None:
        """The root of an XML part; None where it is missing or has nothing that can be read."""
        if name not in self:
            return None
        content = read_member(self._archive, self._names[name.lower()], _LARGEST_PART_BYTES)
        parser = etree.XMLParser(**_SAFE)
        try:
            return etree.fromstring(content, parser)
        except etree.XMLSyntaxError:
            return None

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """A part as a stream. DocumentDamaged where it is missing."""
        if name not in self:
            raise DocumentDamaged(Note("part_missing", name=repr(name[:80])))
        with self._archive.open(self._names[name.lower()]) as stream:
            yield stream

    def elements(self, name: str, *tags: str) -> Iterator[etree._Element]:
        """Elements of these tags as the part is read, in order of their ends; each is emptied before the next.

        For parts too large to hold; memory stays that of one element.
        """
        with self.opened(name) as stream:
            steps = etree.iterparse(stream, tag=tags, **_SAFE)
            for _, element in steps:
                yield element
                element.clear()
                parent = element.getparent()
                while parent is not None and parent[0] is not element:
                    del parent[0]

    def relations(self, name: str = "") -> list[Relation]:
        """Those of a part, or of the package itself, that lead to other parts of it."""
        folder, base = posixpath.split(name)
        root = self.part(posixpath.join(folder, "_rels", f"{base}.rels"))
        if root is None:
            return []
        found = []
        for element in root.iter(_RELATIONSHIP):
            if element.get("TargetMode", "").lower() == "external":
                continue
            target = posixpath.normpath(posixpath.join("/", folder, unquote(element.get("Target", ""))))
            kind = element.get("Type", "").rstrip("/").rpartition("/")[2]
            found.append(Relation(element.get("Id", ""), kind, target.lstrip("/")))
        return found

    def related(self, name: str, kind: str) -> list[str]:
        """The parts that a part leads to by this kind of relationship."""
        return [relation.target for relation in self.relations(name) if relation.kind == kind]

    def numbered(self, prefix: str, suffix: str) -> list[str]:
        """Parts whose names are a number between the two, in its order."""
        found = {
            name[len(prefix) : -len(suffix)]: name for name in self._names.values() if name.startswith(prefix)
        }
        return [found[number] for number in sorted(filter(str.isdecimal, found), key=int)]

    def title(self) -> str:
        """What the document calls itself in its properties; often nothing."""
        for name in self.related("", "core-properties"):
            root = self.part(name)
            found = root.findtext("{http://purl.org/dc/elements/1.1/}title") if root is not None else ""
            return collapse(clean(found or ""))
        return ""


@contextmanager
def opened_package(path: Path, limits: ParsingLimits) -> Iterator[OfficePackage]:
    """A package whose members keep the limits and declare no entities. DocumentDamaged where its XML cannot be read."""
    with open_archive(path, limits) as archive:
        check_contents(archive, limits)
        try:
            yield OfficePackage(archive)
        except (etree.LxmlError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DocumentDamaged(Note("parts_mismatch")) from error
