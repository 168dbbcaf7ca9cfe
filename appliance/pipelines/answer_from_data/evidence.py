"""What a result supports: its numbers, days and words, how many rows it has, and what its query asked for. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from appliance.pipelines.answer_from_data.folding import folded
from appliance.pipelines.answer_from_data.formatting import label, words_of
from appliance.pipelines.answer_from_data.moments import MONTH_NUMBERS
from appliance.pipelines.answer_from_data.numerals import NUMBER_WORDS, Numeral
from querying.types import Dialect, Rows, Value

_SHARE_WORDS = "percent percentage pct share ratio rate margin growth porcentaje cuota tasa margen"
_SHARES = frozenset(_SHARE_WORDS.split())
_NEAR: Final = Decimal("0.05")  # of a value: what is rounded more is not the number any more
_DAY = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?")
_FIGURES = re.compile(r"\d+(?:\.\d+)?")
_WORDS = re.compile(r"[^\W\d_]+")
_MOST_CELLS = 20_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the result. is_share: its column says that it is one. is_whole: an integer."""

    value: Decimal
    is_share: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """days: (year, month, day) with what is not known None. literals: numbers that the query asks for.

    phrases: words of the result with a number in them, which may be repeated as they are. currencies: signs.
    names: all words of the result.
    """

    cells: tuple[Cell, ...]
    literals: frozenset[Decimal]
    days: frozenset[tuple[int, int, int | None]]
    clocks: frozenset[tuple[int, int]]
    phrases: tuple[str, ...]
    row_count: int
    currencies: frozenset[str] = frozenset()
    months_asked: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()

    def supports(self, numeral: Numeral, *, is_share: bool = False, is_negative: bool = False) -> bool:
        """Whether the number stands there, as it is or rounded to the place in which it is written."""
        value = -numeral.value if is_negative else numeral.value
        if not is_share and not is_negative and value == self.row_count:
            return True
        if value in self.literals or (is_share and value / 100 in self.literals):
            return True
        return any(_is_near(one, value, numeral.unit) for one in self._comparable(is_share))

    def has_year(self, year: Decimal) -> bool:
        """Of a day in the result or the query."""
        return any(year == day[0] for day in self.days)

    def has_month(self, month: int, year: int | None = None) -> bool:
        if year is None:
            return (
                month in self.months_asked
                or any(month == one[1] for one in self.days)
                or Decimal(month) in self.literals
                or any(cell.is_whole and cell.value == month for cell in self.cells)
            )
        if any((year, month) == one[:2] for one in self.days):
            return True
        numbers = {*self.literals, *(cell.value for cell in self.cells if cell.is_whole)}
        return Decimal(year) in self.literals and Decimal(month) in numbers

    def has_day(self, year: int | None, month: int, day: int) -> bool:
        return any(one[1:] == (month, day) and year in (None, one[0]) for one in self.days)

    def has_quarter(self, quarter: int, year: int | None = None) -> bool:
        is_known = any((one[1] + 2) // 3 == quarter and year in (None, one[0]) for one in self.days if one[1])
        numbers = {*self.literals, *(cell.value for cell in self.cells if cell.is_whole)}
        is_told = quarter in numbers and (year is None or Decimal(year) in numbers)
        return is_known or is_told

    def _comparable(self, is_share: bool) -> Iterator[Decimal]:
        for cell in self.cells:
            if not is_share:
                yield cell.value
                continue
            if cell.is_share or not cell.is_whole:
                yield cell.value
                if abs(cell.value) <= 1 or cell.is_share:
                    yield cell.value * 100


def evidence(
    rows: Rows, sql: str, dialect: Dialect, question: str = "", currencies: Sequence[str] = ()
) -> Evidence:
    """question: the months that it names are what was asked for; its numbers count where the query has them."""
    cells: list[Cell] = []
    days: set[tuple[int, int, int | None]] = set()
    clocks: set[tuple[int, int]] = set()
    phrases = {column.name for column in rows.columns} | {label(column.name) for column in rows.columns}
    shares = [not _SHARES.isdisjoint(words_of(column.name)) or "%" in column.name for column in rows.columns]
    left = _MOST_CELLS
    for row in rows.rows:
        for n, value in enumerate(row):
            _take(value, shares[n], cells, days, clocks, phrases)
        _take_months(rows, row, days)
        left -= len(row)
        if left < 0:
            break
    literals, asked = _literals(sql, dialect)
    for day in asked:
        days |= _parts_of(day) | _parts_of(day - timedelta(days=1) if day > date.min else day)
    return Evidence(
        tuple(cells),
        frozenset(literals),
        frozenset(days),
        frozenset(clocks),
        _telling(phrases),
        len(rows.rows),
        frozenset(one for one in currencies if one),
        frozenset(_months_in(question)),
        frozenset(word for phrase in phrases for word in _WORDS.findall(folded(phrase))),
    )


def _take(
    value: Value,
    is_share: bool,
    cells: list[Cell],
    days: set[tuple[int, int, int | None]],
    clocks: set[tuple[int, int]],
    phrases: set[str],
) -> None:
    match value:
        case None | bool():
            return
        case int():
            cells.append(Cell(Decimal(value), is_share, is_whole=True))
        case float():
            if math.isfinite(value):
                exact = Decimal(repr(value))
                cells.append(Cell(exact, is_share, exact == exact.to_integral_value()))
        case Decimal():
            if value.is_finite():
                cells.append(Cell(value, is_share, value == value.to_integral_value()))
        case datetime():
            days.update(_parts_of(value.date()))
            clocks.add((value.hour, value.minute))
        case date():
            days.update(_parts_of(value))
        case time():
            clocks.add((value.hour, value.minute))
        case str():
            phrases.add(value)
            for year, month, day in _DAY.findall(value):
                if 1 <= int(month) <= 12:
                    days.add((int(year), int(month), int(day) if day else None))
            if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,15})?", value.strip()):
                cells.append(Cell(Decimal(value.strip()), is_share, value.strip().lstrip("-").isdigit()))


