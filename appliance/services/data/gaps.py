"""The gaps of a saved question and what somebody's words put into them. Pure.

What a gap takes follows from its kind and its name: `desde`/`from` is the first day of a period, `hasta`/`to` its last,
`antes`/`before` the day after it; `mes`, `trimestre` and `año` are numbers of one; `n` is how many; one with choices is
one of those; a text without choices is what stands in quotation marks or is written like a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from appliance.domain.data import SavedParameter
from appliance.errors import InvalidRequest
from appliance.services.data.periods import COUNT_WORDS, Period, fold, named_periods, periods_in
from querying.types import Value

Role = Literal[
    "first", "last", "after", "day", "month", "quarter", "year", "count", "choice", "number", "text", "flag"
]
Span = tuple[int, int]

_NAMES: Final[Mapping[str, Role]] = {
    **dict.fromkeys(
        ["desde", "from", "since", "start", "begin", "inicio", "first", "primero", "primera"], "first"
    ),
    **dict.fromkeys(["hasta", "to", "until", "till", "end", "fin", "last", "ultimo", "ultima"], "last"),
    **dict.fromkeys(["antes", "before", "after_end", "exclusive"], "after"),
    **dict.fromkeys(["mes", "month"], "month"),
    **dict.fromkeys(["trimestre", "quarter"], "quarter"),
    **dict.fromkeys(["ano", "anio", "year", "ejercicio"], "year"),
    **dict.fromkeys(["n", "top", "limit", "limite", "cuantos", "cuantas", "count", "filas", "rows"], "count"),
}
_OF_PERIOD: Final = frozenset({"first", "last", "after", "day", "month", "quarter", "year"})
_NUMBER = re.compile(r"(?<![\w.,/-])-?\d+(?:[.,]\d+)*(?![\w/])")
_QUOTED = re.compile(r"[\"“”«»„]([^\"“”«»„]{1,200})[\"“”«»„]|(?<!\w)'([^']{1,200})'(?!\w)")
_NAME_WORD = r"[A-ZÁÉÍÓÚÜÑ][\w&'.-]*"
_NAME_LIKE = re.compile(
    rf"{_NAME_WORD}(?:\s+(?:(?:de|del|la|los|las|y|&|of|the|and)\s+)*(?:{_NAME_WORD}|[0-9][\w&'.-]*))*"
)
_TRUE, _FALSE = frozenset({"true", "yes", "si", "1"}), frozenset({"false", "no", "0"})
_MOST_DECIMALS_AFTER_POINT = 3  # "1.234" is a thousand and some in Spanish


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in a question that may fill gaps: each with its place. names: written like a name, or quoted."""

    text: str
    periods: tuple[Period, ...] = ()
    numbers: tuple[tuple[int, int, Decimal], ...] = ()
    quoted: tuple[tuple[int, int, str], ...] = ()
    names: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """values: what the words told. used: their places. untold: gaps that nobody spoke of."""

    values: Mapping[str, Value] = field(default_factory=dict)
    used: tuple[Span, ...] = ()
    untold: tuple[SavedParameter, ...] = ()


def role_of(parameter: SavedParameter) -> Role:
    """What of a question it takes."""
    if parameter.choices:
        return "choice"
    told = [role for part in fold(parameter.name).split("_") if (role := _NAMES.get(part)) is not None]
    if parameter.kind in ("date", "timestamp"):
        return next((role for role in told if role in ("first", "last", "after")), "day")
    if parameter.kind in ("integer", "decimal", "float"):
        return next((role for role in told if role in ("month", "quarter", "year", "count")), "number")
    if parameter.kind == "boolean":
        return "flag"
    return "text"


def said_in(text: str, today: date) -> Said:
    """Looked at once, whatever it is held against."""
    periods = tuple(periods_in(text, today))
    quoted = tuple(
        (match.start(), match.end(), (match[1] or match[2]).strip()) for match in _QUOTED.finditer(text)
    )
    taken = [(one.start, one.end) for one in periods] + [(start, end) for start, end, _ in quoted]
    folded = fold(text)
    numbers = [
        (match.start(), match.end(), _decimal(match[0]))
        for match in _NUMBER.finditer(text)
        if _is_free(match.span(), taken)
    ]
    numbers += [
        (match.start(), match.end(), Decimal(COUNT_WORDS[match[0]]))
        for match in re.finditer(r"[^\W\d_]+", folded)
        if COUNT_WORDS.get(match[0], 0) > 1 and _is_free(match.span(), taken)
    ]
    names = tuple(
        (match.start(), match.end(), match[0])
        for match in _NAME_LIKE.finditer(text)
        if _is_free(match.span(), taken) and not _begins_sentence(text, match.start())
    )
    return Said(text, periods, tuple(sorted(numbers)), quoted, names)


def filled(parameters: Sequence[SavedParameter], said: Said, is_common: Callable[[str], bool]) -> Filled:
    """What the words tell of these gaps. is_common: a word of the question itself, so no name."""
    values: dict[str, Value] = {}
    used: list[Span] = []
    by_role = {one.name: role_of(one) for one in parameters}
    wanted = {role for role in by_role.values() if role in _OF_PERIOD}
    period = next((one for one in said.periods if _fits(one, wanted)), None)
    for one in parameters:
        role = by_role[one.name]
        found: tuple[Value, Span] | None
        if role in _OF_PERIOD:
            found = None if period is None else _of_period(one, role, period)
        elif role == "choice":
            found = _of_choices(one, said, used)
        elif role in ("count", "number"):
            found = _of_numbers(one, said, used)
        elif role == "text":
            found = _of_names(said, used, is_common)
        else:
            found = None
        if found is not None:
            values[one.name] = found[0]
            used.append(found[1])
    untold = tuple(one for one in parameters if one.name not in values)
    return Filled(values, tuple(used), untold)


