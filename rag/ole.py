"""Looks into an OLE container (old Office files, Outlook messages, Office files with a password) without trusting it.

Streams are read through `Container.stream`, which keeps a limit; sizes in the directory are the attacker's to choose.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import olefile

from rag.errors import DocumentDamaged, DocumentTooLarge
from rag.notes import Note

Kind = Literal["message", "document", "presentation", "workbook", "encrypted", "unknown"]

_KINDS: tuple[tuple[str, Kind], ...] = (
    ("encryptedpackage", "encrypted"),
    ("encryptedsummary", "encrypted"),
    ("__properties_version1.0", "message"),
    ("powerpoint document", "presentation"),
    ("worddocument", "document"),
    ("workbook", "workbook"),
    ("book", "workbook"),
)
_BROKEN = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error, RecursionError)

Entry = tuple[str, ...]


class Container:
    """The streams of one file, by path; names are told apart without case, as Office does."""

    def __init__(self, file: olefile.OleFileIO, limit_bytes: int) -> None:
        self._file = file
        self._room_bytes = limit_bytes
        self._entries: dict[Entry, list[str]] = {
            tuple(name.lower() for name in entry): entry
            for entry in file.listdir(streams=True, storages=True)
        }

    def __contains__(self, path: Entry) -> bool:
        return tuple(name.lower() for name in path) in self._entries

    def names(self, storage: Entry = ()) -> list[str]:
        """What lies directly in a storage, in order of the directory."""
        wanted = tuple(name.lower() for name in storage)
        depth = len(wanted)
        found = (
            entry[depth] for key, entry in self._entries.items() if key[:depth] == wanted and len(key) > depth
        )
        return list(dict.fromkeys(found))

    def stream(self, *path: str) -> bytes | None:
        """A stream's content; None where there is none, DocumentTooLarge beyond the limit of all reads together."""
        entry = self._entries.get(tuple(name.lower() for name in path))
        if entry is None:
            return None
        try:
            if self._file.get_type(entry) != olefile.STGTY_STREAM:
                return None
            size = self._file.get_size(entry)
            if size > self._room_bytes:
                raise DocumentTooLarge(Note("container_too_large"))
            content: bytes = self._file.openstream(entry).read()
        except _BROKEN as error:
            raise DocumentDamaged(Note("container_part_unreadable")) from error
        self._room_bytes -= len(content)
        return content


@contextmanager
def open_container(path: Path, limit_bytes: int) -> Iterator[Container]:
    """Open a container; DocumentDamaged where its directory cannot be read."""
    try:
        file = olefile.OleFileIO(str(path))
    except _BROKEN as error:
        raise DocumentDamaged(Note("container_unreadable")) from error
    with file:
        try:
            container = Container(file, limit_bytes)
        except _BROKEN as error:
            raise DocumentDamaged(Note("container_unreadable")) from error
        yield container


def kind(path: Path) -> Kind:
    """Which program's file it is, by the streams in its outermost storage."""
    with open_container(path, 0) as container:
        names = {name.lower() for name in container.names()}
    return next((found for name, found in _KINDS if name in names), "unknown")
