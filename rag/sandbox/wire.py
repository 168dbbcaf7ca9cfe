"""What a parsing child says to its caller: length-prefixed frames of JSON and packed numbers, no pickle.

The child may be in a stranger's hands: the reader trusts no length, no type and no span, and reads nothing that takes
much more memory as objects than as bytes. A result is

    length of the head · head: [media type, title, notes, [[page number, bytes of text, blocks], …]] in JSON
    · all blocks, ten bytes each · all texts in UTF-8
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import get_args

import orjson

from rag import errors
from rag.documents import Block, BlockKind, Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentRefused, DocumentTooLarge

HEADER = struct.Struct("!cI")
PROGRESS, RESULT, REFUSAL = b"P", b"R", b"E"
_HEAD_LENGTH = struct.Struct("!I")
_BLOCK = struct.Struct("!BBII")  # kind, level, start, end
_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
MAX_JSON_BYTES = 2**16  # of progress and refusals
_MAX_HEAD_BYTES = 2**20
_MAX_BLOCKS = 10**6
_MAX_TEXT = 1_000


def frame(kind: bytes, content: object) -> bytes:
    """One message: kind, length, JSON."""
    body = orjson.dumps(content)
    return HEADER.pack(kind, len(body)) + body


def encode_document(document: ParsedDocument) -> bytes:
    """A result frame. DocumentTooLarge beyond a million blocks or a megabyte of page numbers and notes."""
    texts = [page.text.encode() for page in document.pages]
    sizes = [
        [page.number, len(text), len(page.blocks)] for page, text in zip(document.pages, texts, strict=True)
    ]
    head = orjson.dumps([document.media_type, document.title[:_MAX_TEXT], list(document.notes), sizes])
    blocks = [
        _BLOCK.pack(_KINDS.index(block.kind), block.level, block.start, block.end)
        for page in document.pages
        for block in page.blocks
    ]
    if len(head) > _MAX_HEAD_BYTES or len(blocks) > _MAX_BLOCKS:
        raise DocumentTooLarge("It has more pages or paragraphs than can be kept.")
    body = b"".join([_HEAD_LENGTH.pack(len(head)), head, *blocks, *texts])
    return HEADER.pack(RESULT, len(body)) + body


def decode_document(body: bytes) -> ParsedDocument:
    """The document of a result frame's body. DocumentDamaged where it breaks the promises of `rag.documents`."""
    try:
        return _document(memoryview(body))
    except (ValueError, struct.error) as error:  # broken JSON and UTF-8 among them
        raise DocumentDamaged("Its parser gave a broken result.") from error


def _document(body: memoryview) -> ParsedDocument:
    (head_length,) = _HEAD_LENGTH.unpack_from(body)
    blocks_at = _HEAD_LENGTH.size + _whole(head_length, 0, _MAX_HEAD_BYTES)
    media_type, title, notes, sizes = _list(orjson.loads(body[_HEAD_LENGTH.size : blocks_at]), 4)
    pages = [_list(size, 3) for size in _list(sizes)]
    counts = [_whole(count, 0, _MAX_BLOCKS) for _, _, count in pages]
    text_at = blocks_at + _BLOCK.size * _whole(sum(counts), 0, _MAX_BLOCKS)
    read = []
    for (number, size, _), count in zip(pages, counts, strict=True):
        text_end = text_at + _whole(size, 0, len(body) - text_at)
        text = str(body[text_at:text_end], "utf-8")
        blocks_end = blocks_at + _BLOCK.size * count
        blocks = tuple(_blocks(body[blocks_at:blocks_end], len(text)))
        read.append(Page(None if number is None else _whole(number, 1, 2**31), text, blocks))
        blocks_at, text_at = blocks_end, text_end
    if text_at != len(body):
        raise ValueError("length")
    return ParsedDocument(
        _text(media_type),
        tuple(read),
        _text(title)[:_MAX_TEXT],
        tuple(_text(note)[:_MAX_TEXT] for note in _list(notes)),
    )


def _blocks(packed: memoryview, length: int) -> Iterator[Block]:
    """Blocks lie one behind the other, within the text."""
    reached = 0
    for kind, level, start, end in _BLOCK.iter_unpack(packed):
        if not (kind < len(_KINDS) and level <= 6 and reached <= start <= end <= length):
            raise ValueError("block")
        reached = end
        yield Block(_KINDS[kind], start, end, level)


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
