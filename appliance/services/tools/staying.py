"""May these arguments be told to that server? Values in, a reason not to out: no clock, no database.

A server of the own network is told only what its asker wrote, unless an administrator said that it may see documents.
One outside is never told what data or unmarked documents went into, whoever agrees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from appliance.domain.origins import Origins, collections_in, without_tool
from appliance.domain.people import Caller
from appliance.domain.tools import ToolServer
from appliance.fairness.leaving.decisions import Facts

StayReason = Literal[
    "unknown_origins",
    "made_from_documents",
    "document_stays",
    "asked_to_stay",
    "person_stays",
    "personal_data",
    "detector_failed",
]
SENTENCES: Final[Mapping[StayReason, str]] = {
    "unknown_origins": "It was made from data, from another server's words, or nobody knows from what.",
    "made_from_documents": "It was made from documents, and this server may not see them; an administrator can let it.",
    "document_stays": "It was made from documents that stay here.",
    "asked_to_stay": "Whoever asked wants it to stay: `x-stay-local`, or a key that stays local.",
    "person_stays": "Requests of this person or group stay here.",
    "personal_data": "The arguments hold personal data or secrets.",
    "detector_failed": "Nobody could look for personal data in the arguments.",
}


def why_stay(server: ToolServer, caller: Caller, origins: Origins, facts: Facts | None) -> StayReason | None:
    """facts: needed for a server outside. None: they may be told, as far as their origins say."""
    if not server.is_outside and server.sees_documents:
        return None
    collections = collections_in(without_tool(origins, server.id))
    if collections is None:
        return "unknown_origins"
    if not server.is_outside:
        return "made_from_documents" if collections else None
    if caller.stays_local:
        return "asked_to_stay"
    assert facts is not None
    if collections - facts.marks.may_leave:
        return "document_stays"
    narrowing, who = facts.narrowing, {caller.user_id, *caller.group_ids, *facts.group_ids}
    if who & narrowing.stays or (narrowing.only_people is not None and not who & narrowing.only_people):
        return "person_stays"
    return None


def texts_of(value: object) -> Iterator[str]:
    """Every string of some JSON, names of fields and numbers included."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            left += one
        elif isinstance(one, str):
            yield one
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield str(one)
