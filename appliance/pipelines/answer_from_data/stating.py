"""Whether a sentence states only numbers that stand in a result. Pure.

A number may be rounded to the place in which it is written; a share may be told as per cent; a number of the query's
own, such as its year, may be said again. Nothing may be reckoned: no sums, no differences, no halves. When in doubt a
sentence is not supported, and the caller says it in its own words. It looks at numbers, not at what is said of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from appliance.domain.people import Language
from appliance.pipelines.answer_from_data.evidence import Evidence
from appliance.pipelines.answer_from_data.folding import folded
from appliance.pipelines.answer_from_data.moments import Moment, moments
from appliance.pipelines.answer_from_data.numerals import SMALL, Numeral, figure_at, words_at

_GONE = "\x00"  # where something was read already; no letter, no digit
# What a reader would see as a formula, a link or code, and nobody here reads.
_UNREAD = re.compile(r"[{}|⁄^]|https?:|\]\(|<[a-z/!]|\$[^ \d]")
_RECKONED = re.compile(
    r"\b(?:half|halves|halved|halving|twice|thrice|double[ds]?|doubling|tripled?|triples|tripling|quadrupled?|"
    r"(?:one|two|three|a)[ -](?:third|fifth|sixth|quarter|fourth)s?|quarters? of|thirds? of|(?:two|three|ten)fold|"
    r"mitad|mitades|dobles?|triples?|cuadruples?|dupli\w+|tripli\w+|cuadruplic\w+|tercios?|tercera parte|"
    r"cuarta parte|quinta parte|medi[oa]|dobl(?:o|ar|ado|aron))\b"
)
_MAGNITUDES = re.compile(
    r"\b(?:hundreds|thousands|millions|billions|dozens|tens of|cientos|centenares|miles|millares|millones|decenas|"
    r"docenas)\b"
)
_HALVES = re.compile(r"\b(?:and a half|y medi[oa])\b")
_SINGLE = re.compile(r"\b(?:single|un solo|una sola|un unico|una unica)\b")
_PAIR = re.compile(r"\b(?:both|couple|pair|ambos|ambas|un par)\b")
_PRONOUN: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(
        r"\b(?:the|this|that|which|each|every|any|another|no|last|first|top|next|only) one\b|\bone (?:of|another|by)\b"
    ),
    "es": re.compile(r"\b(?:cada|ninguno|alguno|otro) uno\b|\buno (?:de|a uno|por)\b"),
}
_NTH_NAMES = (
    "second segundo segunda|third tercer tercero tercera|fourth cuarto cuarta|fifth quinto quinta|sixth sexto sexta|"
    "seventh septimo septima|eighth octavo octava|ninth noveno novena|tenth decimo decima|eleventh undecimo|"
    "twelfth duodecimo"
)
_NTH = {name: n for n, names in enumerate(_NTH_NAMES.split("|"), start=2) for name in names.split()}
_NTH_WORD = re.compile(
    rf"\b(?:{'|'.join(_NTH)})\b"
    r"(?: (?P<of>half|quarter|semester|month|week|day|mitad|trimestre|semestre|mes|semana|dia))?"
)
_NTH_FIGURE = re.compile(r"\b(\d+)(?:st|nd|rd|th|\.?[ºª°]|\.o|\.a|er|ero|ra|do|da|to|ta)\b|\b(\d+)\.?[ºª]")
_LISTED = re.compile(r"^(?:[-•] )?(\d{1,3})[.)] ")
_PERCENT = re.compile(
    r" ?(?:%|‰|percent\b|per cent\b|pct\b|por ciento\b|percentage points?\b|puntos? porcentual(?:es)?\b|pp\b)"
)
_CURRENCY: Final = {
    "€": re.compile(r"€|\b(?:eur|euros?)\b"),
    "$": re.compile(r"\$|\b(?:usd|dollars?|dolar(?:es)?)\b"),
    "£": re.compile(r"£|\b(?:gbp|pounds? sterling|pounds?|libras?)\b"),
    "¥": re.compile(r"¥|\b(?:jpy|yen(?:es)?)\b"),
}
_MINUS = re.compile(r"(?:^|(?<=[\s(=:€$£¥\x00]))-\s?(?:[€$£¥] ?)?$|\b(?:minus|negative|menos) $")
_CAPITALS = re.compile(r"\b[IVXLCDM]{2,15}\b")
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_YEAR = re.compile(r"[12]\d{3}")
# What stands before a year and not before an amount; "sales of 2024" may be either, and is taken for the amount.
_OF_YEAR = re.compile(
    r"(?:^|\b(?:in|for|from|since|until|during|year|and|between|through|en|de|del|desde|hasta|ano|durante|y|entre) |"
    r"\x00[-/ ]| - |\()$"
)
_LONGEST = 2_000


def is_supported(sentence: str, evidence: Evidence, language: Language) -> bool:
    """Every number, share, day, time, ordinal and currency in it stands in the result, or is one of the query's."""
    if any(
        _ROMAN.fullmatch(word) and folded(word) not in evidence.names for word in _CAPITALS.findall(sentence)
    ):
        return False
    text = folded(sentence)
    if len(text) > _LONGEST or _UNREAD.search(text):
        return False
    text = _without_phrases(text, evidence)
    if not _are_known(text, evidence) or _RECKONED.search(_HALVES.sub("", text)):
        return False
    for read in (_without_moments, _without_ordinals, _without_figures, _without_words):
        rest = read(text, evidence, language)
        if rest is None:
            return False
        text = rest
    return not _MAGNITUDES.search(text) and not any(_is_numeric(character) for character in text)


