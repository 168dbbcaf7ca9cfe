"""Values of parameters, written into the tree as literals of their type. No driver ever interpolates anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sqlglot import exp

from querying.guard.reasons import refused
from querying.types import Dialect, Value

MOST_TEXT = 10_000
"""Characters of one value."""

_NUMBER_TYPES = (int, float, Decimal)


def fill(tree: exp.Expr, values: Mapping[str, Value], dialect: Dialect) -> exp.Expr:
    """Put a literal where each `:name` stands. Raises QueryRefused."""
    for place in list(tree.find_all(exp.Placeholder)):
        name = place.this
        if not isinstance(name, str) or not name.isidentifier() or place.args.get("kind"):
            raise refused("construct_refused", construct="? for a value (write :name)")
        if name not in values:
            raise refused("parameter_missing", name=name)
        written = literal(values[name], dialect)
        if written is None:
            raise refused("parameter_wrong", name=name)
        place.replace(written)
    return tree


def literal(value: Value, dialect: Dialect) -> exp.Expr | None:
    """None: there is none for it."""
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Literal.number(int(value)) if dialect in ("tsql", "sqlite") else exp.Boolean(this=value)
    if isinstance(value, _NUMBER_TYPES):
        return _number(value)
    if isinstance(value, str):
        return _text(value, dialect)
    if isinstance(value, (date, time)):
        return _moment(value, dialect)
    return None


def _number(value: int | float | Decimal) -> exp.Expr | None:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        digits = repr(abs(value))
    else:
        if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) > 100):
            return None
        digits = format(abs(value), "f") if isinstance(value, Decimal) else str(abs(value))
    if len(digits) > 60:
        return None
    number = exp.Literal.number(digits)
    return exp.Paren(this=exp.Neg(this=number)) if math.copysign(1, value) < 0 and value != 0 else number


def _text(value: str, dialect: Dialect) -> exp.Expr | None:
    if (
        "\0" in value
        or len(value) > MOST_TEXT
        or any("\ud800" <= character <= "\udfff" for character in value)
    ):
        return None
    return exp.National(this=value) if dialect == "tsql" else exp.Literal.string(value)


def _moment(value: date | time, dialect: Dialect) -> exp.Expr:
    """Dates are texts in SQLite; elsewhere a text that is cast, so that a comparison is one of dates."""
    is_aware = isinstance(value, datetime) and value.tzinfo is not None
    if isinstance(value, datetime):
        if is_aware and dialect not in ("postgres", "duckdb"):
            value = value.astimezone(UTC).replace(tzinfo=None)
        text = value.isoformat(" ")
        kind = _MOMENTS[dialect] if not is_aware or dialect not in ("postgres", "duckdb") else "TIMESTAMPTZ"
    elif isinstance(value, time):
        text, kind = value.replace(tzinfo=None).isoformat(), "TIME"
    else:
        text, kind = value.isoformat(), "DATE"
    written = exp.Literal.string(text)
    if dialect == "sqlite":
        return written
    return exp.Cast(this=written, to=exp.DataType(this=exp.DType[kind], nested=False))


_MOMENTS: dict[Dialect, str] = {
    "postgres": "TIMESTAMP",
    "duckdb": "TIMESTAMP",
    "mysql": "DATETIME",
    "tsql": "DATETIME2",
    "sqlite": "TEXT",
}