def resolved(parameter: SavedParameter, today: date) -> Value:
    """Its default; words such as "last month" are reckoned from today. None: it has none that fits."""
    if parameter.default is None:
        return None
    try:
        return typed(parameter, parameter.default, today)
    except InvalidRequest:
        return None


def typed(parameter: SavedParameter, value: Value, today: date) -> Value:
    """A value as its kind has it, from what a person or a program wrote. Raises InvalidRequest."""
    made = _typed(parameter, value, today)
    if made is None:
        wanted = ", ".join(parameter.choices[:10]) if parameter.choices else parameter.kind
        raise InvalidRequest(
            f"{parameter.name}: {str(value)[:60]!r} does not fit ({wanted}).", param="values"
        )
    return made


def _typed(parameter: SavedParameter, value: Value, today: date) -> Value:
    role = role_of(parameter)
    if isinstance(value, str):
        value = value.strip()
    if role == "choice":
        return next(
            (_as_kind(parameter, one) for one in parameter.choices if fold(one) == fold(str(value))), None
        )
    if role in _OF_PERIOD and isinstance(value, str):
        period = next(named_periods(value, today), None)
        if period is not None and _fits(period, {role}):
            found = _of_period(parameter, role, period)
            if found is not None:
                return found[0]
    return _as_kind(parameter, value)


def _as_kind(parameter: SavedParameter, value: Value) -> Value:
    try:
        match parameter.kind:
            case "integer":
                number = _decimal(str(value))
                return int(number) if not isinstance(value, bool) and number == int(number) else None
            case "decimal":
                return _decimal(str(value))
            case "float":
                return float(_decimal(str(value)))
            case "boolean":
                said = fold(str(value))
                return True if said in _TRUE else False if said in _FALSE else None
            case "date":
                if isinstance(value, datetime):
                    return value.date()
                return value if isinstance(value, date) else date.fromisoformat(str(value))
            case "timestamp":
                if isinstance(value, date) and not isinstance(value, datetime):
                    return datetime(value.year, value.month, value.day)
                return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            case _:
                return str(value)
    except (ValueError, InvalidOperation, OverflowError):
        return None


def _fits(period: Period, wanted: set[Role]) -> bool:
    """Whether gaps of these roles hold all that the period says."""
    if wanted & {"first", "last", "after"}:
        return True
    if "day" in wanted:
        return period.unit == "day"
    units = {"month", "quarter", "year"} & wanted
    if period.unit == "month":
        return "month" in units and ("year" in units or not period.tells_year)
    if period.unit == "quarter":
        return "quarter" in units and ("year" in units or not period.tells_year)
    return period.unit == "year" and units == {"year"}


def _of_period(parameter: SavedParameter, role: Role, period: Period) -> tuple[Value, Span] | None:
    span = (period.start, period.end)
    day = {"first": period.first, "last": period.last, "after": period.after, "day": period.first}.get(role)
    if day is None:
        number = {
            "month": period.first.month,
            "quarter": (period.first.month + 2) // 3,
            "year": period.first.year,
        }
        return number[role], span
    if parameter.kind == "timestamp":
        moment = datetime(day.year, day.month, day.day)
        return (moment + timedelta(days=1, microseconds=-1) if role == "last" else moment), span
    return day, span


def _of_choices(parameter: SavedParameter, said: Said, used: Sequence[Span]) -> tuple[Value, Span] | None:
    """The longest choice that stands in the text as a word of its own."""
    folded = fold(said.text)
    for choice in sorted(parameter.choices, key=len, reverse=True):
        pattern = rf"(?<!\w){re.escape(fold(choice))}(?:e?s)?(?!\w)"
        for match in re.finditer(pattern, folded):
            if _is_free(match.span(), used):
                return _as_kind(parameter, choice), match.span()
    return None


def _of_numbers(parameter: SavedParameter, said: Said, used: Sequence[Span]) -> tuple[Value, Span] | None:
    for start, end, number in said.numbers:
        if _is_free((start, end), used):
            value = _as_kind(parameter, number)
            if value is not None:
                return value, (start, end)
    return None


def _of_names(
    said: Said, used: Sequence[Span], is_common: Callable[[str], bool]
) -> tuple[Value, Span] | None:
    for start, end, name in (*said.quoted, *said.names):
        if _is_free((start, end), used) and ((start, end, name) in said.quoted or not is_common(name)):
            return name, (start, end)
    return None


def _is_free(span: Span, taken: Sequence[Span]) -> bool:
    return all(span[1] <= start or span[0] >= end for start, end in taken)


def _begins_sentence(text: str, start: int) -> bool:
    """A capital there says nothing."""
    before = text[:start].rstrip(" ¿¡\"'«“(")
    return not before or before[-1] in ".?!:"


def _decimal(text: str) -> Decimal:
    """ "1.234,5", "1,234.5" and "1.234" as people of both languages write them. Raises InvalidOperation."""
    plain = text.replace("\u00a0", "").replace(" ", "")
    point, comma = plain.rfind("."), plain.rfind(",")
    if point >= 0 and comma >= 0:
        plain = plain.replace("." if comma > point else ",", "").replace(",", ".")
    elif comma >= 0:
        is_group = plain.count(",") > 1 or (
            len(plain) - comma - 1 == _MOST_DECIMALS_AFTER_POINT and comma < 4
        )
        plain = plain.replace(",", "" if is_group else ".")
    elif plain.count(".") > 1:
        plain = plain.replace(".", "")
    return Decimal(plain)
