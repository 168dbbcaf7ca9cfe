"""Bytes of a text file become Unicode: byte order mark, UTF-8, UTF-16 without a mark, then the likeliest code page.

Knows nothing of formats. What had to be guessed is said in a note for the document's owner.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

# Longer marks first: UTF-32's little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Guessing looks at the beginning only: a code page does not change in the middle, and guessing is slow.
_GUESS_BYTES = 64 * 1024

_WESTERN = "cp1252"
_LEAST_COHERENCE = 0.3  # of charset-normalizer's 0 to 1; below, it has recognised no language
_LATIN = frozenset(
    {
        "latin_1",
        "iso8859_15",
        "cp1250",
        "cp1252",
        "cp1254",
        "cp1257",
        "cp1258",
        "iso8859_2",
        "iso8859_3",
        "iso8859_4",
    }
    | {
        "iso8859_9",
        "iso8859_10",
        "iso8859_13",
        "iso8859_14",
        "iso8859_16",
        "cp437",
        "cp850",
        "cp858",
        "mac_roman",
    }
    | {"hp_roman8", "cp775", "cp852", "mac_latin2", "mac_iceland", "mac_turkish", "cp1140", "cp037", "cp500"}
)
# What no Western language writes there: a sign between letters, an accent that stands at words' ends only, thorns;
# and what is not assigned at all.
_ODD_IN_WESTERN = re.compile(
    r"(?<=[a-z])[¿¡³¹¼½¾¤¦¶±¢£¥§´¸¨•˜ˆ‰†‡ŽžŸƒ‚„…–—™](?=[a-z])|[ìù](?=[a-z])|[þýðÞÐŽŸ‚ˆ\ufffd]|[¹³](?=\s)"
)


@dataclass(frozen=True, slots=True)
class DecodedText:
    """note: what was guessed or replaced; empty where the encoding was certain."""

    text: str
    encoding: str
    note: str = ""


def decode(data: bytes, declared: str | None = None) -> DecodedText:
    """Decode a whole file; never fails. declared: what the file says of itself, believed only where it fits."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _replacing(data[len(mark) :], encoding)
    # UTF-16 first: its zero bytes are valid UTF-8 as well.
    for candidate in (_utf16_without_mark(data), "utf-8", declared):
        if candidate is None:
            continue
        try:
            return DecodedText(data.decode(candidate), candidate)
        except (UnicodeDecodeError, LookupError):
            continue
    return _guessed(data)


def has_mark(data: bytes) -> bool:
    """Whether the bytes begin with a byte order mark, and so are text."""
    return any(data.startswith(mark) for mark, _ in _MARKS)


def _replacing(data: bytes, encoding: str) -> DecodedText:
    text = data.decode(encoding, errors="replace")
    broken = text.count("\ufffd")
    note = f"{broken} characters could not be read as {encoding.upper()} and were replaced." if broken else ""
    return DecodedText(text, encoding, note)


def _utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in every other byte."""
    sample = data[: 4096 - len(data[:4096]) % 2]
    if len(sample) < 8:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > 0.7 * half and sample[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.7 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None


def _guessed(data: bytes) -> DecodedText:
    mostly_utf8 = data.decode("utf-8", errors="replace")
    broken = mostly_utf8.count("\ufffd")
    multi_byte = sum(
        1 for character in mostly_utf8[:_GUESS_BYTES] if character > "\x7f" and character != "\ufffd"
    )
    if broken and multi_byte > 20 * broken:
        return _replacing(data, "utf-8")
    # Imported late: 4 MB that the gateway, which only asks for media types, has no use for.
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_GUESS_BYTES]).best()
    encoding = best.encoding if best is not None and not best.encoding.startswith("utf") else _WESTERN
    is_single_byte = len(_decoded(b"\xe9\xe8\xf1\xe1", encoding)) == 4
    is_unsure = best is None or best.coherence < _LEAST_COHERENCE
    if encoding in _LATIN or (is_single_byte and is_unsure):
        encoding = _latin(data, encoding, best.language if best is not None else "")
    return DecodedText(
        data.decode(encoding, errors="replace"),
        encoding,
        f"The file does not name its encoding; it was read as {encoding}.",
    )


def _latin(data: bytes, guess: str, language: str) -> str:
    """Which code page with Latin letters. Short Western texts look like many at once: the commonest is the better bet,
    unless it puts signs into the middle of words.
    """
    text = _decoded(data[:_GUESS_BYTES], _WESTERN)
    foreign = sum(1 for character in text if character > "\x7f")
    if len(_ODD_IN_WESTERN.findall(text)) <= 0.15 * foreign:
        return _WESTERN
    if language == "Turkish":
        return "cp1254"
    return "mac_roman" if guess.startswith("mac_") else guess


def _decoded(data: bytes, encoding: str) -> str:
    return data.decode(encoding, errors="replace")
