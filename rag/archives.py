"""Looks into a ZIP container without trusting it: what it holds, and whether unpacking it would do harm.

Knows names, sizes and flags; reads members only through `read_member`, which stops at the limit whatever the
directory claims (the sizes in it are the attacker's to choose).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEncrypted, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note

_ENCRYPTED_FLAG = 0x1
# Forms and tables that repeat themselves compress a hundredfold without harm: the ratio is looked at above this only.
_RATIO_FROM_BYTES = 16 * 2**20
_STEP = 2**16
_DTD = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError)


def open_archive(path: Path, limits: ParsingLimits) -> zipfile.ZipFile:
    """Open a ZIP file whose directory keeps the limits; the caller closes it."""
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise DocumentDamaged(Note("zip_unreadable")) from error
    try:
        check_directory(archive, limits)
    except BaseException:
        archive.close()
        raise
    return archive


def check_directory(archive: zipfile.ZipFile, limits: ParsingLimits) -> None:
    """Count members and bytes as the directory claims them; DocumentDangerous or DocumentEncrypted."""
    members = archive.infolist()
    if len(members) > limits.max_members:
        raise DocumentDangerous(Note("archive_too_many", count=len(members), most=limits.max_members))
    if any(member.flag_bits & _ENCRYPTED_FLAG for member in members):
        raise DocumentEncrypted(Note("archive_encrypted"))
    total = sum(member.file_size for member in members)
    if total > limits.max_inflated_bytes:
        raise DocumentDangerous(Note("archive_inflates", size=total, most=limits.max_inflated_bytes))
    for member in members:
        if member.file_size > _RATIO_FROM_BYTES and member.file_size > limits.max_inflation * max(
            member.compress_size, 1
        ):
            raise DocumentDangerous(
                Note("member_packed", name=repr(member.filename[:80]), most=limits.max_inflation)
            )


def check_contents(archive: zipfile.ZipFile, limits: ParsingLimits) -> None:
    """Unpack every member once, counting: the true sizes, and no DTD or entity in any XML part."""
    budget = limits.max_inflated_bytes
    for member in archive.infolist():
        is_xml = member.filename.lower().endswith((".xml", ".rels"))
        if is_xml:
            content = read_member(archive, member.filename, budget)
            _refuse_dtd(member.filename, content)
            budget -= len(content)
        else:
            budget -= _inflated_size(archive, member, budget)


def read_member(archive: zipfile.ZipFile, member: str | zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """The content of one member; DocumentTooLarge beyond the limit, whatever its directory entry says."""
    name = member if isinstance(member, str) else member.filename
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(member) as stream:
            while part := stream.read(_STEP):
                size += len(part)
                if size > limit_bytes:
                    raise DocumentTooLarge(Note("member_too_large", name=repr(name[:80]), most=limit_bytes))
                parts.append(part)
    except (*_BROKEN, KeyError) as error:
        raise DocumentDamaged(Note("member_broken", name=repr(name[:80]))) from error
    return b"".join(parts)


def _inflated_size(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit_bytes: int) -> int:
    size = 0
    try:
        with archive.open(member) as stream:
            while part := stream.read(_STEP):
                size += len(part)
                if size > limit_bytes:
                    raise DocumentDangerous(Note("member_lies", name=repr(member.filename[:80])))
    except _BROKEN:
        return size  # A broken picture does not make the text unreadable.
    return size


def _refuse_dtd(name: str, content: bytes) -> None:
    head = content.replace(b"\0", b"")  # UTF-16 hides the word from a search for bytes
    if _DTD.search(head):
        raise DocumentDangerous(Note("member_entities", name=repr(name[:80])))
