"""Text as it is compared: small letters without accents, as a reader sees it. Pure."""

from __future__ import annotations

import html
import re
import unicodedata

_MARKS = re.compile(r"[*_`~\\]+")
_MINUS = str.maketrans(dict.fromkeys("−﹣－‐‑‒–—", "-"))


def folded(text: str) -> str:
    """Digits of any script are ASCII's, marks of Markdown and what nobody sees are gone, white space is one blank."""
    text = html.unescape(text)
    shown = "".join(
        _digit(one) for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf"
    )
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", _MARKS.sub("", shown)) if not unicodedata.combining(one)
    )
    return " ".join(plain.translate(_MINUS).casefold().split())


def _digit(character: str) -> str:
    if character.isascii() or not character.isdecimal():
        return character
    return str(unicodedata.decimal(character))
