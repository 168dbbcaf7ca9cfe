"""What a parsing child says to its caller: length-prefixed frames of JSON and packed numbers, no pickle.

The child may be in a stranger's hands: the reader trusts no length, no type and no span, and reads nothing that takes
much more memory as objects than as bytes. A result is

    length of the head · head in JSON: [media type, title, notes, pages, children], of a page [number, unit, label,
    bytes of text, blocks, anchors], of a child [name, bytes] · all blocks, ten bytes each · all anchors, twenty bytes
    each · their references · all texts in UTF-8 · the children
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import get_args

import orjson

from rag import errors, notes
from rag.documents import Anchor, Block, BlockKind, Child, Page, ParsedDocument, Unit
from rag.errors import DocumentDamaged, DocumentRefused, DocumentTooLarge
from rag.notes import Note

HEADER = struct.Struct("!cI")
PROGRESS, RESULT, REFUSAL = b"P", b"R", b"E"
MORE_TIME = b"T"  # a page is about to be recognised, which takes longer than reading one
_HEAD_LENGTH = struct.Struct("!I")
_BLOCK = struct.Struct("!BBII")  # kind, level, start, end
_ANCHOR = struct.Struct("!IIHHHHHH")  # start, end, box, bytes of reference, whether there is a box
_SHARE = 65_535  # a box's coordinates, 0 to 1
_UNITS: tuple[Unit, ...] = get_args(Unit)
_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
MAX_JSON_BYTES = 2**16  # of progress and refusals
_MAX_HEAD_BYTES = 2**20
_MAX_BLOCKS = 10**6
_MAX_CHILDREN = 10_000
_MAX_REF = 64
_MAX_TEXT = 1_000


def frame(kind: bytes, content: object) -> bytes:
    """One message: kind, length, JSON."""
    body = orjson.dumps(content)
    return HEADER.pack(kind, len(body)) + body


def encode_document(document: ParsedDocument) -> bytes:
    """A result frame. DocumentTooLarge beyond a million blocks or anchors, or a megabyte of page numbers and notes."""
    texts = [page.text.encode() for page in document.pages]
    pages = [
        [page.number, page.unit, page.label[:_MAX_TEXT], len(text), len(page.blocks), len(page.anchors)]
        for page, text in zip(document.pages, texts, strict=True)
    ]
    children = [[child.name[:_MAX_TEXT], len(child.content)] for child in document.children]
    told = [notes.as_json(note) for note in document.notes]
    head = orjson.dumps([document.media_type, document.title[:_MAX_TEXT], told, pages, children])
    blocks = [
        _BLOCK.pack(_KINDS.index(block.kind), block.level, block.start, block.end)
        for page in document.pages
        for block in page.blocks
    ]
    anchors = [anchor for page in document.pages for anchor in page.anchors]
    refs = [anchor.ref.encode()[:_MAX_REF].decode(errors="ignore").encode() for anchor in anchors]
    if len(head) > _MAX_HEAD_BYTES or max(len(blocks), len(anchors)) > _MAX_BLOCKS:
        raise DocumentTooLarge(Note("too_much_to_keep"))
    packed = [_packed_anchor(anchor, len(ref)) for anchor, ref in zip(anchors, refs, strict=True)]
    contents = [child.content for child in document.children]
    body = b"".join([_HEAD_LENGTH.pack(len(head)), head, *blocks, *packed, *refs, *texts, *contents])
    return HEADER.pack(RESULT, len(body)) + body


def _packed_anchor(anchor: Anchor, ref_bytes: int) -> bytes:
    shares = [min(max(round(share * _SHARE), 0), _SHARE) for share in anchor.box or (0, 0, 0, 0)]
    return _ANCHOR.pack(anchor.start, anchor.end, *shares, ref_bytes, anchor.box is not None)


def decode_document(body: bytes) -> ParsedDocument:
    """The document of a result frame's body. DocumentDamaged where it breaks the promises of `rag.documents`."""
    try:
        return _document(memoryview(body))
    except (ValueError, struct.error) as error:  # broken JSON and UTF-8 among them
        raise DocumentDamaged(Note("parser_result_broken")) from error


