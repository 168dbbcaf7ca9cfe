"""Conditions on what the owner wrote about a file (its attributes), as OpenAI's vector-store search has them.

They narrow what is ranked, never what may be seen. A key that a file lacks fulfils `ne` and `nin` only; a number is
compared with numbers, a text with texts (ISO dates sort as texts do). Pure values: a store makes its own query of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = str | float | bool
Comparator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against one value; `in` and `nin` take a tuple, the others a single one."""

    type: Comparator
    key: str
    value: Value | tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """All or any of several conditions; all of none is true, any of none is false."""

    type: Literal["and", "or"]
    filters: tuple[Filter, ...]


Filter = Comparison | Compound


def matches(condition: Filter, attributes: dict[str, Value]) -> bool:
    """Whether a file with these attributes fulfils it: what every store's query must say as well."""
    if isinstance(condition, Compound):
        wanted = (matches(part, attributes) for part in condition.filters)
        return all(wanted) if condition.type == "and" else any(wanted)
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    known = attributes.get(condition.key)
    if condition.type in ("eq", "in"):
        return any(_same(known, value) for value in values)
    if condition.type in ("ne", "nin"):
        return not any(_same(known, value) for value in values)
    return any(_orders(condition.type, known, value) for value in values)


def _is_number(value: Value | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(known: Value | None, value: Value) -> bool:
    if _is_number(known) and _is_number(value):
        return known == value
    return type(known) is type(value) and known == value


def _orders(type_: str, known: Value | None, value: Value) -> bool:
    if isinstance(known, str) and isinstance(value, str):
        pair: tuple[bytes | float, bytes | float] = (known.encode(), value.encode())
    elif _is_number(known) and _is_number(value):
        pair = (float(known or 0), float(value))
    else:
        return False
    left, right = pair
    if type_ in ("gt", "gte"):
        return left > right or (type_ == "gte" and left == right)  # type: ignore[operator]
    return left < right or (type_ == "lte" and left == right)  # type: ignore[operator]
