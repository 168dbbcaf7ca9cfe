"""The type of a column, found from all of its cells: what most of them are, or text where they disagree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from querying.types import ValueKind
from querying.workbooks.grid import CellError, CellValue
from querying.workbooks.text_values import (
    NumberStyle,
    clock,
    decimal_mark,
    has_leading_zero,
    is_nothing,
    moment,
    month_comes_first,
    number,
    number_style,
    plain_word,
    truth,
)
from rag.office.number_formats import NumberFormat, plain

TypedValue = None | bool | int | float | Decimal | str | date | datetime | time

_LEAST = 0.9  # of a column's cells that must be of its type
_MOST_DECIMALS = 6  # beyond, a number was computed and is kept as the float it is
_MOST_DIGITS = 36
_INT64 = 2**63
_MOST_SAMPLES = 8
_LONGEST_SAMPLE = 60
_LOOKED_AT_FOR_SAMPLES = 20_000
_LOOKED_AT = 200
_CODE_LABEL = re.compile(
    r"\b(?:tel|tfno|tlf|telefono|phone|movil|mobile|fax|cp|c\.p\.|codigo postal|zip|postal|postcode|nif|cif|dni|nie|"
    r"iban|cuenta|account|ean|isbn|sku|ref|referencia|reference|matricula)\b"
)


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """unread: cells that are not of the type and were left empty, one of them as example; errors likewise.

    unit: "€", "kg"; "%" where 0.25 means 25 %. is_unsure: whether a mark parts thousands was nowhere to be seen.
    """

    kind: ValueKind
    database_type: str
    values: list[TypedValue]
    unit: str = ""
    unread: int = 0
    example: str = ""
    errors: int = 0
    error: str = ""
    is_unsure: bool = False
    samples: tuple[str, ...] = ()


@dataclass(slots=True)
class _Counted:
    """What a column's cells are. texts: those that say something."""

    numbers: int = 0
    truths: int = 0
    days: int = 0
    moments: int = 0
    clocks: int = 0
    errors: int = 0
    error: str = ""
    texts: list[str] | None = None

    @property
    def filled(self) -> int:
        return self.numbers + self.truths + self.days + self.moments + self.clocks + len(self.texts or ())


def typed(
    values: Sequence[CellValue | None],
    formats: Sequence[NumberFormat | None],
    label: str = "",
    has_decimal_comma: bool | None = None,
) -> TypedColumn:
    """Type a column. formats: as of the values. has_decimal_comma: what is known of the file's texts."""
    counted = _count(values)
    texts = counted.texts or []
    if not counted.filled:
        return TypedColumn(
            "text", "VARCHAR", [None] * len(values), errors=counted.errors, error=counted.error
        )
    shapes = Counter(shape for shape in formats if shape is not None)
    style = number_style(texts, has_decimal_comma)
    if not _is_code(texts, shapes, label, counted):
        needed = _LEAST * counted.filled
        for attempt in (_as_numbers, _as_moments, _as_clocks, _as_truths):
            found = attempt(values, counted, style, needed)
            if found is not None:
                return _finished(found, counted, shapes)
    return _finished(_as_text(values, formats, shapes), counted, shapes)


def _count(values: Sequence[CellValue | None]) -> _Counted:
    found = _Counted(texts=[])
    texts = found.texts
    assert texts is not None
    for value in values:
        kind = type(value)
        if kind is float:
            found.numbers += 1
        elif kind is str:
            if not is_nothing(str(value)):
                texts.append(str(value))
        elif value is None:
            continue
        elif kind is bool:
            found.truths += 1
        elif kind is datetime:
            found.moments += 1
        elif kind is date:
            found.days += 1
        elif kind is time:
            found.clocks += 1
        elif isinstance(value, CellError):
            found.errors += 1
            found.error = found.error or value.code
    return found


def _is_code(texts: Sequence[str], shapes: Counter[NumberFormat], label: str, counted: _Counted) -> bool:
    """Digits that are no quantity: with leading zeros, shown with them, or called a telephone number."""
    if any(has_leading_zero(text) for text in texts):
        return True
    if texts and _CODE_LABEL.search(plain_word(label)):
        return True
    padded = sum(count for shape, count in shapes.items() if _is_padded(shape))
    return padded * 2 > counted.numbers > 0


