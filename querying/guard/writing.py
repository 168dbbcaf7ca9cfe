"""From the tree to text: what runs, and what people see."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

from querying.guard.dialects import PLAIN
from querying.guard.nodes import hold_to_what_is_allowed
from querying.guard.reasons import refused
from querying.types import Dialect


def written(tree: exp.Expr, dialect: Dialect) -> str:
    """As it runs, on one line. It is read once more, and must come out the same: a slip in writing would be a hole."""
    text = _text(tree, dialect)
    try:
        (again,) = PLAIN[dialect]().parse(text)
    except (SqlglotError, ValueError) as error:
        raise refused("rewriting_differs", near=text[:60]) from error
    if again is None:
        raise refused("rewriting_differs", near=text[:60])
    hold_to_what_is_allowed(again, dialect)
    if _text(again, dialect) != text:
        raise refused("rewriting_differs", near=text[:60])
    return text


def laid_out(tree: exp.Expr, dialect: Dialect) -> str:
    """For people: lines, and quotes only where a name needs them."""
    return _text(tree, dialect, pretty=True)


def _text(tree: exp.Expr, dialect: Dialect, pretty: bool = False) -> str:
    try:
        return tree.sql(
            dialect=PLAIN[dialect],
            comments=False,
            normalize_functions=False,
            unsupported_level=ErrorLevel.RAISE,
            pretty=pretty,
        )
    except UnsupportedError as error:
        raise refused("construct_refused", construct=str(error).rstrip(".")[:100]) from error
