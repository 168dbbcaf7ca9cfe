"""OLE containers made on the spot ([MS-CFB]), and in them old Word documents, presentations and Outlook messages."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SECTOR, _SMALL, _CUTOFF = 512, 64, 4096
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
Storage = Mapping[str, "bytes | Storage"]


@dataclass
class _Entry:
    name: str
    kind: int  # 5 root, 1 storage, 2 stream
    content: bytes = b""
    child: int = _FREE
    right: int = _FREE
    start: int = _END
    size: int = 0
    children: list[int] = field(default_factory=list)


def ole(path: Path, storage: Storage) -> Path:
    """A container with these streams and storages."""
    entries = [_Entry("Root Entry", 5)]
    _collect(entries, 0, storage)
    small = b""
    small_chain: list[int] = []
    for entry in entries:
        if entry.kind == 2 and len(entry.content) < _CUTOFF:
            entry.size, entry.start = len(entry.content), len(small) // _SMALL if entry.content else _END
            count = -(-len(entry.content) // _SMALL)
            first = len(small_chain)
            small_chain += [first + n + 1 for n in range(count - 1)] + ([_END] if count else [])
            small += entry.content.ljust(count * _SMALL, b"\0")
    entries[0].content = small
    directory_sectors = -(-len(entries) // 4)
    chain: list[int] = []
    body = b""

    def put(content: bytes) -> int:
        nonlocal body
        count = -(-len(content) // _SECTOR)
        first = len(chain)
        chain.extend([first + n + 1 for n in range(count - 1)] + ([_END] if count else []))
        body += content.ljust(count * _SECTOR, b"\0")
        return first if count else _END

    put(b"\0" * _SECTOR * directory_sectors)
    small_fat = struct.pack(f"<{len(small_chain)}I", *small_chain)
    small_fat = small_fat.ljust(-(-len(small_fat) // _SECTOR) * _SECTOR, b"\xff")
    small_fat_at = put(small_fat)
    for entry in entries:
        if entry.kind == 5 or (entry.kind == 2 and len(entry.content) >= _CUTOFF):
            entry.size, entry.start = len(entry.content), put(entry.content)
    directory = b"".join(_packed(entry) for entry in entries).ljust(directory_sectors * _SECTOR, b"\0")
    body = directory + body[len(directory) :]
    fat_sectors = 1
    while (len(chain) + fat_sectors) * 4 > fat_sectors * _SECTOR:
        fat_sectors += 1
    fat_at = len(chain)
    fat = struct.pack(f"<{len(chain)}I", *chain) + struct.pack("<I", _FAT) * fat_sectors
    body += fat.ljust(fat_sectors * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, 0, fat_sectors, 0, 0, _CUTOFF,
        small_fat_at, len(small_fat) // _SECTOR, _END, 0,
    )  # fmt: skip
    locations = [fat_at + n for n in range(fat_sectors)]
    header += struct.pack("<109I", *locations, *[_FREE] * (109 - fat_sectors))
    path.write_bytes(header + body)
    return path


def _collect(entries: list[_Entry], parent: int, storage: Storage) -> None:
    last = _FREE
    for name, content in storage.items():
        number = len(entries)
        if isinstance(content, bytes):
            entries.append(_Entry(name, 2, content))
        else:
            entries.append(_Entry(name, 1))
            _collect(entries, number, content)
        if last == _FREE:
            entries[parent].child = number
        else:
            entries[last].right = number
        last = number


def _packed(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ",
        name, len(name) + 2, entry.kind, 1, _FREE, entry.right, entry.child, b"", 0, 0, 0,
        entry.start if entry.kind != 1 else 0, entry.size,
    )  # fmt: skip


@dataclass(frozen=True)
class WordParagraph:
    """style: 1 to 9 is a heading. mark: `\\r`, or `\\x07` at the end of a cell. changes: its property modifiers."""

    text: str
    style: int = 0
    mark: str = "\r"
    changes: bytes = b""


ROW_END = WordParagraph("", 0, "\x07", struct.pack("<HBHB", 0x2416, 1, 0x2417, 1))


def cell(text: str) -> WordParagraph:
    """A cell of a table; ROW_END closes the row."""
    return WordParagraph(text, 0, "\x07", struct.pack("<HB", 0x2416, 1))


def doc(path: Path, paragraphs: Sequence[WordParagraph], *, flags: int = 0x0200, version: int = 0xC1) -> Path:
    """A Word 97 document ([MS-DOC]): one piece of UTF-16, a page of properties for every paragraph."""
    text = "".join(paragraph.text + paragraph.mark for paragraph in paragraphs)
    text_at = 2048
    text_bytes = text.encode("utf-16-le")
    length = len(text_bytes) // 2
    first_page = -(-(text_at + len(text_bytes)) // 512)
    pages, limits, at = b"", [text_at], text_at
    for paragraph in paragraphs:
        end = at + 2 * (len(paragraph.text + paragraph.mark))
        said = struct.pack("<H", paragraph.style) + paragraph.changes
        size = bytes([(len(said) + 1) // 2]) + said if len(said) % 2 else bytes([0, len(said) // 2]) + said
        page = struct.pack("<II", at, end) + bytes([200]) + bytes(12)
        pages += (page.ljust(400, b"\0") + size).ljust(511, b"\0") + b"\1"
        limits.append(end)
        at = end
    papx = struct.pack(f"<{len(limits)}I", *limits)
    papx += struct.pack(f"<{len(paragraphs)}I", *range(first_page, first_page + len(paragraphs)))
    pieces = struct.pack("<IIHIH", 0, length, 0, text_at, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    fib = bytearray(text_at)
    struct.pack_into("<HH", fib, 0, 0xA5EC, version)
    struct.pack_into("<H", fib, 0x0A, flags)
    struct.pack_into("<i", fib, 0x4C, length)
    struct.pack_into("<II", fib, 0x9A + 8 * 13, 0, len(papx))
    struct.pack_into("<II", fib, 0x9A + 8 * 33, len(papx), len(clx))
    word = (bytes(fib) + text_bytes).ljust(first_page * 512, b"\0") + pages
    return ole(path, {"WordDocument": word, "1Table": papx + clx})


def _record(kind: int, content: bytes, instance: int = 0, *, container: bool = False) -> bytes:
    return struct.pack("<HHI", instance << 4 | (0xF if container else 0), kind, len(content)) + content


def _slide_text(kind: int, text: str) -> bytes:
    return _record(0x0F9F, struct.pack("<I", kind)) + _record(0x0FA0, text.encode("utf-16-le"))


def ppt(path: Path, slides: Sequence[tuple[str, str, str]], *, token: int = 0xE391C05F) -> Path:
    """(title, body, notes) of each slide, as PowerPoint 97 keeps them ([MS-PPT]); the body lies on the slide itself."""
    objects: list[bytes] = []
    listed = notes_listed = b""
    for number, (title, body, notes) in enumerate(slides):
        slide_id = 256 + number
        listed += _record(0x03F3, struct.pack("<IIIII", 2 + 2 * number, 0, 1, slide_id, 0)) + _slide_text(
            0, title
        )
        box = _record(0xF00D, _slide_text(1, body), container=True)
        objects.append(_record(0x03EE, _record(0x040C, box, container=True), container=True))
        notes_listed += _record(0x03F3, struct.pack("<IIIII", 3 + 2 * number, 0, 0, slide_id, 0))
        atom = _record(0x03F1, struct.pack("<IHH", slide_id, 0, 0))
        objects.append(_record(0x03F0, atom + _slide_text(2, notes), container=True))
    document = _record(
        0x03E8,
        _record(0x0FF0, listed, container=True) + _record(0x0FF0, notes_listed, 2, container=True),
        container=True,
    )
    data, places = b"", []
    for each in [document, *objects]:
        places.append(len(data))
        data += each
    directory_at = len(data)
    data += _record(0x1772, struct.pack(f"<I{len(places)}I", len(places) << 20 | 1, *places))
    edit_at = len(data)
    data += _record(0x0FF5, struct.pack("<IIIIIII", 256, 0, 0, directory_at, 1, len(places), 0))
    user = _record(0x0FF6, struct.pack("<III", 20, token, edit_at) + bytes(8))
    return ole(path, {"PowerPoint Document": data, "Current User": user})


def msg(
    path: Path,
    *,
    subject: str,
    body: str,
    sender: tuple[str, str] = ("Ana", "ana@example.com"),
    attachments: Mapping[str, bytes] | None = None,
    forwarded: Storage | None = None,
) -> Path:
    """An Outlook message ([MS-OXMSG]); forwarded: the storage of a message within it, as of `message`."""
    storage: dict[str, bytes | Storage] = dict(message(subject, body, sender))
    for number, (name, content) in enumerate((attachments or {}).items()):
        storage[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": content,
        }
    if forwarded is not None:
        storage["__attach_version1.0_#000000FF"] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3701000D": forwarded,
        }
    return ole(path, storage)


def message(subject: str, body: str, sender: tuple[str, str] = ("Ana", "ana@example.com")) -> Storage:
    """The streams of one message with one receiver, sent on 2 March 2026."""
    sent = struct.pack("<IIQ", 0x00390040, 6, 134168832000000000)
    receiver = {
        "__properties_version1.0": bytes(8) + struct.pack("<IIQ", 0x0C150003, 6, 1),
        "__substg1.0_3001001F": "Luis".encode("utf-16-le"),
        "__substg1.0_39FE001F": "luis@example.com".encode("utf-16-le"),
    }
    return {
        "__properties_version1.0": bytes(32) + sent,
        "__substg1.0_0037001F": subject.encode("utf-16-le"),
        "__substg1.0_1000001F": body.encode("utf-16-le"),
        "__substg1.0_0C1A001F": sender[0].encode("utf-16-le"),
        "__substg1.0_5D01001F": sender[1].encode("utf-16-le"),
        "__recip_version1.0_#00000000": receiver,
    }
