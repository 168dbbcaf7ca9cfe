"""How a spreadsheet shows a number: dates in ISO form, percentages, decimals, units – as its reader sees it.

Follows the format codes of ECMA-376 part 1, 18.8.31, of which the first section is used. Left out on purpose: thousands
separators (they differ by country and hide numbers from a search), colours, conditions and fractions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from math import isfinite
from typing import Literal

Kind = Literal["general", "fixed", "date", "time", "datetime", "elapsed"]

# The built-in formats that are not written down in the files; 14 to 22 and 45 to 47 are dates and times.
BUILT_IN = {1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"} | {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 20), "h:mm"),
    **dict.fromkeys((19, 21), "h:mm:ss"),
    22: "yyyy-mm-dd h:mm",
    37: "#,##0",
    38: "#,##0",
    39: "#,##0.00",
    40: "#,##0.00",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss",
    49: "@",
}
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_(?P<space>.)|\*.|\[\$(?P<currency>[^\]-]*)[^\]]*\]'
    r"|\[(?P<elapsed>[hms]+)\]|\[[^\]]*\]|(?P<general>general)|(?P<half>am/pm|a/p)"
    r"|(?P<number>[#0?][#0?,]*(?:\.[#0?]*)?|\.[#0?]+)|(?P<exponent>e[+-])|(?P<date>[ymdhsgeb]+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_SECTIONS = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])*', re.DOTALL)
_LAST_DAY = 2_958_466  # the first of the year 10000
_MAX_DECIMALS = 15


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """decimals, digits: behind the point, and at least before it. is_percent: the value is shown a hundredfold."""

    kind: Kind = "general"
    decimals: int = 0
    digits: int = 1
    is_percent: bool = False
    prefix: str = ""
    suffix: str = ""

    def text(self, value: float, is_1904: bool = False) -> str:
        """The number as shown; days count from 1904 in workbooks of old Macs."""
        if self.kind == "general":
            return plain(value)
        if self.kind != "fixed":
            shown = _moment(value, self.kind, is_1904)
            return shown if shown is not None else plain(value)
        number = _fixed(value * 100 if self.is_percent else value, self.decimals, self.digits)
        sign, number = ("-", number[1:]) if number.startswith("-") else ("", number)
        return f"{sign}{self.prefix}{number}{self.suffix}"


GENERAL = NumberFormat()


def number_format(code: str) -> NumberFormat:
    """What a format code asks for; anything unusual is general."""
    section = _SECTIONS.match(code or "")
    tokens = [
        (match.lastgroup or "", match[match.lastgroup] if match.lastgroup else "")
        for match in _TOKEN.finditer(section[0] if section else "")
    ]
    names = [name for name, _ in tokens]
    if "elapsed" in names:
        return NumberFormat("elapsed")
    if "exponent" in names:
        return GENERAL
    if "date" in names:
        return NumberFormat(_kind_of_moment("".join(text for name, text in tokens if name == "date").lower()))
    if names.count("number") != 1 or "general" in names:
        return GENERAL
    at = names.index("number")
    number = tokens[at][1]
    if number.endswith(",") or ("other", "/") in tokens:
        return GENERAL  # shown in thousands, or as a fraction
    whole, _, decimals = number.partition(".")
    return NumberFormat(
        "fixed",
        min(len(decimals), _MAX_DECIMALS),
        max(whole.count("0"), 1),
        ("other", "%") in tokens,
        _literal(tokens[:at]).lstrip(),
        _literal(tokens[at + 1 :]).rstrip(),
    )


def _kind_of_moment(letters: str) -> Kind:
    has_time = "h" in letters or "s" in letters
    has_date = any(letter in letters for letter in "ydge") or ("m" in letters and not has_time)
    if has_date and has_time:
        return "datetime"
    return "time" if has_time else "date"


def _literal(tokens: list[tuple[str, str]]) -> str:
    """What stands before or behind the number: units and currencies."""
    shown = {"quoted", "escaped", "currency", "other"}
    text = "".join(" " if name == "space" else text for name, text in tokens if name in shown | {"space"})
    return "" if text.strip() in ("(", ")", "-", "+") else re.sub(r"\s+", " ", text.replace("@", ""))


def plain(value: float) -> str:
    """The number in at most 15 digits, which is what spreadsheets keep; no exponent below 10^15."""
    if value.is_integer() and -(10**15) < value < 10**15:
        return str(int(value))
    if not isfinite(value):
        return ""
    shown = f"{value:.15g}"
    if "e" in shown and 1e-9 < abs(value) < 10**15:
        shown = f"{Decimal(shown):f}"
    return shown


def _fixed(value: float, decimals: int, digits: int) -> str:
    """Rounded as spreadsheets round: on the decimal digits, halves away from zero."""
    try:
        number = Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    except InvalidOperation:
        return plain(value)
    sign = "-" if number < 0 else ""
    whole, point, rest = f"{abs(number):f}".partition(".")
    return f"{sign}{whole.zfill(digits)}{point}{rest}"


def _moment(value: float, kind: Kind, is_1904: bool) -> str | None:
    if not 0 <= value < _LAST_DAY:
        return None
    seconds = round(value * 86_400)
    if kind == "elapsed":
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}" + (
        f":{seconds % 60:02}" if seconds % 60 else ""
    )
    if kind == "time" and value < 1:
        return clock
    day = _day(seconds // 86_400, is_1904)
    return day if kind == "date" or not seconds % 86_400 else f"{day} {clock}"


def _day(days: int, is_1904: bool) -> str:
    if is_1904:
        return (datetime(1904, 1, 1) + timedelta(days)).date().isoformat()
    # Lotus 1-2-3 took 1900 for a leap year, and Excel after it: day 60 never was.
    return (datetime(1899, 12, 31 if days < 60 else 30) + timedelta(days)).date().isoformat()
