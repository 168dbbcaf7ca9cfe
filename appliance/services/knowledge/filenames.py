"""Names of uploaded files: kept for people to read, never used as a path."""

from __future__ import annotations

import unicodedata

from appliance.domain.refusals import Told
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
        raise InvalidRequest(Told("file_unnamed"), param="file")
    return _shorten(clean)


def nested(outer: str, path: str) -> str:
    """The name of a file that lies in another one: "archive.zip/folder/name.pdf".

    Every part is made harmless, `.` and `..` are dropped, and of a long path the ends are kept.
    """
    parts = [part for raw in path.replace("\\", "/").split("/") if (part := _harmless(raw))] or ["unnamed"]
    name = "/".join([outer, *parts])
    if len(name.encode()) <= MAX_BYTES:
        return name
    inner = _shorten(parts[-1], MAX_BYTES // 2)
    return f"{_shorten(outer, MAX_BYTES - len(inner.encode()) - 5)}/…/{inner}"


def _harmless(part: str) -> str:
    try:
        return sanitise(part)
    except InvalidRequest:
        return ""


def _shorten(name: str, limit: int = MAX_BYTES) -> str:
    if len(name.encode()) <= limit:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix if dot and len(suffix.encode()) <= 16 else ""
    stem = stem if ending else name
    room = limit - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore") + ending
