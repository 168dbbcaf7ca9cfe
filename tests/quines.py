"""A ZIP file whose one member is the file itself, byte for byte: whoever unpacks it until nothing is left never ends.

Russ Cox's construction ("Zip Files All The Way Down", 2010): Deflate as a machine of two instructions of one size, "say
the next n bytes" and "say the last n bytes again", for which a program that says itself can be written. The checksum
stands in the file and is of the file; as it is affine in its own 32 bits, 32 equations over GF(2) give it.
"""

from __future__ import annotations

import struct
import zlib

_UNIT = 10  # bytes of an instruction
_BEFORE = range(38, 46)  # bits of it before the header of the stored block that fills it up
_EMPTY = "010" + "0000000"  # a block of fixed codes with nothing in it
_STORED = "00"


def quine_zip(name: str = "r/r.zip") -> bytes:
    """The archive; its member has this name."""
    constant = zlib.crc32(_archive(name, 0))
    columns = [zlib.crc32(_archive(name, 1 << bit)) ^ constant ^ 1 << bit for bit in range(32)]
    return _archive(name, _combined(columns, constant))


def _archive(name: str, checksum: int) -> bytes:
    head, tail = _around(name, checksum, 0, 0)
    packed = len(_program(head, tail))  # the numbers in head and tail have one size, whatever they are
    head, tail = _around(name, checksum, packed, len(head) + packed + len(tail))
    return head + _program(head, tail) + tail


def _around(name: str, checksum: int, packed: int, size: int) -> tuple[bytes, bytes]:
    """What stands before and behind the packed bytes: the member's header, the directory and its end."""
    said = name.encode()
    facts = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, checksum, packed, size, len(said), 0)
    head = b"PK\x03\x04" + facts + said
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, 0) + said
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(head) + packed, 0)
    return head, entry + end


def _program(head: bytes, tail: bytes) -> bytes:
    """Deflate that unpacks to head + itself + tail. Comments: what has been said, beyond the line before."""
    one, four = _say(_UNIT), _say(4 * _UNIT)
    say_head, again_head = _say(len(head) + _UNIT), _again(len(head) + _UNIT)
    again_four, nothing = _again(4 * _UNIT), _say(0)
    say_tail, again_tail = _say(_UNIT + len(tail)), _again(_UNIT + len(tail), is_last=True)
    four_more = four + again_four + nothing + nothing + say_tail
    parts = (
        say_head + head + say_head + again_head,  # head, say_head, head, say_head
        one + again_head + one + one,  # again_head, one
        four + again_head + one + one + four + again_four,  # again_head, one, one, four; the same once more
        3 * (four + again_four),  # again_four and four by turns, four of each
        four_more + again_four + nothing + nothing,  # four_more but its first; the same once more
        say_tail + again_tail + tail + again_tail,  # again_tail, tail; the same once more
    )
    return b"".join(parts)


def _say(count: int) -> bytes:
    """The next bytes as they are."""
    return _unit("", count)


def _again(count: int, *, is_last: bool = False) -> bytes:
    """The last bytes once more."""
    return _unit("010" + _length(count) + _distance(count) + "0000000", 0, is_last=is_last)


def _unit(bits: str, stored: int, *, is_last: bool = False) -> bytes:
    while len(bits) not in _BEFORE:
        bits += _EMPTY
    bits = (bits + str(int(is_last)) + _STORED).ljust(8 * (_UNIT - 4), "0")
    packed = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return packed + struct.pack("<HH", stored, stored ^ 0xFFFF)


def _length(count: int) -> str:
    """RFC 1951, 3.2.5 and 3.2.6, for 11 to 257."""
    extra = (count - 3).bit_length() - 3
    step, rest = divmod(count - 3, 1 << extra)
    symbol = 257 + 4 * extra + step
    code = f"{symbol - 256:07b}" if symbol < 280 else f"{0b11000000 + symbol - 280:08b}"
    return code + f"{rest:0{extra}b}"[::-1]


def _distance(count: int) -> str:
    """From 5."""
    extra = (count - 1).bit_length() - 2
    step, rest = divmod(count - 1, 1 << extra)
    return f"{2 * extra + step:05b}" + f"{rest:0{extra}b}"[::-1]


def _combined(columns: list[int], wanted: int) -> int:
    """Which of the columns, as a bit mask, make the wanted one together (Gauss over GF(2))."""
    rows = [(column, 1 << bit) for bit, column in enumerate(columns)]
    chosen = 0
    for bit in range(32):
        pivot = next((row for row in rows if row[0] >> bit & 1), None)
        if pivot is None:
            continue
        rows = [
            (row[0] ^ pivot[0], row[1] ^ pivot[1]) if row[0] >> bit & 1 else row
            for row in rows
            if row is not pivot
        ]
        if wanted >> bit & 1:
            wanted, chosen = wanted ^ pivot[0], chosen ^ pivot[1]
    if wanted:
        raise ValueError("no checksum fits this name; try another one")
    return chosen
