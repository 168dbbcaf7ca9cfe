"""Names of files inside of archives and mails, made harmless: they are shown and kept, and somebody will unpack them.

A result is a relative path with `/`, without `..`, drive letters, control or direction characters, in NFC, at most
255 bytes long, and unlike any other of its archive.
"""

from __future__ import annotations

import unicodedata

MAX_BYTES = 255
_MAX_PART_BYTES = 120
_UNNAMED = "unnamed"
_MAX_SUFFIX_BYTES = 16
# Direction marks can make "annexe.pdf" of "fdp.exe".
_DIRECTION = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_HARMFUL_CATEGORIES = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_RESERVED = frozenset('<>:"|?*')  # a Windows machine refuses them, and `:` opens alternate streams there


def harmless(name: str) -> str:
    """The name as a relative path that stays below where it is put; never empty."""
    parts = [_part(part) for part in name[:8192].replace("\\", "/").split("/")]
    kept = [part for part in parts if part]
    while len(kept) > 1 and len("/".join(kept).encode()) > MAX_BYTES:
        kept.pop(0)
    return "/".join(kept) or _UNNAMED


def _part(part: str) -> str:
    clean = "".join(
        "_" if character in _RESERVED else character
        for character in unicodedata.normalize("NFC", part)
        if character not in _DIRECTION and unicodedata.category(character) not in _HARMFUL_CATEGORIES
    ).strip()
    return shortened(clean, _MAX_PART_BYTES) if clean.strip(". ") else ""


def shortened(name: str, max_bytes: int) -> str:
    """Cut to so many bytes of UTF-8; a short ending such as ".docx" is kept."""
    if len(name.encode()) <= max_bytes:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix if stem and len(suffix.encode()) <= _MAX_SUFFIX_BYTES else ""
    kept = (stem if ending else name).encode()[: max_bytes - len(ending.encode())]
    return kept.decode(errors="ignore") + ending


class DistinctNames:
    """Gives every file of one archive a harmless name of its own; systems that fold case are thought of."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> str:
        """`harmless`, with " (2)" before its ending where that is taken."""
        wanted = harmless(name)
        found = wanted
        while found.casefold() in self._taken:
            self._taken[wanted.casefold()] += 1
            found = _numbered(wanted, self._taken[wanted.casefold()])
        self._taken[found.casefold()] = 1
        return found


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    return f"{folder}{slash}{stem} ({number}){dot}{suffix}"
