"""Names of uploaded files: kept for people to read, never used as a path."""

from __future__ import annotations

import unicodedata

from appliance.errors import InvalidRequest

MAX_BYTES = 255
# Bidirectional controls can make "annexe.pdf" of "fdp.exe"; line and paragraph separators break lists.
_HARMFUL = {"Cc", "Cs", "Zl", "Zp"}
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def sanitise(name: str) -> str:
    """The last part of the name in NFC, without control and bidirectional characters, at most 255 bytes of UTF-8.

    The ending is kept when a long name is cut. Raises InvalidRequest when nothing is left.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(
        c
        for c in unicodedata.normalize("NFC", last)
        if c not in _BIDI and unicodedata.category(c) not in _HARMFUL
    ).strip()
    if not clean.strip(". "):
        raise InvalidRequest("The file has no name. Send it with one, such as report.pdf.", param="file")
    return _shorten(clean)


def _shorten(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix if dot and len(suffix.encode()) <= 16 else ""
    stem = stem if ending else name
    room = MAX_BYTES - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore") + ending
