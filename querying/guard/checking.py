"""The one door: from SQL that nobody trusts to a query that reads what may be read, and nothing else.

What it does not protect against: a query that is allowed and takes long (the caps do), and views of the database that
do more than they show (the role does).
"""

from __future__ import annotations

from collections.abc import Mapping

from querying.guard.bounding import bound
from querying.guard.naming import Naming
from querying.guard.nodes import hold_to_what_is_allowed
from querying.guard.reading import MOST_LEVELS, read
from querying.guard.reasons import refused
from querying.guard.values import fill
from querying.guard.writing import laid_out, written
from querying.types import Caps, CheckedQuery, Schema, Value


def check(sql: str, schema: Schema, caps: Caps, values: Mapping[str, Value] | None = None) -> CheckedQuery:
    """values: for each `:name` in the text. Raises QueryRefused, its `reason` one of querying.refusals."""
    try:
        return _checked(sql, schema, caps, values or {})
    except RecursionError as error:
        raise refused("query_deep", most=MOST_LEVELS) from error


def _checked(sql: str, schema: Schema, caps: Caps, values: Mapping[str, Value]) -> CheckedQuery:
    dialect = schema.dialect
    tree = fill(read(sql, dialect), values, dialect)
    hold_to_what_is_allowed(tree, dialect)
    naming = Naming(schema)
    naming.query(tree, None, {})
    return CheckedQuery(
        sql=written(bound(tree, caps.rows + 1, dialect), dialect),
        shown=laid_out(tree, dialect),
        dialect=dialect,
        tables=frozenset(naming.found.tables),
        columns=frozenset(naming.found.columns),
    )
