"""Marking and packing pixels without an imaging library: the child that renders has no need of one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from rag.rendering.order import Box

BYTES_PER_PIXEL = 3
MAX_PIXELS = 12_000_000  # 36 MB; a page as tall as it likes is drawn smaller
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HIGHLIGHT = (255, 226, 92)  # multiplied with what is there, as a felt pen does: print stays black
_EDGE = (214, 138, 0)  # a line below, which is seen on dark pages too
_COMPRESSION = 4  # a page of text: 40 ms instead of 110 at 6, a tenth larger
_TABLES = tuple(bytes(value * share // 255 for value in range(256)) for share in _HIGHLIGHT)


@dataclass(frozen=True, slots=True)
class Picture:
    """rows of red, green and blue, one byte each, without gaps."""

    width: int
    height: int
    pixels: bytearray

    def mark(self, boxes: Sequence[Box]) -> None:
        """Go over these parts of the picture with a highlighter. What lies outside of it is left out."""
        for left, top, right, bottom in boxes:
            first, last = _span(left, right, self.width)
            begin, end = _span(top, bottom, self.height)
            if first >= last or begin >= end:
                continue
            for row in range(begin, end):
                self._tint(row, first, last)
            edge = max(1, self.width // 600)
            for row in range(max(begin, end - edge), end):
                at = (row * self.width + first) * BYTES_PER_PIXEL
                self.pixels[at : at + (last - first) * BYTES_PER_PIXEL] = bytes(_EDGE) * (last - first)

    def _tint(self, row: int, first: int, last: int) -> None:
        start = (row * self.width + first) * BYTES_PER_PIXEL
        stop = (row * self.width + last) * BYTES_PER_PIXEL
        for channel, table in enumerate(_TABLES):
            part = slice(start + channel, stop, BYTES_PER_PIXEL)
            self.pixels[part] = self.pixels[part].translate(table)

    def as_png(self) -> bytes:
        """An 8-bit RGB PNG (ISO/IEC 15948), rows unfiltered: text pages pack as well without."""
        stride = self.width * BYTES_PER_PIXEL
        rows = memoryview(self.pixels)
        packer = zlib.compressobj(_COMPRESSION)
        packed = [
            packer.compress(b"\0" + rows[row * stride : (row + 1) * stride]) for row in range(self.height)
        ]
        header = struct.pack("!IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        parts = (
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", b"".join([*packed, packer.flush()])),
            _chunk(b"IEND", b""),
        )
        return PNG_SIGNATURE + b"".join(parts)


def _span(begin: float, end: float, size: int) -> tuple[int, int]:
    """Shares of the page as pixels, at least one wide; nothing where it lies outside."""
    if not (begin < end and begin < 1 and end > 0):
        return 0, 0
    first = min(max(int(begin * size), 0), size - 1)
    return first, min(max(round(end * size), first + 1), size)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))
