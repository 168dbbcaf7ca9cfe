"""The binary form of Word 97–2003 ([MS-DOC]): where its characters lie, and what is said of paragraphs and runs.

A document is a row of pieces of the WordDocument stream. Properties stand in pages of 512 bytes (FKPs), by offset into
that stream: of a paragraph its style and flags, of a run whether it is hidden. Styles 1 to 9 are the headings.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from rag.errors import DocumentDamaged, DocumentEncrypted, UnsupportedFormat
from rag.notes import Note

_MAGIC = 0xA5EC
_WORD_97 = 0x00C1
_ENCRYPTED, _SECOND_TABLE = 0x0100, 0x0200
_FIRST_PAIR_AT = 0x9A  # FibRgFcLcb97: pairs of offset and length, both in the table stream
_PLC_CHPX, _PLC_PAPX, _CLX = 12, 13, 33
_TEXT_LENGTHS_AT = (
    0x4C  # main text, footnotes, headers, macros, comments, endnotes, text boxes, header text boxes
)
_PAGE = 512
_IN_TABLE, _ROW_END, _LIST, _OUTLINE = 0x2416, 0x2417, 0x460B, 0x2640
_VANISHED, _DELETED = 0x083C, 0x0800
_OPERAND_BYTES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
_TABLE_DEFINITION = 0xD608  # the one operand whose length takes two bytes
_MAX_PIECES = 50_000
_MAX_COMPARISONS = 20_000_000  # pieces times hidden runs; seconds at most


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters from `start` on, one or two bytes each, from `at` on in the WordDocument stream."""

    start: int
    end: int
    at: int
    width: int


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """level: 1 to 6 for headings, else 0."""

    level: int = 0
    in_table: bool = False
    ends_row: bool = False
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A run of the document's characters: body, footnotes, headers … in the order of the format."""

    name: str
    start: int
    end: int


PARTS = ("body", "footnotes", "headers", "macros", "comments", "endnotes", "boxes", "header boxes")


