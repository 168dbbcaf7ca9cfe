"""Text of files without what only confuses: controls, invisible marks, runs of blanks.

Clean means: NFC, one kind of line end, no control or non-characters, no soft hyphens.
"""

from __future__ import annotations

import re
import unicodedata

_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Controls but tab and newline, soft hyphen, zero-width and direction marks, lone surrogates, non-characters.
_NOISE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_PRIVATE_BULLET = re.compile("[\uf0b7\uf0a7\uf076\uf0d8\uf0fc]")  # bullets of the Symbol and Wingdings fonts
_BLANKS = re.compile("(?:[^\\S\n]|\uf020)+")  # U+F020 is the blank of the Symbol font
_AROUND_LINE_END = re.compile(r" ?\n ?")
_MANY_LINE_ENDS = re.compile(r"\n{2,}")


def clean(text: str) -> str:
    """Characters made clean; blanks and line ends stay as many as they are."""
    text = _LINE_END.sub("\n", text)
    text = _NOISE.sub("", text)
    text = _PRIVATE_BULLET.sub("•", text)
    return unicodedata.normalize("NFC", text)


def collapse(text: str) -> str:
    """Runs of blanks become one blank, empty lines go; single line ends stay."""
    text = _BLANKS.sub(" ", text)
    text = _AROUND_LINE_END.sub("\n", text)
    return _MANY_LINE_ENDS.sub("\n", text).strip()
