"""ZIP as a folder: its files become documents of their own, under names that can harm nobody.

One level is unpacked here; an archive inside of it is a child, unpacked in its turn by whoever reads it. What lies
deeper is only looked at, so that a bomb is refused as a whole before any of it is kept.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rag.archives import check_directory, open_archive, read_member
from rag.decoding import decode
from rag.documents import Child, ParsedDocument
from rag.errors import (
    DocumentDamaged,
    DocumentDangerous,
    DocumentEmpty,
    DocumentRefused,
    DocumentTooLarge,
)
from rag.limits import ParsingLimits
from rag.media_types import ZIP, kind_of_archive
from rag.member_names import DistinctNames
from rag.notes import Note

_UTF8_NAME_FLAG = 0x800
_ZIP_START = (b"PK\x03\x04", b"PK\x05\x06")
_JUNK_FOLDERS = frozenset({"__MACOSX", ".git", ".svn"})
_JUNK_NAMES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


class ZipParser:
    """Unpacks one level of an archive; it has no pages of its own."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        with open_archive(path, self._limits) as archive:
            wanted, notes = _wanted(archive)
            if len(wanted) > self._limits.max_children:
                most = self._limits.max_children
                raise DocumentTooLarge(Note("too_many_inside", count=len(wanted), most=most))
            children, broken = self._unpacked(archive, wanted)
        if broken:
            notes.append(Note("members_broken", count=broken))
        if not children:
            if broken:
                raise DocumentDamaged(Note("archive_broken"))
            raise DocumentEmpty(Note("archive_empty"))
        return ParsedDocument(ZIP, (), "", tuple(notes), tuple(children))

    def _unpacked(self, archive: zipfile.ZipFile, wanted: list[zipfile.ZipInfo]) -> tuple[list[Child], int]:
        """The files, and how many of them are broken."""
        names = DistinctNames()
        nested = _NestedArchives(self._limits)
        children: list[Child] = []
        room = self._limits.max_children_bytes
        broken = 0
        for member in wanted:
            try:
                content = read_member(archive, member, room)
            except DocumentDamaged:
                broken += 1
                continue
            except DocumentTooLarge as error:
                most = self._limits.max_children_bytes
                raise DocumentTooLarge(Note("archive_too_large", most=most)) from error
            room -= len(content)
            nested.check(content, depth=1)
            children.append(Child(names.take(_name(member)), content))
        return children, broken


def _wanted(archive: zipfile.ZipFile) -> tuple[list[zipfile.ZipInfo], list[str]]:
    """Regular files that a person put there; a note where links were left out."""
    wanted, links = [], 0
    for member in archive.infolist():
        if member.is_dir() or _is_junk(member.filename):
            continue
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            links += 1
            continue
        wanted.append(member)
    return wanted, [Note("members_no_files", count=links)] if links else []


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and (
        not _JUNK_FOLDERS.isdisjoint(parts) or parts[-1] in _JUNK_NAMES or parts[-1].startswith(("._", "~$"))
    )


def _name(member: zipfile.ZipInfo) -> str:
    """zipfile reads names without the UTF-8 flag as code page 437; most programs write UTF-8 or their own code page."""
    if member.flag_bits & _UTF8_NAME_FLAG or member.filename.isascii():
        return member.filename
    try:
        return decode(member.filename.encode("cp437")).text
    except UnicodeEncodeError:
        return member.filename


class _NestedArchives:
    """Adds up what the archives within an archive claim to hold, without keeping any of it.

    Raises DocumentDangerous when they lie too deep or would unpack to more than is allowed.
    """

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits
        self._claimed_bytes = 0
        self._read_bytes = 0
        self._members = 0

    def check(self, content: bytes, depth: int) -> None:
        """Look into a member's content, if it is an archive, that lies so deep."""
        if not content.startswith(_ZIP_START):
            return
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                check_directory(archive, self._limits)
                self._descend(archive, depth)
        except DocumentDangerous:
            raise
        except DocumentTooLarge as error:
            raise DocumentDangerous(Note("archive_lies")) from error
        except (DocumentRefused, zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
            return  # its own reading will say what is wrong with it

    def _descend(self, archive: zipfile.ZipFile, depth: int) -> None:
        if kind_of_archive(archive, self._limits) != ZIP:  # a packed document, which is read as one
            return
        members = archive.infolist()
        if depth >= self._limits.max_nesting:
            raise DocumentDangerous(Note("archive_nested", most=self._limits.max_nesting))
        self._members += len(members)
        self._claimed_bytes += sum(member.file_size for member in members)
        if self._claimed_bytes > self._limits.max_inflated_bytes or self._members > self._limits.max_members:
            raise DocumentDangerous(Note("archive_claims", size=self._claimed_bytes, count=self._members))
        for content in self._inner_archives(archive, members):
            self.check(content, depth + 1)

    def _inner_archives(self, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Iterator[bytes]:
        for member in members:
            with archive.open(member) as stream:
                if not stream.read(4).startswith(_ZIP_START):
                    continue
            content = read_member(archive, member, self._limits.max_inflated_bytes - self._read_bytes)
            self._read_bytes += len(content)
            yield content
