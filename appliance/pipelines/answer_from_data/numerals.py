"""Numbers as people write them, in figures and in words, in Spanish and English: what a sentence states. Pure.

A figure is read as the language of the sentence reads it: 1.234 is a thousand and more in Spanish, little more than one
in English. What cannot be read for certain is said to be unreadable, which no result can support.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from appliance.domain.people import Language


@dataclass(frozen=True, slots=True)
class Numeral:
    """unit: what one more in its last written place would add, so that 1,2 M may stand for anything near 1.200.000."""

    value: Decimal
    unit: Decimal
    start: int
    end: int


_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d])(?:[.,]\d+)?")
_GROUPS: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+)(?:\.(?P<rest>\d+))?"),
    "es": re.compile(r"(?P<whole>\d{1,3}(?:\.\d{3})+)(?:,(?P<rest>\d+))?"),
}
_POINTED = re.compile(r"(?P<whole>\d+)[.,](?P<rest>\d+)")
_ONE: Final = Decimal(1)

_SCALES: Final[dict[str, int]] = {
    "hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "bn": 9,
    "mil": 3, "millon": 6, "millones": 6, "millardo": 9, "millardos": 9, "billon": 12, "billones": 12, "millions": 6,
}  # fmt: skip
_LETTERS: Final[dict[str, int]] = {"k": 3, "m": 6, "mm": 6, "b": 9, "bn": 9}
_SCALE = re.compile(rf"[ -]?({'|'.join(sorted(_SCALES, key=len, reverse=True))})\b")
_LETTER = re.compile(r" ?(k|mm|m|bn|b)(?=[\W_]|$)")

# fmt: off
_UNITS: Final[dict[Language, str]] = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
          "seventeen eighteen nineteen",
    "es": "cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis "
          "diecisiete dieciocho diecinueve veinte veintiun veintidos veintitres veinticuatro veinticinco veintiseis "
          "veintisiete veintiocho veintinueve",
}
_TENS: Final[dict[Language, str]] = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
_HUNDREDS = "ciento doscient trescient cuatrocient quinient seiscient setecient ochocient novecient"
# fmt: on


def _small_words(language: Language) -> dict[str, int]:
    words = {word: n for n, word in enumerate(_UNITS[language].split())}
    words |= {word: 10 * n for n, word in enumerate(_TENS[language].split(), start=2)}
    if language == "es":
        words |= {"cien": 100, "ciento": 100, "uno": 1, "una": 1, "veintiuno": 21, "veintiuna": 21}
        for n, stem in enumerate(_HUNDREDS.split()[1:], start=2):
            words |= {f"{stem}os": 100 * n, f"{stem}as": 100 * n}
    else:
        words |= {"dozen": 12}
    return words


SMALL: Final[dict[Language, dict[str, int]]] = {"en": _small_words("en"), "es": _small_words("es")}
_JOINTS: Final[dict[Language, str]] = {"en": "and", "es": "y"}
_WORD = re.compile(r"[^\W\d_]+")
NUMBER_WORDS: Final[frozenset[str]] = frozenset({*SMALL["en"], *SMALL["es"], *_SCALES} - {"un", "una", "m"})


def figure_at(text: str, at: int, language: Language) -> Numeral | None:
    """The figure that begins there, with the scale behind it; text: as `folded` gives it. None: it cannot be read."""
    spaced = _SPACED.match(text, at)
    if spaced is not None:
        whole, mark, rest = re.match(r"([\d ]+)([.,]?)(\d*)", spaced[0]).groups()  # type: ignore[union-attr]
        return _scaled(text, at, spaced.end(), whole.replace(" ", ""), rest if mark else "")
    match = _FIGURE.match(text, at)
    if match is None:
        return None
    parts = _parts(match[0], language)
    return None if parts is None else _scaled(text, at, match.end(), *parts)


def words_at(text: str, at: int, language: Language) -> Numeral | None:
    """The number in words that begins there; None: there is none. An article alone is no number."""
    small, joint = SMALL[language], _JOINTS[language]
    total = group = Decimal(0)
    unit, end, seen, scale = _ONE, at, 0, _ONE
    position = at
    while (word := _WORD.match(text, position)) is not None:
        name = word[0]
        if name in small and _goes_on(group, small[name]):
            group += small[name]
        elif name in _SCALES and (seen or name not in ("millions", "millones")):
            scale = Decimal(10) ** _SCALES[name]
            unit = scale
            if scale == 100:
                group, unit = max(group, _ONE) * 100, _ONE
            else:
                total, group = total + max(group, _ONE) * scale, Decimal(0)
        elif name == joint and seen:
            position = _next(text, word.end())
            continue
        else:
            break
        if group and scale > 100:
            unit = _ONE
        seen, end = seen + 1, word.end()
        position = _next(text, end)
    if not seen or (seen == 1 and text[at:end] in ("un", "una")):
        return None
    return Numeral(total + group, unit, at, end)


def _goes_on(group: Decimal, word: int) -> bool:
    """Whether the word continues the number: "thirty" and "two", but not "two" and "thirty"."""
    within = group % 100
    return not group or (word < 100 and not within) or (word < 10 and within >= 20 and not within % 10)


def _next(text: str, at: int) -> int:
    return at + 1 if text[at : at + 1] in (" ", "-") else at


def _parts(figure: str, language: Language) -> tuple[str, str] | None:
    """Its digits before and behind the decimal mark."""
    if figure.isdigit():
        return figure, ""
    other: Language = "en" if language == "es" else "es"
    own = _GROUPS[language].fullmatch(figure)
    if own is not None:
        return re.sub(r"\D", "", own["whole"]), own["rest"] or ""
    if (pointed := _POINTED.fullmatch(figure)) is not None:
        return pointed["whole"], pointed["rest"]
    foreign = _GROUPS[other].fullmatch(figure)  # 1,234.56 and 1,234,567 are read alike everywhere
    return None if foreign is None else (re.sub(r"\D", "", foreign["whole"]), foreign["rest"] or "")


def _scaled(text: str, start: int, end: int, whole: str, rest: str) -> Numeral:
    value = Decimal(f"{whole}.{rest}" if rest else whole)
    unit = _ONE.scaleb(-len(rest))
    while (scale := _SCALE.match(text, end)) is not None:  # "3 mil millones" has two
        value, unit = value.scaleb(_SCALES[scale[1]]), unit.scaleb(_SCALES[scale[1]])
        end = scale.end()
    letter = _LETTER.match(text, end)
    if letter is not None and (" " not in letter[0] or letter[1] in ("k", "bn")):  # "5 m" are metres
        by = _LETTERS[letter[1]]
        value, unit, end = value.scaleb(by), unit.scaleb(by), letter.end()
    return Numeral(value, unit, start, end)
