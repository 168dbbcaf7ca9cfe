"""Slices of lists by key, not by offset: a row added or removed meanwhile neither repeats nor hides another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, TypeVar

from appliance.domain.documents import PageRequest

Row = TypeVar("Row")


def slicing(page: PageRequest, key: Sequence[LiteralString], cursor: LiteralString) -> LiteralString:
    """` AND … ORDER BY … LIMIT …` for a query that ends in a WHERE clause.

    key: the columns of the order. cursor: SQL for the key of the row %(cursor)s. Takes %(cursor)s and %(limit)s.
    """
    is_rising = page.is_ascending != _is_backwards(page)
    direction: LiteralString = "ASC" if is_rising else "DESC"
    bound: LiteralString = ""
    if page.after is not None or page.before is not None:
        comparison: LiteralString = ">" if is_rising else "<"
        bound = f" AND ({', '.join(key)}) {comparison} ({cursor})"
    return bound + " ORDER BY " + ", ".join(f"{column} {direction}" for column in key) + " LIMIT %(limit)s"


def slicing_values(page: PageRequest) -> dict[str, object]:
    """One row more than asked for tells whether there are more."""
    return {"cursor": page.before if _is_backwards(page) else page.after, "limit": page.limit + 1}


def sliced(page: PageRequest, rows: list[Row]) -> tuple[list[Row], bool]:
    """The rows in the order asked for, and whether more follow in the direction of reading."""
    kept = rows[: page.limit]
    return (kept[::-1] if _is_backwards(page) else kept), len(rows) > page.limit


def _is_backwards(page: PageRequest) -> bool:
    # The rows nearest to `before` are the page before it, so they are read away from it and then turned around.
    return page.before is not None and page.after is None
