"""A refusal, from its code."""

from __future__ import annotations

from querying.errors import QueryRefused
from querying.refusals import Because


def refused(code: str, **values: object) -> QueryRefused:
    """To be raised. Raises KeyError for an unknown code, or where a value is missing."""
    return QueryRefused(Because(code, **values), reason=code)
