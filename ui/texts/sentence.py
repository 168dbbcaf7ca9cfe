"""What the page says, in its two languages."""

from __future__ import annotations

from typing import NamedTuple


class Sentence(NamedTuple):
    """One thing said in both languages."""

    en: str
    es: str
