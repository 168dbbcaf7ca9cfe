"""What a parsing child says to its caller: length-prefixed JSON frames, no pickle.

The child may be in a stranger's hands: the reader trusts no length, no type and no span.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import cast, get_args

import orjson

from rag import errors
from rag.documents import Block, BlockKind, Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentRefused

HEADER = struct.Struct("!cI")
PROGRESS, RESULT, REFUSAL = b"P", b"R", b"E"
_KINDS = frozenset(get_args(BlockKind))
_MAX_TEXT = 1_000


def frame(kind: bytes, content: object) -> bytes:
    """One message: kind, length, JSON."""
    body = orjson.dumps(content)
    return HEADER.pack(kind, len(body)) + body


def encode_document(document: ParsedDocument) -> bytes:
    """A result frame."""
    pages = [
        [page.number, page.text, [[block.kind, block.start, block.end, block.level] for block in page.blocks]]
        for page in document.pages
    ]
    return frame(RESULT, [document.media_type, document.title, list(document.notes), pages])


def decode_document(body: bytes) -> ParsedDocument:
    """The document of a result frame's body. DocumentDamaged where it breaks the promises of `rag.documents`."""
    try:
        media_type, title, notes, pages = _list(orjson.loads(body), 4)
        return ParsedDocument(
            _text(media_type),
            tuple(_page(page) for page in _list(pages)),
            _text(title)[:_MAX_TEXT],
            tuple(_text(note)[:_MAX_TEXT] for note in _list(notes)),
        )
    except ValueError as error:  # broken JSON among them
        raise DocumentDamaged("Its parser gave a broken result.") from error


def _page(raw: object) -> Page:
    number, text, blocks = _list(raw, 3)
    page_number = None if number is None else _whole(number, 1, 2**31)
    page_text = _text(text)
    return Page(page_number, page_text, tuple(_blocks(_list(blocks), len(page_text))))


def _blocks(blocks: list[object], length: int) -> Iterator[Block]:
    """Blocks lie one behind the other, within the text."""
    reached = 0
    for block in blocks:
        kind, start, end, level = _list(block, 4)
        if kind not in _KINDS:
            raise ValueError("kind")
        block_start = _whole(start, reached, length)
        reached = _whole(end, block_start, length)
        yield Block(cast(BlockKind, kind), block_start, reached, _whole(level, 0, 6))


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
    return frame(REFUSAL, [refusal.code, refusal.detail[:_MAX_TEXT].encode("utf-8", "replace").decode()])


def decode_refusal(body: bytes) -> DocumentRefused:
    """The refusal of a frame's body, as the class it was raised as."""
    try:
        code, detail = _list(orjson.loads(body), 2)
        return _refusals()[_text(code)](_text(detail)[:_MAX_TEXT])
    except (ValueError, KeyError):
        return DocumentDamaged("Its parser gave a broken result.")


def _refusals() -> dict[str, type[DocumentRefused]]:
    found = (value for value in vars(errors).values() if isinstance(value, type))
    return {value.code: value for value in found if issubclass(value, DocumentRefused)}
