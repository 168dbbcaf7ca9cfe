"""Numbers, dates and truth values that stand in a sheet as text: `1.234,56 €`, `(12)`, `3 de marzo de 2025`, `SÍ`.

How a column writes its numbers and dates is found from all of its texts: `1.234` alone may be either.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Literal

_UNIT = r"(?:[€$£¥%‰]|EUR|USD|GBP|MXN|ARS|COP|CLP|PEN|CHF|euros?)"
_NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+−–])?\s*(?P<before>{_UNIT})?\s*(?P<sign2>[-−–])?\s*"
    r"(?P<digits>\d[\d.,'’ \u00a0\u202f]*|[.,]\d+)(?P<exponent>[eE][+-]?\d{1,3})?"
    rf"\s*(?P<behind>{_UNIT})?\s*(?P<minus>[-−])?\s*(?P<close>\))?\Z",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}(?:([.,'’ \u00a0\u202f])\d{3})(?:\1\d{3})*\Z")
_LEADING_ZERO = re.compile(r"0\d+\Z")
_LONGEST_DIGITS = 38
_DIGITS_OF_A_TELEPHONE = 9
_NUMERIC_DATE = re.compile(
    r"(\d{1,4})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{1,4})(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s?Z?)?\Z"
)
_WORD_DATE = re.compile(r"(\d{1,2})[-/ .]+(?:de\s+)?([a-z]{3,10})\.?[-/ .,]+(?:del?\s+)?(\d{4}|\d{2})\Z")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\Z")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("ene", "enero", "jan", "january"),
            ("feb", "febrero", "february"),
            ("mar", "marzo", "march"),
            ("abr", "abril", "apr", "april"),
            ("may", "mayo"),
            ("jun", "junio", "june"),
            ("jul", "julio", "july"),
            ("ago", "agosto", "aug", "august"),
            ("sep", "sept", "set", "septiembre", "setiembre", "september"),
            ("oct", "octubre", "october"),
            ("nov", "noviembre", "november"),
            ("dic", "diciembre", "dec", "december"),
        ),
        start=1,
    )
    for name in names
}
_TRUE = frozenset({"si", "yes", "true", "verdadero", "cierto"})
_FALSE = frozenset({"no", "false", "falso"})
_LONGEST_NOTHING = 8  # characters, blanks included
# What people write where there is no value.
_NOTHING = frozenset(
    {"", "-", "--", "—", "–", "n/a", "n.a.", "na", "n/d", "nd", "s/d", "s.d.", "null", "none", "nan", "?"}
)

Mark = Literal[".", ","]


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """decimal: the mark before decimals. is_sure: some text of the column, or of its file, shows it."""

    decimal: Mark = "."
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """unit: as it stood beside the number; of a percentage the value is a share already."""

    value: Decimal
    unit: str = ""


def plain_word(text: str) -> str:
    """Lower case without accents, blanks as one: for comparing words."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in folded if not unicodedata.combining(one)).split())


def is_nothing(text: str) -> bool:
    """Whether a text only says that there is no value."""
    return len(text) <= _LONGEST_NOTHING and text.strip().casefold() in _NOTHING


def truth(text: str) -> bool | None:
    """SÍ, no, verdadero …"""
    word = plain_word(text)
    return True if word in _TRUE else False if word in _FALSE else None


def has_leading_zero(text: str) -> bool:
    """A postal code, an account, a telephone number: digits that are no quantity."""
    return bool(_LEADING_ZERO.match(text.strip()))


def decimal_mark(text: str) -> Mark | None:
    """What the text proves about how decimals are written here; None: nothing."""
    match = _NUMBER.match(text.strip())
    if match is None:
        return None
    digits = match["digits"].strip()
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and point >= 0:
        return "," if comma > point else "."
    mark: Mark = "," if comma >= 0 else "."
    at = max(comma, point)
    if at < 0:
        return None
    if digits.count(mark) > 1:  # only thousands are parted more than once
        return ("." if mark == "," else ",") if _THOUSANDS.match(digits) else None
    return None if _THOUSANDS.match(digits) and not digits.startswith("0") else mark


