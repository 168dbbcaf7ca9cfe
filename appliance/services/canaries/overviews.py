"""What lists things of many people: one's own lists, where nobody else's stand, and tables of administrators. Pure.

An administrator reads these tables; the words of other people are in none of them.
"""

from __future__ import annotations

from uuid import UUID

from appliance.services.canaries.plants import ADMINISTRATORS, OVERSEERS, Probe

_OWN = {
    "list of collections": "/v1/vector_stores?limit=100",
    "list of files": "/v1/files",
    "list of a chat's files": "/v1/files?purpose=user_data",
    "list of conversations": "/api/conversations?limit=200",
    "list of archived conversations": "/api/conversations?limit=200&archived=true",
    "list of keys": "/api/keys",
    "list of sign-ins": "/api/sessions",
    "own usage": "/api/usage?by=model",
    "usage by person": "/api/usage?by=user",
    "usage by person as CSV": "/api/usage?by=user&format=csv",
    "own profile": "/api/me",
    "own requests in the queue": "/api/queue",
    "suggestions": "/api/suggestions",
    "databases to ask": "/api/data/offered",
}
_OF_OVERSEERS = {
    "people": "/api/users?limit=100",
    "people as CSV": "/api/users?format=csv",
    "audit": "/api/audit?limit=200",
    "audit as CSV": "/api/audit?format=csv",
    "events of accounts": "/api/account-events",
    "everybody's keys": "/api/keys?everybody=true",
    "groups' usage as CSV": "/api/usage?by=group&format=csv",
    "limits": "/api/limits",
    "history of the queue": "/api/queue/history",
    "index": "/api/index",
    "insights": "/api/insights?period=month",
    "insights of a day": "/api/insights?period=day",
    "errors as CSV": "/api/insights?part=errors&format=csv",
    "unanswered questions as CSV": "/api/insights?part=unanswered&format=csv",
    "slow answers as CSV": "/api/insights?part=slow&format=csv",
    "bad answers as CSV": "/api/insights?part=disliked&format=csv",
    "backups": "/api/backups",
    "doctor": "/api/doctor?check=queue&check=keys&check=processes&check=credentials&check=index",
}
_OF_ADMINISTRATORS = {
    "feedback": "/api/feedback?limit=200",
    "feedback as CSV": "/api/feedback?format=csv",
    "data sources": "/api/data/sources",
    "jobs that failed": "/api/jobs?status=failed&limit=1000",
    "jobs that wait": "/api/jobs?status=waiting&limit=1000",
}


def overviews() -> list[Probe]:
    """Receipts are told to auditors too, as ids and numbers."""
    own = [Probe(name, "GET", path, must_refuse=False, lists_own=True) for name, path in _OWN.items()]
    receipts = Probe(
        "receipts",
        "GET",
        "/api/receipts?limit=500",
        must_refuse=False,
        lists_own=True,
        open_to=frozenset({"auditor"}),
    )
    return [
        *own,
        receipts,
        *(Probe(name, "GET", path, open_to=OVERSEERS) for name, path in _OF_OVERSEERS.items()),
        *(Probe(name, "GET", path, open_to=ADMINISTRATORS) for name, path in _OF_ADMINISTRATORS.items()),
    ]


def of_person(user_id: UUID) -> list[Probe]:
    """What names a person."""
    person = f"/api/users/{user_id}"
    return [
        Probe("person", "GET", person, open_to=OVERSEERS),
        Probe("person's sign-ins", "GET", f"{person}/sessions", open_to=OVERSEERS),
        Probe("person's usage", "GET", f"/api/usage?by=day&user={user_id}", open_to=OVERSEERS),
    ]
