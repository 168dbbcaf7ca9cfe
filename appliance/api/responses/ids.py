"""Ids of responses and of the items in them. Pure.

An item's id carries its response's, so that a reference to an item leads to the one row that holds it.
"""

from __future__ import annotations

import re
from uuid import UUID

from appliance.errors import NotFound

_RESPONSE = re.compile(r"resp_([0-9a-f]{32})")
_ITEM = re.compile(r"[a-z]{2,8}_([0-9a-f]{32})[0-9a-f]{4,8}")
_SHOWN = 80  # characters of a wrong id that a message repeats

MESSAGE, CALL, CALL_OUTPUT, REASONING, SEARCH = "msg", "fc", "fco", "rs", "fs"


def response_id(value: UUID) -> str:
    """`resp_…` as programs see it."""
    return f"resp_{value.hex}"


def parse_response_id(text: str, param: str | None = None, code: str | None = None) -> UUID:
    """Raises NotFound for what is no id of a response."""
    found = _RESPONSE.fullmatch(text)
    if found is None:
        raise NotFound(f"No response has the id {text[:_SHOWN]!r}.", param=param, code=code)
    return UUID(hex=found[1])


def item_id(kind: str, response: UUID, number: int) -> str:
    """The id of the number-th item of a response; its input items are counted first."""
    return f"{kind}_{response.hex}{number:04x}"


def response_of_item(text: str) -> UUID | None:
    """The response that an item belongs to; None for an id that was not made here."""
    found = _ITEM.fullmatch(text)
    return UUID(hex=found[1]) if found else None