class _Cursor:
    """Reads one part of the body after another; what is not there is a ValueError."""

    def __init__(self, body: memoryview, at: int = 0) -> None:
        self._body = body
        self._at = at

    def take(self, size: object) -> memoryview:
        end = self._at + _whole(size, 0, len(self._body) - self._at)
        part, self._at = self._body[self._at : end], end
        return part

    def text(self, size: object) -> str:
        return str(self.take(size), "utf-8")

    def demand_end(self) -> None:
        if self._at != len(self._body):
            raise ValueError("length")


def _document(body: memoryview) -> ParsedDocument:
    (head_length,) = _HEAD_LENGTH.unpack_from(body)
    cursor = _Cursor(body, _HEAD_LENGTH.size)
    head = orjson.loads(cursor.take(_whole(head_length, 0, _MAX_HEAD_BYTES)))
    media_type, title, told, listed, children = _list(head, 5)
    pages = [_list(page, 6) for page in _list(listed)]
    blocks = [cursor.take(_BLOCK.size * _whole(page[4], 0, _MAX_BLOCKS)) for page in pages]
    packed = [cursor.take(_ANCHOR.size * _whole(page[5], 0, _MAX_BLOCKS)) for page in pages]
    anchors = [list(_anchors(part, cursor)) for part in packed]
    read = [
        _page(page, cursor.text(page[3]), blocks_of, anchors_of)
        for page, blocks_of, anchors_of in zip(pages, blocks, anchors, strict=True)
    ]
    named = [_list(child, 2) for child in _list(children)]
    if len(named) > _MAX_CHILDREN:
        raise ValueError("children")
    inside = tuple(Child(_text(name)[:_MAX_TEXT], bytes(cursor.take(size))) for name, size in named)
    cursor.demand_end()
    return ParsedDocument(
        _text(media_type),
        tuple(read),
        _text(title)[:_MAX_TEXT],
        tuple(_note(note) for note in _list(told)),
        inside,
    )


def _page(told: list[object], text: str, blocks: memoryview, anchors: list[Anchor]) -> Page:
    number, unit, label = told[:3]
    reached = 0
    for anchor in anchors:
        if not reached <= anchor.start <= anchor.end <= len(text):
            raise ValueError("anchor")
        reached = anchor.end
    return Page(
        None if number is None else _whole(number, 1, 2**31),
        text,
        tuple(_blocks(blocks, len(text))),
        _UNITS[_UNITS.index(unit)],
        _text(label)[:_MAX_TEXT],
        tuple(anchors),
    )


def _anchors(packed: memoryview, refs: _Cursor) -> Iterator[Anchor]:
    for start, end, left, top, right, bottom, ref_bytes, has_box in _ANCHOR.iter_unpack(packed):
        box = (left / _SHARE, top / _SHARE, right / _SHARE, bottom / _SHARE) if has_box else None
        yield Anchor(start, end, refs.text(_whole(ref_bytes, 0, _MAX_REF)), box)


def _blocks(packed: memoryview, length: int) -> Iterator[Block]:
    """Blocks lie one behind the other, within the text."""
    reached = 0
    for kind, level, start, end in _BLOCK.iter_unpack(packed):
        if not (kind < len(_KINDS) and level <= 6 and reached <= start <= end <= length):
            raise ValueError("block")
        reached = end
        yield Block(_KINDS[kind], start, end, level)


def _note(value: object) -> str:
    note = notes.from_json(value)
    return note if isinstance(note, notes.Note) else note[:_MAX_TEXT]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def _list(value: object, length: int | None = None) -> list[object]:
    if not isinstance(value, list) or length not in (None, len(value)):
        raise ValueError("list")
    return value


def _whole(value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError("number")
    return value


def encode_refusal(refusal: DocumentRefused) -> bytes:
    """A refusal frame."""
    detail: object = notes.as_json(refusal.detail)
    if isinstance(detail, str):
        detail = detail[:_MAX_TEXT].encode("utf-8", "replace").decode()
    return frame(REFUSAL, [refusal.code, detail])


def decode_refusal(body: bytes) -> DocumentRefused:
    """The refusal of a frame's body, as the class it was raised as."""
    try:
        code, detail = _list(orjson.loads(body), 2)
        return _refusals()[_text(code)](_note(detail))
    except (ValueError, KeyError):
        return DocumentDamaged(Note("parser_result_broken"))


def _refusals() -> dict[str, type[DocumentRefused]]:
    found = (value for value in vars(errors).values() if isinstance(value, type))
    return {value.code: value for value in found if issubclass(value, DocumentRefused)}