def _is_padded(shape: NumberFormat) -> bool:
    return shape.kind == "fixed" and shape.digits > 1 and not (shape.decimals or shape.prefix or shape.suffix)


@dataclass(slots=True)
class _Attempt:
    kind: ValueKind
    database_type: str
    values: list[TypedValue]
    units: Counter[str]
    unread: int = 0
    example: str = ""
    is_unsure: bool = False


def _as_numbers(
    values: Sequence[CellValue | None], counted: _Counted, style: NumberStyle, needed: float
) -> _Attempt | None:
    texts = counted.texts or []
    if counted.numbers + len(texts) < needed or _is_hopeless(texts, lambda text: number(text, style)):
        return None
    read = {text: number(text, style) for text in set(texts)}
    good = counted.numbers + sum(read[text] is not None for text in texts)
    if good < needed or not good:
        return None
    attempt = _Attempt("decimal", "", [], Counter(), counted.filled - good)
    doubtful = not style.is_sure and any(
        one is not None and decimal_mark(text) is None and ("." in text or "," in text)
        for text, one in read.items()
    )
    attempt.is_unsure = doubtful
    exact: list[int | Decimal | None] = []
    scale = whole = 0
    floats: list[float | None] = []
    for value in values:
        found: int | Decimal | None = None
        raw: float | None = None
        if type(value) is float:
            raw = value
            found = int(value) if value.is_integer() else Decimal(f"{value:.15g}")
        elif type(value) is str and (written := read.get(value)) is not None:
            raw = float(written.value)
            found = written.value
            attempt.units[written.unit] += 1
        elif value is not None and not attempt.example:
            attempt.example = _example(value)
        if isinstance(found, Decimal):
            exponent = found.as_tuple().exponent
            scale = max(scale, -exponent if isinstance(exponent, int) else 0)
        if found is not None:
            whole = max(whole, abs(int(found)))
        exact.append(found)
        floats.append(raw)
    digits = len(str(whole))
    if scale > _MOST_DECIMALS or digits + scale > _MOST_DIGITS:
        attempt.kind, attempt.database_type, attempt.values = "float", "DOUBLE", list(floats)
    elif scale == 0 and whole < _INT64:
        attempt.kind, attempt.database_type = "integer", "BIGINT"
        attempt.values = [None if one is None else int(one) for one in exact]
    else:
        width = 18 if digits + scale <= 18 else 38
        attempt.database_type, attempt.values = f"DECIMAL({width},{scale})", list(exact)
    return attempt


def _as_moments(
    values: Sequence[CellValue | None], counted: _Counted, _style: NumberStyle, needed: float
) -> _Attempt | None:
    texts = counted.texts or []
    if counted.days + counted.moments + len(texts) < needed or _is_hopeless(texts, moment):
        return None
    month_first = month_comes_first(texts)
    read = {text: moment(text, month_first=month_first) for text in set(texts)}
    good = counted.days + counted.moments + sum(read[text] is not None for text in texts)
    if good < needed or not good:
        return None
    found: list[date | datetime | None] = []
    example = ""
    for value in values:
        told = value if isinstance(value, date) else read.get(value) if isinstance(value, str) else None
        if told is None and value is not None and not example:
            example = _example(value)
        found.append(told)
    has_clock = any(isinstance(one, datetime) and one.time() != time() for one in found)
    unread = counted.filled - good
    if has_clock:
        moments = [
            one if one is None or isinstance(one, datetime) else datetime.combine(one, time())
            for one in found
        ]
        return _Attempt("timestamp", "TIMESTAMP", list(moments), Counter(), unread, example)
    days = [one.date() if isinstance(one, datetime) else one for one in found]
    return _Attempt("date", "DATE", list(days), Counter(), unread, example)


def _as_clocks(
    values: Sequence[CellValue | None], counted: _Counted, _style: NumberStyle, needed: float
) -> _Attempt | None:
    return _by_text(values, counted, needed, "time", "TIME", counted.clocks, time, clock)


