"""Which encoding a text without a mark is likely to have. Guesses, each with the signs it goes by."""

from __future__ import annotations

import re
import unicodedata

# Guessing looks at the beginning only: a code page does not change in the middle, and guessing is slow.
GUESS_BYTES = 64 * 1024
WESTERN = "cp1252"

_LEAST_COHERENCE = 0.3  # of charset-normalizer's 0 to 1; below, it has recognised no language
# fmt: off
_LATIN = frozenset({
    "latin_1", "iso8859_15", "cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "iso8859_2", "iso8859_3", "iso8859_4",
    "iso8859_9", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_16", "cp437", "cp850", "cp858", "mac_roman",
    "hp_roman8", "cp775", "cp852", "mac_latin2", "mac_iceland", "mac_turkish", "cp1140", "cp037", "cp500",
})
# fmt: on
# In this order of likelihood; a later one must fit better.
_LATIN_CANDIDATES = (WESTERN, "mac_roman", "cp850", "cp1250", "iso8859_2", "cp1254")
# What no Western language writes there: a sign between letters, an accent that stands at words' ends only, thorns;
# and what is not assigned at all.
_ODD_IN_WESTERN = re.compile(
    r"(?<=[a-zà-ÿ])[¿¡³¹¼½¾¤¦¶±¢£¥§´¸¨•˜ˆ‰†‡ŽžŸƒ‚„…–—™](?=[a-zà-ÿ])|[ìù](?=[a-z])|[þýðÞÐŽŸ‚ˆ\ufffd]|[¹³](?=\s)"
)
_ODD = re.compile(
    r"[\ufffd\x80-\x9f]|(?<=[^\W\d_])[^\w\s'’·.,;:!?\-–—/()«»“”\"](?=[^\W\d_])"  # a sign within a word
    r"|(?<=[a-z])[^\W\d_a-zß-öø-ÿāăąćčďđēęěğīıįłńňōőřśşšťūůűųźżž](?=[a-z])"  # a capital within a word
    r"|[ł∑∂∏πΩ√≈∆◊‡ˇ˘˙˚˛˝ﬁﬂ‰](?=[A-Za-z])(?<![ł])"
)
_GOOD = re.compile(r"[áéíóúüñçàèìòùâêîôûäöïëßÁÉÍÓÚÑÜÄÖåøæąćęłńśźżščřžěůőűğşı¿¡«»“”‘’–—…€ºª°]")
_SCRIPTS = (  # as (first, last) of code points that texts are made of
    (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xE7F), (0x10A0, 0x10FF),
    (0x1E00, 0x1FFF), (0x2010, 0x2044), (0x20A0, 0x20BF), (0x2190, 0x21FF), (0x2500, 0x25FF), (0x3000, 0x30FF),
    (0x3100, 0x312F), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xFF00, 0xFFEF),
)  # fmt: skip
_FAR_EAST = re.compile(
    "[\u3001\u3002\u3041-\u30ff\uac00-\ud7a3\uff0c]"
)  # kana, Hangul, its commas and full stops
_HIGH = re.compile(rb"[\x80-\xff]")
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?=[a-z .,;:!?\r\n]|\Z)")
_WHITE = frozenset("\t\n\r\f")
_SAMPLE_CHARS = 2048
_ESCAPES = (
    (b"\x1b$)C", "iso2022_kr"),
    (b"\x1b$B", "iso2022_jp_2"),
    (b"\x1b$@", "iso2022_jp_2"),
    (b"\x1b$A", "iso2022_jp_2"),
)


def by_escapes(data: bytes) -> str | None:
    """Seven-bit encodings of the Far East switch by escape sequences; read as UTF-8 they look valid."""
    return next((encoding for escape, encoding in _ESCAPES if escape in data[:GUESS_BYTES]), None)


def utf16_without_mark(data: bytes) -> str | None:
    """UTF-16 shows by zero bytes, which no other text has, or by making sense in one order of bytes only."""
    sample = data[: 2 * _SAMPLE_CHARS]
    if len(sample) < 8:
        return None
    half = len(sample) // 2
    low, high = sample[0 : 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    if high > 0.7 * half and low < 0.1 * half:
        return "utf-16-le"
    if low > 0.7 * half and high < 0.1 * half:
        return "utf-16-be"
    has_zeros = low + high > 0
    if not has_zeros and (len(data) % 2 or is_utf8(sample)):
        return None
    scores = {encoding: _sense(sample[: 2 * half], encoding) for encoding in ("utf-16-le", "utf-16-be")}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] <= min(scores.values()) or scores[best] < (0.9 if has_zeros else 0.97):
        return None
    # Without any zero byte it can only be the Far East's; bytes of its other encodings also make ideographs by chance.
    is_far_east = len(_FAR_EAST.findall(sample.decode(best, "replace"))) > 0.15 * half
    return best if has_zeros or is_far_east else None


def is_utf8(sample: bytes) -> bool:
    """Whether it is, but for a character cut at its end."""
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3 and error.reason == "unexpected end of data"
    return True


def _sense(sample: bytes, encoding: str) -> float:
    """Share of characters that texts are made of; 0 where it cannot be decoded."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 2:  # a pair of halves may be cut at the end
            return 0.0
        text = sample[: error.start].decode(encoding)
    sensible = sum(1 for character in text if character in _WHITE or _is_in_script(character))
    return sensible / len(text) if text else 0.0


def _is_in_script(character: str) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in _SCRIPTS) and unicodedata.category(character) != "Cn"


def guess(data: bytes) -> str:
    """The likeliest code page of bytes that are no UTF-8."""
    # Imported late: 4 MB that the gateway, which only asks for media types, has no use for.
    from charset_normalizer import from_bytes

    best = from_bytes(data[:GUESS_BYTES]).best()
    encoding = best.encoding if best is not None and not best.encoding.startswith("utf") else WESTERN
    is_single_byte = len(_decoded(b"\xe9\xe8\xf1\xe1", encoding)) == 4
    is_unsure = best is None or best.coherence < _LEAST_COHERENCE
    if encoding in _LATIN or (is_single_byte and is_unsure) or (not is_single_byte and _is_alphabetic(data)):
        return _latin(data[:GUESS_BYTES], encoding, best.language if best is not None else "")
    return encoding


def _is_alphabetic(data: bytes) -> bool:
    """Whether most bytes beyond ASCII stand alone among letters: an accent here and there, no script of many signs."""
    sample = data[:GUESS_BYTES]
    return 2 * len(_ALONE.findall(sample)) > len(_HIGH.findall(sample))


def _latin(data: bytes, guessed: str, language: str) -> str:
    """Which code page with Latin letters. Short Western texts look like many at once: the commonest is the better bet,
    unless it puts signs into the middle of words.
    """
    text = _decoded(data, WESTERN)
    foreign = sum(1 for character in text if character > "\x7f")
    if len(_ODD_IN_WESTERN.findall(text)) <= 0.15 * foreign:
        return WESTERN
    if language == "Turkish":
        return "cp1254"
    candidates = dict.fromkeys((*_LATIN_CANDIDATES, guessed))
    return max(candidates, key=lambda encoding: _fit(_decoded(data, encoding)))


def _fit(text: str) -> int:
    return len(_GOOD.findall(text)) - 3 * len(_ODD.findall(text))


def _decoded(data: bytes, encoding: str) -> str:
    return data.decode(encoding, errors="replace")
