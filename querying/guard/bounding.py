"""A bound on the rows of the outermost query: its own is lowered, or one is set.

Nothing is wrapped around it, because a query inside another one may lose its order, and needs names that differ.
"""

from __future__ import annotations

from sqlglot import exp

from querying.guard.reasons import refused
from querying.types import Dialect


def bound(tree: exp.Expr, most: int, dialect: Dialect) -> exp.Expr:
    """A copy that brings at most so many rows."""
    bounded = tree.copy()
    limit = bounded.args.get("limit")
    if isinstance(limit, exp.Fetch):
        number = limit.args.get("count")
        asked = int(number.name) if number is not None else 1
    else:
        asked = int(limit.expression.name) if limit is not None else most
    rows = exp.Literal.number(min(asked, most))
    if dialect == "tsql":
        _bound_tsql(bounded, rows)
    else:
        bounded.set("limit", exp.Limit(expression=rows))
    return bounded


def _bound_tsql(bounded: exp.Expr, rows: exp.Expr) -> None:
    """TOP of a SELECT; OFFSET … FETCH where there is an offset, or where there are several SELECTs."""
    if isinstance(bounded, exp.SetOperation) and not bounded.args.get("order"):
        bounded.set(
            "order", exp.Order(expressions=[exp.Ordered(this=exp.Literal.number(1), nulls_first=True)])
        )
    if isinstance(bounded, exp.SetOperation) and not bounded.args.get("offset"):
        bounded.set("offset", exp.Offset(expression=exp.Literal.number(0)))
    if not bounded.args.get("offset"):
        bounded.set("limit", exp.Limit(expression=rows))
        return
    if not bounded.args.get("order"):
        raise refused("construct_refused", construct="OFFSET without ORDER BY")
    bounded.set("limit", exp.Fetch(direction="NEXT", count=rows))