def number_style(texts: Iterable[str], has_comma: bool | None = None) -> NumberStyle:
    """How a column writes its decimals. has_comma: what is known of its file, for columns that prove nothing."""
    found = {",": 0, ".": 0}
    for text in texts:
        if mark := decimal_mark(text):
            found[mark] += 1
    if found[","] != found["."]:
        return NumberStyle("," if found[","] > found["."] else ".")
    return NumberStyle("," if has_comma else ".", is_sure=has_comma is not None)


def number(text: str, style: NumberStyle) -> WrittenNumber | None:
    """The number that the text is; None where it is none."""
    match = _NUMBER.match(text.strip())
    if match is None or bool(match["open"]) != bool(match["close"]) or has_leading_zero(text):
        return None
    if match["sign"] == "+" and sum(map(str.isdecimal, text)) >= _DIGITS_OF_A_TELEPHONE:
        return None
    mark = decimal_mark(text) or style.decimal
    digits = match["digits"].strip()
    whole, point, rest = digits.rpartition(mark) if mark in digits else (digits, "", "")
    if len(re.sub(r"\d", "", whole)) and not _THOUSANDS.match(whole):
        return None
    if rest and not rest.isdecimal():
        return None
    bare = re.sub(r"\D", "", whole) + (f".{rest}" if point and rest else "")
    if len(bare) > _LONGEST_DIGITS:
        return None
    try:
        value = Decimal((bare or "0") + (match["exponent"] or ""))
    except InvalidOperation:
        return None
    signs = sum(bool(match[name]) and match[name] != "+" for name in ("sign", "sign2", "minus"))
    if signs + bool(match["open"]) > 1:
        return None
    if signs or match["open"]:
        value = -value
    unit = (match["before"] or match["behind"] or "").strip()
    if unit in ("%", "‰"):
        return WrittenNumber(value / (100 if unit == "%" else 1000), "%")
    return WrittenNumber(value, unit)


def month_comes_first(texts: Iterable[str]) -> bool:
    """Whether a column writes its dates as in the United States; without proof the day comes first."""
    day_first = month_first = 0
    for text in texts:
        match = _NUMERIC_DATE.match(text.strip())
        if match and len(match[1]) <= 2:
            day_first += int(match[1]) > 12
            month_first += int(match[2]) > 12
    return month_first > 0 and not day_first


def moment(text: str, *, month_first: bool = False) -> date | datetime | None:
    """A date, or a date with a time."""
    text = text.strip()
    if match := _NUMERIC_DATE.match(text):
        first, second, third = int(match[1]), int(match[2]), int(match[3])
        if len(match[1]) == 4:
            year, month, day = first, second, third
        elif len(match[1]) <= 2 and len(match[3]) in (2, 4):
            year = _year(third, len(match[3]))
            day, month = (second, first) if month_first else (first, second)
        else:
            return None
        clock = (int(match[4]), int(match[5]), int(match[6] or 0)) if match[4] else None
    elif match := _WORD_DATE.match(plain_word(text)):
        day, month, year = int(match[1]), _MONTHS.get(match[2], 0), _year(int(match[3]), len(match[3]))
        clock = None
    else:
        return None
    try:
        return datetime(year, month, day, *clock) if clock else date(year, month, day)
    except ValueError:
        return None


def clock(text: str) -> time | None:
    """Hours and minutes of a day."""
    match = _CLOCK.match(text.strip())
    if match is None:
        return None
    try:
        return time(int(match[1]), int(match[2]), int(match[3] or 0))
    except ValueError:
        return None


def _year(number: int, digits: int) -> int:
    if digits == 4:
        return number
    return number + (2000 if number < 70 else 1900)
