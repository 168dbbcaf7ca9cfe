"""Bytes of a text file become Unicode: byte order mark, UTF-8, UTF-16 without a mark, then the likeliest code page; and
text that was spoilt by such a guess of somebody else's is turned back.

Knows nothing of formats. What had to be guessed or repaired is said in a note for the document's owner.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from rag import code_pages
from rag.mojibake import repaired
from rag.notes import Note

# Longer marks first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Who says Latin-1 or ASCII means Windows-1252 (WHATWG Encoding Standard, "Names and labels").
_MEANT = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
# Seven-bit encodings: valid UTF-8 to look at, so that only the declaration tells.
_SEVEN_BIT = frozenset(
    {"utf-7", "hz", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_kr"}
)
# Of lines beyond ASCII, the share that must be UTF-8 for the others to be called the exception.
_SHARE_OF_UTF8_LINES = 0.2
_LEAST_UTF8_CHARS = 3


@dataclass(frozen=True, slots=True)
class DecodedText:
    """note: what was guessed, replaced or repaired; empty where the encoding was certain."""

    text: str
    encoding: str
    note: str = ""


def decode(data: bytes, declared: str | None = None) -> DecodedText:
    """Decode a whole file; never fails. declared: what the file says of itself, believed only where it fits."""
    found = _decoded(data, declared)
    text, lines = repaired(found.text)
    if not lines:
        return found
    told = "encoding_read_and_repaired" if found.note else "encoding_repaired"
    return DecodedText(text, found.encoding, Note(told, encoding=found.encoding, lines=lines))


def has_mark(data: bytes) -> bool:
    """Whether the bytes begin with a byte order mark, and so are text."""
    return any(data.startswith(mark) for mark, _ in _MARKS)


def _decoded(data: bytes, declared: str | None) -> DecodedText:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _replacing(data[len(mark) :], encoding)
    said = _codec(declared)
    if data.isascii() and b"\0" not in data:
        seven_bit = said if said in _SEVEN_BIT else code_pages.by_escapes(data)
        return _strictly(data, seven_bit) or DecodedText(data.decode("ascii"), "utf-8")
    # UTF-16 first: its zero bytes are valid UTF-8 as well.
    for candidate in (code_pages.utf16_without_mark(data), "utf-8", said):
        if found := _strictly(data, candidate):
            return found
    return _mixed(data) or _guessed(data)


def _codec(declared: str | None) -> str | None:
    """Python's name of a declared encoding; None where there is none such."""
    try:
        name = codecs.lookup(declared).name if declared else None
    except (LookupError, ValueError):
        return None
    return _MEANT.get(name, name) if name else None


def _strictly(data: bytes, encoding: str | None) -> DecodedText | None:
    try:
        return DecodedText(data.decode(encoding), encoding) if encoding else None
    except (UnicodeError, LookupError, ValueError):  # `codecs` knows more than text encodings
        return None


def _replacing(data: bytes, encoding: str) -> DecodedText:
    text = data.decode(encoding, errors="replace")
    broken = text.count("\ufffd")
    note = Note("letters_replaced", count=broken, encoding=encoding.upper()) if broken else ""
    return DecodedText(text, encoding, note)


def _mixed(data: bytes) -> DecodedText | None:
    """Files that were put together from pieces in several encodings: UTF-8 where a line is, a guess for the rest."""
    broken_whole = data.decode("utf-8", errors="replace")
    broken = broken_whole.count("\ufffd")
    right = sum(1 for character in broken_whole if character > "\x7f" and character != "\ufffd")
    if right > 20 * broken and broken <= 2:
        return _replacing(data, "utf-8")  # a character cut in two
    lines = data.splitlines(keepends=True)
    foreign = [line for line in lines if not line.isascii()]
    others = [line for line in foreign if not code_pages.is_utf8(line)]
    if right < _LEAST_UTF8_CHARS or len(foreign) - len(others) < _SHARE_OF_UTF8_LINES * len(foreign):
        return None
    encoding = code_pages.guess(b"".join(others))
    text = "".join(_each(lines, encoding))
    return DecodedText(text, "utf-8", Note("encoding_mixed", lines=len(others), encoding=encoding))


def _each(lines: list[bytes], other: str) -> Iterator[str]:
    for line in lines:
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            yield line.decode(other, errors="replace")


def _guessed(data: bytes) -> DecodedText:
    encoding = code_pages.guess(data)
    told = Note("encoding_guessed", encoding=encoding)
    return DecodedText(data.decode(encoding, errors="replace"), encoding, told)
