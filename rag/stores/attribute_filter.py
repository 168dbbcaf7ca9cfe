"""A rag.filters.Filter as a condition in SQL on `collection_files`, for every store that asks PostgreSQL.

The text of a condition is made of fixed parts and numbered parameters only; nothing that was sent stands in it.
"""

from __future__ import annotations

import json
from typing import Any, LiteralString

from rag.filters import Comparison, Compound, Filter, Value

_ORDERS: dict[str, LiteralString] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def as_sql(condition: Filter) -> tuple[LiteralString, dict[str, Any]]:
    """(condition on collection_files under the alias cf, its parameters `filter0` …)."""
    parameters: dict[str, Any] = {}
    return _condition(condition, parameters), parameters


def _condition(condition: Filter, parameters: dict[str, Any]) -> LiteralString:
    if isinstance(condition, Compound):
        if not condition.filters:
            return "true" if condition.type == "and" else "false"
        joint = " AND " if condition.type == "and" else " OR "
        return "(" + joint.join(_condition(part, parameters) for part in condition.filters) + ")"
    return _comparison(condition, parameters)


def _comparison(condition: Comparison, parameters: dict[str, Any]) -> str:
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    known = f"cf.attributes -> {_parameter(parameters, condition.key)}::text"
    if condition.type in _ORDERS:
        return "(" + " OR ".join(_ordered(condition.type, known, v, parameters) for v in values) + ")"
    same = _parameter(parameters, [json.dumps(value) for value in values])
    found = f"coalesce(({known}) = ANY ({same}::jsonb[]), false)"
    return found if condition.type in ("eq", "in") else f"NOT {found}"


def _ordered(type_: str, known: str, value: Value, parameters: dict[str, Any]) -> str:
    """Texts by their bytes, numbers by size; false where the kinds differ or there is none (truth has no order)."""
    if isinstance(value, bool):
        return "false"
    is_text = isinstance(value, str)
    kind, cast_ = ("string", "text") if is_text else ("number", "numeric")
    given = f"{_parameter(parameters, value if is_text else str(value))}::{cast_}"
    order = ' COLLATE "C"' if is_text else ""
    return (
        f"CASE WHEN jsonb_typeof({known}) = '{kind}' "
        f"THEN (({known}) #>> '{{}}')::{cast_}{order} {_ORDERS[type_]} {given} ELSE false END"
    )


def _parameter(parameters: dict[str, Any], value: Any) -> str:  # noqa: ANN401 - what a statement takes
    name = f"filter{len(parameters)}"
    parameters[name] = value
    return f"%({name})s"