def _take_months(rows: Rows, row: Sequence[Value], days: set[tuple[int, int, int | None]]) -> None:
    """A year and a month in columns of their own."""
    named = {
        word: value
        for column, value in zip(rows.columns, row, strict=True)
        if isinstance(value, int | Decimal | float) and not isinstance(value, bool)
        for word in words_of(column.name)
    }
    year = next((named[word] for word in ("year", "yr", "ano", "anio", "ejercicio") if word in named), None)
    month = next((named[word] for word in ("month", "mes") if word in named), None)
    if year is not None and month is not None and 1 <= month <= 12 and 1 <= year <= 9999:
        days.add((int(year), int(month), None))


def _parts_of(day: date) -> set[tuple[int, int, int | None]]:
    return {(day.year, day.month, day.day)}


def _literals(sql: str, dialect: Dialect) -> tuple[set[Decimal], set[date]]:
    """Numbers and days that the query has as values; names and comments do not count."""
    import sqlglot  # here: not every gateway takes SQL apart
    from sqlglot.errors import SqlglotError

    numbers: set[Decimal] = set()
    days: set[date] = set()
    try:
        tokens = sqlglot.tokenize(sql, read=dialect)
    except SqlglotError:
        return numbers, days
    for token in tokens:
        if token.token_type.name not in ("NUMBER", "STRING"):
            continue
        for year, month, day in _DAY.findall(token.text):
            try:
                days.add(date(int(year), int(month), int(day or 1)))
            except ValueError:
                continue
        for piece in _FIGURES.findall(_DAY.sub(" ", token.text)):
            try:
                numbers.add(Decimal(piece))
            except InvalidOperation:
                continue
    return numbers, days


def _months_in(question: str) -> set[int]:
    return {MONTH_NUMBERS[word] for word in _WORDS.findall(folded(question)) if word in MONTH_NUMBERS}


def _telling(phrases: set[str]) -> tuple[str, ...]:
    """Those in which something could be taken for a number, and which are more than one; the longest first."""
    found = set()
    for phrase in phrases:
        words = _WORDS.findall(plain := folded(phrase).strip())
        has_number = any(character.isdigit() for character in plain) or not NUMBER_WORDS.isdisjoint(words)
        is_only_number = not [word for word in words if word not in NUMBER_WORDS] and not re.search(
            r"\d\W+\d|[^\W\d]\d|\d[^\W\d]", plain
        )
        if has_number and not is_only_number:
            found.add(plain)
    return tuple(sorted(found, key=lambda phrase: (-len(phrase), phrase)))


def _is_near(one: Decimal, stated: Decimal, unit: Decimal) -> bool:
    if one == stated:
        return True
    difference = abs(one - stated)
    return bool(stated) and difference <= unit / 2 and difference <= abs(one) * _NEAR
