"""Days, months, quarters and years as people name them in English and Spanish, resolved from a given day. Pure.

"marzo", "last month", "del 3 al 5 de mayo de 2026", "Q2 2025", "este año", "ayer", "los últimos 30 días". A month
without a year is the latest one that has begun. Nothing is guessed of words that may mean something else: "may" alone.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Unit = Literal["day", "week", "month", "quarter", "year", "range"]

_MONTHS = (
    "enero january jan ene",
    "febrero february feb",
    "marzo march mar",
    "abril april abr apr",
    "mayo may",
    "junio june jun",
    "julio july jul",
    "agosto august ago aug",
    "septiembre setiembre september sept sep set",
    "octubre october oct",
    "noviembre november nov",
    "diciembre december dic dec",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
# Short forms, and the English modal verb, stand for a month only beside a year, a day or "in".
_UNSURE = {"may", "mar", "set", "ago", "jan", "ene", "feb", "abr", "apr", "jun", "jul", "aug", "sep", "sept"}
_UNSURE |= {"oct", "nov", "dic", "dec"}
_OTHER_WORDS = {"mar", "set", "ago"}  # sea, set, ago
_ORDINAL = {
    name: number
    for number, names in enumerate(
        (
            "primer primero first 1er 1o 1st",
            "segundo second 2o 2nd",
            "tercer tercero third 3er 3o 3rd",
            "cuarto fourth 4o 4th",
        ),
        1,
    )
    for name in names.split()
}
COUNT_WORDS = {
    name: number
    for number, names in enumerate(
        (
            "un uno una one a",
            "dos two",
            "tres three",
            "cuatro four",
            "cinco five",
            "seis six",
            "siete seven",
            "ocho eight",
            "nueve nine",
            "diez ten",
            "once eleven",
            "doce twelve",
        ),
        1,
    )
    for name in names.split()
}
_UNITS: dict[str, Unit] = {
    "dia": "day",
    "dias": "day",
    "day": "day",
    "days": "day",
    "semana": "week",
    "semanas": "week",
    "week": "week",
    "weeks": "week",
    "mes": "month",
    "meses": "month",
    "month": "month",
    "months": "month",
    "trimestre": "quarter",
    "trimestres": "quarter",
    "quarter": "quarter",
    "quarters": "quarter",
    "ano": "year",
    "anos": "year",
    "year": "year",
    "years": "year",
}

_TELLS_YEAR = re.compile(
    r"(?:19|20)\d\d|year|ano|last|this|past|previous|current|pasad|ultim|anterior|actual|curso|\best[ea]\b|hace|ago"
)
_M = r"(?P<{0}>" + "|".join(sorted(_MONTH, key=len, reverse=True)) + r")\b\.?"
_Y = r"(?P<{0}>(?:19|20)\d\d)\b"
_D = r"(?P<{0}>[0-3]?\d)(?:st|nd|rd|th|º)?\b"
_U = r"(?P<unit>" + "|".join(sorted(_UNITS, key=len, reverse=True)) + r")\b"
_N = r"(?P<count>\d{1,3}|" + "|".join(sorted(COUNT_WORDS, key=len, reverse=True)) + r")\b"
_O = r"(?P<ordinal>" + "|".join(sorted(_ORDINAL, key=len, reverse=True)) + r")\b"
_OF = r"(?:\s*,\s*|\s+(?:de\s+|del\s+|of\s+|in\s+)?)"
_THE = r"(?:(?:the|el|la|los|las)\s+)?"
_ISO = r"(?P<{0}>(?:19|20)\d\d-[01]\d-[0-3]\d)\b"
_SLASHED = r"(?P<{0}>[0-3]?\d/[01]?\d/(?:19|20)\d\d)\b"


@dataclass(frozen=True, slots=True)
class Period:
    """The days from first to last, both of them in it, and where in the text they are named.

    tells_year: of which year is said, and not taken to be the latest.
    """

    start: int
    end: int
    first: date
    last: date
    unit: Unit
    tells_year: bool = False

    @property
    def after(self) -> date:
        """The first day that is not in it any more."""
        return self.last + timedelta(days=1)


_Made = tuple[date, date, Unit] | None
_Rule = tuple[re.Pattern[str], Callable[[re.Match[str], date], _Made]]


def periods_in(text: str, today: date) -> list[Period]:
    """In the order of the text; where two overlap, the longer one."""
    folded = fold(text)
    found: list[Period] = []
    for pattern, make in _RULES:
        for match in pattern.finditer(folded):
            made = make(match, today)
            if made is not None and made[0] <= made[1]:
                tells_year = _TELLS_YEAR.search(match[0]) is not None
                found.append(Period(match.start(), match.end(), *made, tells_year))
    found.sort(key=lambda period: (period.start - period.end, period.start))
    kept: list[Period] = []
    for period in found:
        if all(period.end <= other.start or period.start >= other.end for other in kept):
            kept.append(period)
    return sorted(kept, key=lambda period: period.start)


def fold(text: str) -> str:
    """Small and without accents, each character in its place."""
    return "".join(_folded(character) for character in text)


def _folded(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)[0].lower()
    return plain if len(plain) == 1 else character


def _of_month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _of_quarter(year: int, quarter: int) -> tuple[date, date]:
    return date(year, quarter * 3 - 2, 1), _of_month(year, quarter * 3)[1]


def _around(today: date, unit: Unit, steps: int) -> tuple[date, date]:
    """The calendar day, week, month, quarter or year that many steps away from today's; negative: before."""
    match unit:
        case "day":
            day = today + timedelta(days=steps)
            return day, day
        case "week":
            monday = today - timedelta(days=today.weekday()) + timedelta(weeks=steps)
            return monday, monday + timedelta(days=6)
        case "month":
            year, month = divmod(today.year * 12 + today.month - 1 + steps, 12)
            return _of_month(year, month + 1)
        case "quarter":
            year, quarter = divmod(today.year * 4 + (today.month - 1) // 3 + steps, 4)
            return _of_quarter(year, quarter + 1)
        case _:
            return date(today.year + steps, 1, 1), date(today.year + steps, 12, 31)


def _latest_month(month: int, today: date) -> int:
    return today.year if month <= today.month else today.year - 1


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _iso(match: re.Match[str], _today: date) -> _Made:
    year, month, day = map(int, match["day"].split("-"))
    found = _day(year, month, day)
    return None if found is None else (found, found, "day")


def _slashed(match: re.Match[str], _today: date) -> _Made:
    day, month, year = map(int, match["day"].split("/"))
    found = _day(year, month, day)
    return None if found is None else (found, found, "day")


def _named_day(match: re.Match[str], today: date) -> _Made:
    month = _MONTH[match["month"]]
    year = int(match["year"]) if match["year"] else _latest_month(month, today)
    found = _day(year, month, int(match["day"]))
    return None if found is None else (found, found, "day")


def _named_days(match: re.Match[str], today: date) -> _Made:
    """From one day of a month to another of it."""
    month = _MONTH[match["month"]]
    year = int(match["year"]) if match["year"] else _latest_month(month, today)
    first, last = _day(year, month, int(match["first"])), _day(year, month, int(match["last"]))
    return None if first is None or last is None else (first, last, "range")


def _named_month(match: re.Match[str], today: date) -> _Made:
    name, told = match["month"], match.groupdict().get("year")
    if told is None and name in _UNSURE and (match.start() == match.start("month") or name in _OTHER_WORDS):
        return None
    month = _MONTH[name]
    return *_of_month(int(told) if told else _latest_month(month, today), month), "month"


def _months(match: re.Match[str], today: date) -> _Made:
    """From one month to another; the year stands behind the last, or it is the latest that has begun."""
    first, last = _MONTH[match["first"]], _MONTH[match["last"]]
    year = int(match["year"]) if match["year"] else _latest_month(last, today)
    began = int(match["began"]) if match["began"] else year - (first > last)
    return _of_month(began, first)[0], _of_month(year, last)[1], "range"


def _years(match: re.Match[str], _today: date) -> _Made:
    return date(int(match["first"]), 1, 1), date(int(match["last"]), 12, 31), "range"


def _year(match: re.Match[str], _today: date) -> _Made:
    year = int(match["year"])
    return date(year, 1, 1), date(year, 12, 31), "year"


def _quarter(match: re.Match[str], today: date) -> _Made:
    said = match.groupdict()
    quarter = int(said["number"]) if said.get("number") else _ORDINAL[said["ordinal"] or ""]
    told = said.get("year")
    year = int(told) if told else today.year - (quarter > (today.month - 1) // 3 + 1)
    return *_of_quarter(year, quarter), "quarter"


def _half(match: re.Match[str], today: date) -> _Made:
    half = _ORDINAL[match["ordinal"]]
    if half > 2:
        return None
    year = int(match["year"]) if match["year"] else today.year - (half == 2 and today.month <= 6)
    return date(year, half * 6 - 5, 1), _of_month(year, half * 6)[1], "range"


def _stepping(steps: int) -> Callable[[re.Match[str], date], _Made]:
    def made(match: re.Match[str], today: date) -> _Made:
        unit = _UNITS[match["unit"]]
        return *_around(today, unit, steps), unit

    return made


def _last_some(match: re.Match[str], today: date) -> _Made:
    """Whole calendar units up to today: the last 30 days end today, the last 3 months with this one."""
    said = match["count"]
    count = int(said) if said.isdigit() else COUNT_WORDS[said]
    if not 1 <= count <= 400:
        return None
    unit = _UNITS[match["unit"]]
    if unit == "day":
        return today - timedelta(days=count - 1), today, "range"
    return _around(today, unit, 1 - count)[0], today, "range"


def _ago(match: re.Match[str], today: date) -> _Made:
    said, unit = match["count"], _UNITS[match["unit"]]
    count = int(said) if said.isdigit() else COUNT_WORDS[said]
    return (*_around(today, unit, -count), unit) if 1 <= count <= 400 else None


def _since(match: re.Match[str], today: date) -> _Made:
    """From the beginning of what is named until today."""
    inner = periods_in(match["what"], today)
    return (inner[0].first, today, "range") if inner and inner[0].first <= today else None


def _so_far(match: re.Match[str], today: date) -> _Made:
    unit = _UNITS[match["unit"]]
    return _around(today, unit, 0)[0], today, "range"


def _named(unit: Unit, steps: int) -> Callable[[re.Match[str], date], _Made]:
    return lambda _match, today: (*_around(today, unit, steps), unit)


def _rule(pattern: str, make: Callable[[re.Match[str], date], _Made]) -> _Rule:
    return re.compile(r"(?<![\w/.-])" + pattern + r"(?![\w/-])"), make


def _two(pattern: str, *names: str) -> str:
    return pattern.format(*names)


_RULES: tuple[_Rule, ...] = (
    _rule(_ISO.format("day"), _iso),
    _rule(_SLASHED.format("day"), _slashed),
    _rule(
        rf"(?:from|del|desde\s+el|between|entre\s+el)?\s*{_D.format('first')}\s+(?:to|al|and|y|y\s+el|hasta\s+el|-)\s+"
        rf"{_D.format('last')}{_OF}{_M.format('month')}(?:{_OF}{_Y.format('year')})?",
        _named_days,
    ),
    _rule(rf"{_THE}{_D.format('day')}{_OF}{_M.format('month')}(?:{_OF}{_Y.format('year')})?", _named_day),
    _rule(rf"{_M.format('month')}\s+{_D.format('day')}(?:{_OF}{_Y.format('year')})?", _named_day),
    _rule(
        rf"(?:(?:from|between|de|desde|entre)\s+)?{_M.format('first')}(?:{_OF}{_Y.format('began')})?\s+"
        rf"(?:to|and|a|y|hasta|until|through|-)\s+{_M.format('last')}(?:{_OF}{_Y.format('year')})?",
        _months,
    ),
    _rule(rf"{_M.format('month')}{_OF}{_Y.format('year')}", _named_month),
    _rule(rf"(?:(?:in|en|de|del|of|for|during|durante)\s+)?{_M.format('month')}", _named_month),
    _rule(
        rf"(?:(?:from|between|de|desde|entre)\s+)?{_Y.format('first')}\s+(?:to|and|a|y|hasta|until|-)\s+"
        rf"{_Y.format('last')}",
        _years,
    ),
    _rule(_Y.format("year"), _year),
    _rule(rf"(?:q|t|{_THE})?(?:q|t)(?P<number>[1-4])(?:{_OF}{_Y.format('year')})?", _quarter),
    _rule(rf"{_THE}{_O}\s+(?:quarter|trimestre)(?:{_OF}{_Y.format('year')})?", _quarter),
    _rule(rf"{_THE}{_O}\s+(?:half|semestre)(?:{_OF}(?:the\s+year\s*)?{_Y.format('year')})?", _half),
    _rule(
        rf"(?:this|current|{_THE}presente|est[ea]|{_THE}actual)\s+{_U}(?:\s+(?:en\s+curso|actual))?",
        _stepping(0),
    ),
    _rule(rf"(?:el|la)\s+{_U}\s+(?:en\s+curso|actual)", _stepping(0)),
    _rule(rf"{_THE}(?:last|previous|prior|past)\s+{_U}", _stepping(-1)),
    _rule(rf"(?:{_THE}){_U}\s+(?:pasad[oa]|anterior)", _stepping(-1)),
    _rule(rf"{_THE}(?:pasad[oa]|ultim[oa])\s+{_U}", _stepping(-1)),
    _rule(rf"{_THE}(?:last|past|previous)\s+{_N}\s+{_U}", _last_some),
    _rule(rf"{_THE}ultim[oa]s\s+{_N}\s+{_U}", _last_some),
    _rule(rf"(?:de\s+)?hace\s+{_N}\s+{_U}", _ago),
    _rule(rf"{_N}\s+{_U}\s+ago", _ago),
    _rule(r"(?:since|desde)\s+(?P<what>[\w\s-]{3,30}?)(?=$|[?.,;!])", _since),
    _rule(rf"(?:so\s+far\s+this|en\s+lo\s+que\s+va\s+de[l]?)\s+{_U}", _so_far),
    _rule(r"(?:year\s+to\s+date|ytd)", lambda _m, today: (date(today.year, 1, 1), today, "range")),
    _rule(r"(?:today|hoy)", _named("day", 0)),
    _rule(r"(?:yesterday|ayer)", _named("day", -1)),
    _rule(r"(?:day\s+before\s+yesterday|anteayer|antes\s+de\s+ayer)", _named("day", -2)),
)


def named_periods(text: str, today: date) -> Iterator[Period]:
    """The whole text names one period, as a default does: "last month", "2026", "ayer"."""
    stripped = text.strip()
    yield from (one for one in periods_in(stripped, today) if one.start == 0 and one.end == len(stripped))
