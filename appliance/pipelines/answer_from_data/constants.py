"""Whether a query reads its numbers from tables, or has them written into it: "SELECT 999 AS total". Pure.

A result holds whatever a query puts there, so a number that a question talked a model into would stand in it.
Only what is written into the last step is found, not what is hidden in an inner one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from querying.types import Dialect

if TYPE_CHECKING:
    from sqlglot import exp


def has_written_numbers(sql: str, dialect: Dialect) -> bool:
    """Whether a column of the result is a number, or is reckoned from numbers, that no table has."""
    import sqlglot  # here: not every gateway takes SQL apart
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except SqlglotError:
        return False
    return any(_is_written(one) for select in _arms(tree) for one in select.expressions)


def _arms(tree: exp.Expr) -> list[exp.Select]:
    """The queries whose rows are the result's: one, or those that a UNION puts together."""
    from sqlglot import exp

    if isinstance(tree, exp.SetOperation):
        return [*_arms(tree.left), *_arms(tree.right)]
    if isinstance(tree, exp.Subquery):
        return _arms(tree.this)
    return [tree] if isinstance(tree, exp.Select) else []


def _is_written(projection: exp.Expr) -> bool:
    from sqlglot import exp

    value = projection.this if isinstance(projection, exp.Alias) else projection
    if value.find(exp.Column, exp.Star, exp.AggFunc, exp.Subquery, exp.Window, exp.Select) is not None:
        return False
    return any(literal.is_number for literal in value.find_all(exp.Literal)) or isinstance(value, exp.Neg)