def _as_truths(
    values: Sequence[CellValue | None], counted: _Counted, _style: NumberStyle, needed: float
) -> _Attempt | None:
    if _is_hopeless(counted.texts or (), truth):
        return None
    texts = {plain_word(text) for text in counted.texts or ()}
    if not counted.truths and len(texts) < 2:
        return None  # a column of nothing but "no" may be anything
    return _by_text(values, counted, needed, "boolean", "BOOLEAN", counted.truths, bool, truth)


def _is_hopeless(texts: Sequence[str], read: Callable[[str], object]) -> bool:
    """Whether texts from all over a long column are mostly something else, so that the rest need not be read."""
    if len(texts) < 10 * _LOOKED_AT:
        return False
    some = texts[:: len(texts) // _LOOKED_AT]
    return sum(read(text) is not None for text in some) < len(some) / 2


def _by_text(
    values: Sequence[CellValue | None],
    counted: _Counted,
    needed: float,
    kind: ValueKind,
    database_type: str,
    native: int,
    native_type: type,
    read_text: Callable[[str], bool | time | None],
) -> _Attempt | None:
    texts = counted.texts or []
    if native + len(texts) < needed or _is_hopeless(texts, read_text):
        return None
    read = {text: read_text(text) for text in set(texts)}
    good = native + sum(read[text] is not None for text in texts)
    if good < needed or not good:
        return None
    found: list[TypedValue] = []
    example = ""
    for value in values:
        told: TypedValue = None
        if type(value) is native_type:
            told = value  # type: ignore[assignment]
        elif isinstance(value, str):
            told = read.get(value)
        if told is None and value is not None and not example:
            example = _example(value)
        found.append(told)
    return _Attempt(kind, database_type, found, Counter(), counted.filled - good, example)


def _as_text(
    values: Sequence[CellValue | None], formats: Sequence[NumberFormat | None], shapes: Counter[NumberFormat]
) -> _Attempt:
    found: list[TypedValue] = []
    padded = next((shape for shape, _ in shapes.most_common(1) if _is_padded(shape)), None)
    for value, shape in zip(values, formats, strict=True):
        if value is None or isinstance(value, CellError):
            found.append(None)
        elif isinstance(value, float):
            usual = shape if shape is not None and _is_padded(shape) else padded
            found.append(usual.text(value) if usual is not None else plain(value))
        else:
            found.append(_shown(value))
    return _Attempt("text", "VARCHAR", found, Counter())


def _finished(attempt: _Attempt, counted: _Counted, shapes: Counter[NumberFormat]) -> TypedColumn:
    unit = ""
    if attempt.kind in ("integer", "decimal", "float"):
        for shape, count in shapes.items():
            shown = (
                "%"
                if shape.is_percent
                else "h"
                if shape.kind == "elapsed"
                else (shape.prefix or shape.suffix).strip()
            )
            attempt.units[shown] += count
        unit = attempt.units.most_common(1)[0][0] if attempt.units else ""
    is_marked = attempt.unread > 0
    return TypedColumn(
        attempt.kind,
        attempt.database_type,
        attempt.values,
        unit,
        attempt.unread,
        attempt.example if is_marked else "",
        counted.errors,
        counted.error,
        attempt.is_unsure,
        _samples(attempt.values, attempt.kind),
    )


def _samples(values: Sequence[TypedValue], kind: ValueKind) -> tuple[str, ...]:
    """Frequent texts; of what has an order, the least and the greatest."""
    if kind in ("text", "boolean"):
        texts = Counter(_shown(value) for value in values[:_LOOKED_AT_FOR_SAMPLES] if value is not None)
        return tuple(text[:_LONGEST_SAMPLE] for text, _ in texts.most_common(_MOST_SAMPLES))
    told = [value for value in values if value is not None]
    if not told:
        return ()
    least, most = min(told), max(told)
    return (_shown(least),) if least == most else (_shown(least), _shown(most))


def _shown(value: CellValue | TypedValue) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float):
        return plain(value)
    return str(value)


def _example(value: CellValue) -> str:
    if isinstance(value, CellError) or (isinstance(value, str) and is_nothing(value)):
        return ""
    return _shown(value)[:40]
