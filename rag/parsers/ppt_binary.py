"""The binary form of PowerPoint 97–2003 ([MS-PPT]): records within records, and which of them are the present slides.

Every save may append; the last edit names a directory of where the living objects stand, older ones stay as rubbish.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from rag.errors import DocumentDamaged, DocumentEncrypted
from rag.notes import Note

_HEADER = struct.Struct("<HHI")
_CONTAINER = 0xF
_ENCRYPTED_TOKEN = 0xF3D1C4DF
_USER_EDIT, _DIRECTORY = 0x0FF5, 0x1772
_SLIDE_LIST, _SLIDE_PERSIST = 0x0FF0, 0x03F3
_SLIDE, _NOTES, _SLIDE_ATOM, _NOTES_ATOM = 0x03EE, 0x03F0, 0x03EF, 0x03F1
_TEXT_HEADER, _CHARS, _BYTES = 0x0F9F, 0x0FA0, 0x0FA8
_TITLES = frozenset({0, 6})  # title, title of a title slide
_MAX_RECORDS = 1_000_000
_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Text:
    """One box of a slide; lines end with `\\r`, soft ones with `\\v`."""

    text: str
    is_title: bool = False


@dataclass(frozen=True, slots=True)
class Slide:
    """What is written on a slide, in order, and its speaker's notes."""

    texts: tuple[Text, ...]
    notes: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    kind: int
    instance: int
    content: memoryview
    is_container: bool


class BinaryPresentation:
    """data: the stream "PowerPoint Document"; current_user: the stream "Current User"."""

    def __init__(self, data: bytes, current_user: bytes) -> None:
        token, edit_at = struct.unpack_from("<II", current_user, 12)
        if token == _ENCRYPTED_TOKEN:
            raise DocumentEncrypted(Note("password_powerpoint"))
        self._data = memoryview(data)
        self._budget = _MAX_RECORDS
        self._places, self._document = self._directory(edit_at)

    def slides(self) -> Iterator[Slide]:
        """In the order they are shown."""
        lists = {r.instance: r for r in self._inside(self._object(self._document)) if r.kind == _SLIDE_LIST}
        notes = dict(self._notes(lists[2])) if 2 in lists else {}
        if 0 not in lists:
            return
        for reference, slide_id, outline in self._listed(lists[0]):
            slide = self._object(reference)
            drawn = list(self._texts(slide)) if slide else []
            yield Slide((*outline, *drawn), tuple(notes.get(slide_id, ())))

    def _directory(self, edit_at: int) -> tuple[dict[int, int], int]:
        """Object number → offset, the newest counts; and the document's number."""
        places: dict[int, int] = {}
        seen: set[int] = set()
        document = -1
        while edit_at and edit_at not in seen:
            seen.add(edit_at)
            edit = self._at(edit_at)
            if edit is None or edit.kind != _USER_EDIT:
                break
            edit_at, directory_at, number = struct.unpack_from("<III", edit.content, 8)
            document = number if document < 0 else document
            directory = self._at(directory_at)
            if directory is not None and directory.kind == _DIRECTORY:
                for key, place in self._entries(directory.content):
                    places.setdefault(key, place)
        if document < 0:
            raise DocumentDamaged(Note("directory_missing"))
        return places, document

    def _entries(self, content: memoryview) -> Iterator[tuple[int, int]]:
        at = 0
        while at + 4 <= len(content):
            (head,) = struct.unpack_from("<I", content, at)
            first, count = head & 0xFFFFF, head >> 20
            at += 4
            for number in range(count):
                self._spend()
                yield first + number, struct.unpack_from("<I", content, at + 4 * number)[0]
            at += 4 * count

    def _object(self, number: int) -> _Record | None:
        return self._at(self._places[number]) if number in self._places else None

    def _at(self, at: int) -> _Record | None:
        self._spend()
        if at + _HEADER.size > len(self._data):
            return None
        version, kind, length = _HEADER.unpack_from(self._data, at)
        content = self._data[at + _HEADER.size : at + _HEADER.size + length]
        return _Record(kind, version >> 4, content, version & 0xF == _CONTAINER)

    def _inside(self, record: _Record | None) -> Iterator[_Record]:
        if record is None:
            return
        at, content = 0, record.content
        while at + _HEADER.size <= len(content):
            self._spend()
            version, kind, length = _HEADER.unpack_from(content, at)
            at += _HEADER.size
            yield _Record(kind, version >> 4, content[at : at + length], version & 0xF == _CONTAINER)
            at += length

    def _listed(self, listing: _Record) -> Iterator[tuple[int, int, list[Text]]]:
        """(object, slide id, texts of its outline) of each entry."""
        reference, slide_id, texts, is_title = -1, 0, list[Text](), False
        for record in self._inside(listing):
            if record.kind == _SLIDE_PERSIST:
                if reference >= 0:
                    yield reference, slide_id, texts
                (reference,) = struct.unpack_from("<I", record.content)
                (slide_id,) = struct.unpack_from("<I", record.content, 12)
                texts = []
            is_title = _follow(record, is_title, texts)
        if reference >= 0:
            yield reference, slide_id, texts

    def _notes(self, listing: _Record) -> Iterator[tuple[int, list[Text]]]:
        """Slide id → the texts of its notes."""
        for reference, _, outline in self._listed(listing):
            page = self._object(reference)
            for record in self._inside(page):
                if record.kind == _NOTES_ATOM:
                    (slide_id,) = struct.unpack_from("<I", record.content)
                    yield slide_id, [*outline, *(self._texts(page) if page else ())]

    def _texts(self, record: _Record) -> Iterator[Text]:
        """Texts of all boxes below a record, depth first, without recursion."""
        stack = [self._inside(record)]
        texts: list[Text] = []
        is_title = False
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
            elif found.is_container and len(stack) < _MAX_DEPTH:
                stack.append(self._inside(found))
            else:
                is_title = _follow(found, is_title, texts)
        yield from texts

    def _spend(self) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise DocumentDamaged(Note("too_many_records"))


def _follow(record: _Record, is_title: bool, texts: list[Text]) -> bool:
    """Take a text; whether the next is a title."""
    if record.kind == _TEXT_HEADER and len(record.content) >= 4:
        return struct.unpack_from("<I", record.content)[0] in _TITLES
    if record.kind == _CHARS:
        texts.append(Text(bytes(record.content).decode("utf-16-le", "replace"), is_title))
    elif record.kind == _BYTES:
        texts.append(Text(bytes(record.content).decode("latin-1"), is_title))
    return is_title
