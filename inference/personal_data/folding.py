"""Text as patterns read it: other scripts' digits become plain ones, invisible characters go, dashes are all one.

So `６１２ 345 678`, `612‑345‑678` and one with a zero-width space inside are the same number. Positions lead back to
what was written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_INVISIBLE = frozenset({"Cf", "Mn", "Me"})


@dataclass(frozen=True, slots=True)
class Folded:
    """positions: of each character of text in what was written, and one more for its end; None: the same ones."""

    text: str
    positions: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end] was written; end > start."""
        if self.positions is None:
            return start, end
        return self.positions[start], self.positions[end - 1] + 1


def folded(text: str) -> Folded:
    """Linear in the text; text in ASCII comes back as it is."""
    if text.isascii():
        return Folded(text, None)
    table = {ord(sign): _fold(sign) for sign in set(text) if sign > "\x7f"}
    if all(table.values()):
        return Folded(text.translate(table), None)
    kept = [at for at, sign in enumerate(text) if table.get(ord(sign), sign)]
    return Folded(text.translate(table), kept)


def _fold(sign: str) -> str:
    """One character or none for it. Superscripts stay: a footnote's mark is no digit of the number before it."""
    category = unicodedata.category(sign)
    if category in _INVISIBLE:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    if category in ("Zs", "Pd"):
        return " " if category == "Zs" else "-"
    if category in ("Zl", "Zp"):
        return "\n"
    plain = unicodedata.normalize("NFKC", sign)
    if sign == "−":
        return "-"
    return plain if len(plain) == 1 and category not in ("No", "Nl") else sign