def _without_phrases(text: str, evidence: Evidence) -> str:
    """A name of the result is no claim: "AC/DC", "Q1", "Blink 182"."""
    for phrase in evidence.phrases:
        at = text.find(phrase)
        while at >= 0:
            end = at + len(phrase)
            if _is_apart(text, at, end):
                text = f"{text[:at]}{_GONE}{text[end:]}"
                end = at + 1
            at = text.find(phrase, end)
    return text


def _is_apart(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    touches = before[-1:].isalnum() or after[:1].isalnum()
    goes_on = (before[-1:] in ".," and before[:1].isdigit()) or (after[:1] in ".,%" and after[1:].isdigit())
    return not touches and not goes_on and not (text[end - 1].isdigit() and _goes_on(text, end))


def _goes_on(text: str, end: int) -> bool:
    """A name that ends in a figure is one no more where a scale follows: "Blink 182 million"."""
    scaled = figure_at(f"1{text[end:]}", 0, "en")
    return (scaled is not None and scaled.value != 1) or _PERCENT.match(text, end) is not None


def _are_known(text: str, evidence: Evidence) -> bool:
    """Currencies are told where somebody wrote them down."""
    return all(sign in evidence.currencies for sign, pattern in _CURRENCY.items() if pattern.search(text))


def _without_moments(text: str, evidence: Evidence, language: Language) -> str | None:
    for moment in sorted(moments(text, language), key=lambda one: -one.start):
        if not _stands(moment, evidence):
            return None
        text = f"{text[: moment.start]}{_GONE}{text[moment.end :]}"
    return text


def _stands(moment: Moment, evidence: Evidence) -> bool:
    if moment.clock is not None:
        return moment.clock in evidence.clocks
    if moment.quarter is not None:
        return evidence.has_quarter(moment.quarter, moment.year)
    if moment.month is None:
        return False
    if moment.day is not None:
        return evidence.has_day(moment.year, moment.month, moment.day)
    return evidence.has_month(moment.month, moment.year)


def _without_ordinals(text: str, evidence: Evidence, language: Language) -> str | None:
    """Places in the result: no further than it has rows."""
    is_wrong = False

    def place(number: int, *, is_of_time: bool = False) -> str:
        nonlocal is_wrong
        numeral = Numeral(Decimal(number), Decimal(1), 0, 0)
        is_place = not is_of_time and 1 <= number <= evidence.row_count
        is_wrong = is_wrong or not (is_place or evidence.supports(numeral))
        return _GONE

    text = _LISTED.sub(lambda match: place(int(match[1])), text)
    text = _NTH_FIGURE.sub(lambda match: place(int(match[1] or match[2])), text)
    text = _NTH_WORD.sub(lambda match: place(_NTH[match[0].split()[0]], is_of_time=bool(match["of"])), text)
    return None if is_wrong else text


def _without_figures(text: str, evidence: Evidence, language: Language) -> str | None:
    return _without(text, evidence, lambda at: figure_at(text, at, language) if _begins(text, at) else None)


def _begins(text: str, at: int) -> bool:
    return text[at].isdigit() and not text[at - 1 : at].isalnum()


def _without_words(text: str, evidence: Evidence, language: Language) -> str | None:
    one = Numeral(Decimal(1), Decimal(1), 0, 0)
    two = Numeral(Decimal(2), Decimal(1), 0, 0)
    if _SINGLE.search(text) and not evidence.supports(one):
        return None
    if _PAIR.search(text) and not evidence.supports(two):
        return None
    text = _PRONOUN[language].sub(_GONE, text)
    small = SMALL[language]

    def number_at(at: int) -> Numeral | None:
        is_start = text[at].isalpha() and not text[at - 1 : at].isalnum()
        word = re.match(r"[^\W\d_]+", text[at:]) if is_start else None
        return words_at(text, at, language) if word and (word[0] in small or word[0] in _ALONE) else None

    return _without(text, evidence, number_at)


_ALONE = frozenset({"hundred", "thousand", "million", "billion", "trillion", "mil", "millon", "billon"})


def _without(text: str, evidence: Evidence, number_at: Callable[[int], Numeral | None]) -> str | None:
    """The text without the numbers that are found; None where one of them stands nowhere."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        numeral = number_at(at)
        if numeral is None:
            kept.append(text[at])
            at += 1
            continue
        half = _HALVES.match(text, numeral.end + 1)
        if half is not None or text[numeral.end : numeral.end + 1].isalnum():
            return None
        percent = _PERCENT.match(text, numeral.end)
        if percent is not None and percent[0].strip() == "‰":
            return None
        is_negative = _MINUS.search(text[:at]) is not None
        is_year = (
            percent is None
            and _YEAR.fullmatch(text, numeral.start, numeral.end) is not None
            and _OF_YEAR.search(text[:at]) is not None
            and evidence.has_year(numeral.value)
        )
        if not is_year and not evidence.supports(
            numeral, is_share=percent is not None, is_negative=is_negative
        ):
            return None
        kept.append(_GONE)
        at = percent.end() if percent is not None else numeral.end
    return "".join(kept)


def _is_numeric(character: str) -> bool:
    return character != _GONE and unicodedata.numeric(character, None) is not None