class BinaryDocument:
    """word: the WordDocument stream; tables: the streams "0Table" and "1Table", empty where absent."""

    def __init__(self, word: bytes, tables: tuple[bytes, bytes]) -> None:
        magic, version = struct.unpack_from("<HH", word)
        (flags,) = struct.unpack_from("<H", word, 0x0A)
        if flags & _ENCRYPTED:
            raise DocumentEncrypted(Note("password_word"))
        if magic != _MAGIC or version < _WORD_97:
            raise UnsupportedFormat(Note("word_too_old"))
        self._word = word
        self._table = tables[bool(flags & _SECOND_TABLE)]
        lengths = struct.unpack_from("<8i", word, _TEXT_LENGTHS_AT)
        self._pieces = list(self._read_pieces())
        self.parts = list(self._read_parts(lengths))
        self._paragraphs = self._properties(_PLC_PAPX)
        self._runs = self._properties(_PLC_CHPX)

    def text(self, part: Part) -> str:
        """All characters of a part, marks and hidden ones included."""
        return "".join(
            self._characters(piece, max(piece.start, part.start), min(piece.end, part.end))
            for piece in self._pieces
            if piece.start < part.end and part.start < piece.end
        )

    def paragraph(self, position: int) -> ParagraphStyle:
        """Of the paragraph whose mark stands there."""
        found = self._property(self._paragraphs, position)
        if len(found) < 2:
            return ParagraphStyle()
        (style,) = struct.unpack_from("<H", found)
        said = dict(_changes(found[2:]))
        outline = said.get(_OUTLINE, 9)
        level = style if 1 <= style <= 9 else outline + 1 if outline < 6 else 0
        return ParagraphStyle(
            min(level, 6), bool(said.get(_IN_TABLE)), bool(said.get(_ROW_END)), bool(said.get(_LIST))
        )

    def hidden(self, part: Part) -> Iterator[tuple[int, int]]:
        """Spans of a part, from its own beginning, that are hidden or deleted under review."""
        concealed = [
            (start, end)
            for start, end, said in self._runs
            if any(key in (_VANISHED, _DELETED) and value == 1 for key, value in _changes(said))
        ]
        if len(self._pieces) * len(concealed) > _MAX_COMPARISONS:
            raise DocumentDamaged(Note("too_many_pieces"))
        for piece in self._pieces if concealed else ():
            length = (piece.end - piece.start) * piece.width
            for start, end in concealed:
                first, last = max(start - piece.at, 0), min(end - piece.at, length)
                begin = max(piece.start + first // piece.width, part.start)
                stop = min(piece.start + last // piece.width, part.end)
                if first < last and begin < stop:
                    yield begin - part.start, stop - part.start

    def _read_parts(self, lengths: tuple[int, ...]) -> Iterator[Part]:
        start, known = 0, self._pieces[-1].end if self._pieces else 0
        for name, length in zip(PARTS, lengths, strict=True):
            end = min(start + max(length, 0), known)
            if end > start:
                yield Part(name, start, end)
            start = end

    def _structure(self, index: int) -> bytes:
        at, length = struct.unpack_from("<II", self._word, _FIRST_PAIR_AT + 8 * index)
        return self._table[at : at + length]

    def _read_pieces(self) -> Iterator[Piece]:
        clx, at = self._structure(_CLX), 0
        while clx[at : at + 1] == b"\x01":
            at += 3 + int(struct.unpack_from("<H", clx, at + 1)[0])
        if clx[at : at + 1] != b"\x02":
            raise DocumentDamaged(Note("pieces_missing"))
        table = clx[at + 5 :]
        count = (min(len(table), struct.unpack_from("<I", clx, at + 1)[0]) - 4) // 12
        if not 0 < count <= _MAX_PIECES:
            raise DocumentDamaged(Note("pieces_broken"))
        positions = struct.unpack_from(f"<{count + 1}I", table)
        reached, room_bytes = 0, len(self._word)  # pieces do not overlap
        for number in range(count):
            (where,) = struct.unpack_from("<I", table, 4 * (count + 1) + 8 * number + 2)
            width = 1 if where & 0x40000000 else 2
            at = (where & 0x3FFFFFFF) // (2 if width == 1 else 1)
            start, end = positions[number], positions[number + 1]
            room_bytes -= (end - start) * width
            if start != reached or end < start or room_bytes < 0:
                raise DocumentDamaged(Note("pieces_broken"))
            reached = end
            yield Piece(start, end, at, width)

    def _characters(self, piece: Piece, start: int, end: int) -> str:
        at = piece.at + (start - piece.start) * piece.width
        data = self._word[at : at + (end - start) * piece.width]
        return data.decode("cp1252" if piece.width == 1 else "utf-16-le", "replace").ljust(end - start, "\0")[
            : end - start
        ]

    def _property(self, properties: list[tuple[int, int, bytes]], position: int) -> bytes:
        piece = self._pieces[max(bisect_right(self._pieces, position, key=lambda piece: piece.start) - 1, 0)]
        at = piece.at + (position - piece.start) * piece.width
        index = bisect_right(properties, at, key=lambda each: each[0]) - 1
        return properties[index][2] if index >= 0 and at < properties[index][1] else b""

    def _properties(self, index: int) -> list[tuple[int, int, bytes]]:
        """(from, to, properties) of paragraphs or runs, by offset into the WordDocument stream."""
        plc = self._structure(index)
        count = (len(plc) - 4) // 8
        found: list[tuple[int, int, bytes]] = []
        for number in range(max(count, 0)):
            (page,) = struct.unpack_from("<I", plc, 4 * (count + 1) + 4 * number)
            content = self._word[(page & 0x3FFFFF) * _PAGE :][:_PAGE]
            if len(content) == _PAGE:
                found += _page_of_properties(content, paragraphs=index == _PLC_PAPX)
        return sorted(found, key=lambda each: each[0])


def _page_of_properties(page: bytes, *, paragraphs: bool) -> Iterator[tuple[int, int, bytes]]:
    count = page[_PAGE - 1]
    entry_bytes = 13 if paragraphs else 1
    if 4 * (count + 1) + entry_bytes * count >= _PAGE:
        return
    limits = struct.unpack_from(f"<{count + 1}I", page)
    for number in range(count):
        at = 2 * page[4 * (count + 1) + entry_bytes * number]
        size = page[at] if at else 0
        if not at:
            said = b""
        elif not paragraphs:
            said = page[at + 1 : at + 1 + size]
        elif size:
            said = page[at + 1 : at + 2 * size]
        else:
            said = page[at + 2 : at + 2 + 2 * page[at + 1]] if at + 1 < _PAGE else b""
        yield limits[number], limits[number + 1], said


def _changes(grpprl: bytes) -> Iterator[tuple[int, int]]:
    """(what, value) of single property modifiers; the value of long operands is 0."""
    at = 0
    while at + 2 < len(grpprl):
        (code,) = struct.unpack_from("<H", grpprl, at)
        at += 2
        if code == _TABLE_DEFINITION:
            size = int.from_bytes(grpprl[at : at + 2], "little") + 1
        elif (kind := code >> 13) == 6:
            size = grpprl[at] + 1
        else:
            size = _OPERAND_BYTES[kind]
        yield code, int.from_bytes(grpprl[at : at + size], "little") if size <= 4 else 0
        at += size
