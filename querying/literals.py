"""The values that stand in a query, and the query with names in their places. For queries that passed the guard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlglot import exp

from querying.guard.reading import read
from querying.guard.writing import laid_out
from querying.types import Dialect, Value, ValueKind

_COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.Between, exp.In)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_KINDS: Mapping[type, ValueKind] = {int: "integer", Decimal: "decimal", date: "date", str: "text"}


@dataclass(frozen=True, slots=True)
class FoundLiteral:
    """number: its place among them. column: what it is compared with, empty where that is no plain column.

    comparison: `eq`, `gte`, `lt`, `between` … as sqlglot names it, or `limit`.
    """

    number: int
    value: Value
    kind: ValueKind
    column: str = ""
    comparison: str = ""


def literals(sql: str, dialect: Dialect) -> tuple[FoundLiteral, ...]:
    """Those that somebody may want to change: what columns are compared with, how many rows. Raises QueryRefused."""
    tree = read(sql, dialect)
    return tuple(
        FoundLiteral(number, value, _KINDS[type(value)], *_compared(place))
        for number, (place, value) in enumerate(_places(tree))
    )


def with_parameters(sql: str, dialect: Dialect, names: Mapping[int, str]) -> str:
    """names: of parameters, by the number of the literal whose place they take. Raises QueryRefused."""
    tree = read(sql, dialect)
    for number, (place, value) in enumerate(list(_places(tree))):
        if number in names:
            whole = place.parent if isinstance(value, date) and isinstance(place.parent, exp.Cast) else place
            assert whole is not None
            whole.replace(exp.Var(this=f":{names[number]}"))
    return laid_out(tree, dialect)


def _places(tree: exp.Expr) -> Iterator[tuple[exp.Expr, Value]]:
    for place in tree.find_all(exp.Literal, exp.National, bfs=False):
        if _is_compared(place):
            yield place, _value(place)


def _is_compared(place: exp.Expr) -> bool:
    """Beside a comparison or in LIMIT; a text within a function, as in strftime('%Y', …), is how and not what."""
    above = place.parent
    while isinstance(above, exp.Cast | exp.Paren | exp.Neg):
        above = above.parent
    return isinstance(above, (*_COMPARES, exp.Limit, exp.Fetch))


def _value(place: exp.Expr) -> Value:
    text = str(place.this)
    if isinstance(place, exp.Literal) and not place.is_string:
        return int(text) if text.isdigit() else Decimal(text)
    if _DATE.match(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def _compared(place: exp.Expr) -> tuple[str, str]:
    """(column, comparison)."""
    above = place.parent
    while above is not None and not isinstance(above, (*_COMPARES, exp.Limit, exp.Fetch)):
        above = above.parent
    if above is None or isinstance(above, exp.Limit | exp.Fetch):
        return "", "limit"
    column = above.find(exp.Column)
    return "" if column is None else column.name, above.key
