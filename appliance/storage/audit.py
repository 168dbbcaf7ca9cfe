"""What was done, by whom: the accounts' events and the receipts of deletions in one line of time."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import LiteralString
from uuid import UUID

from appliance.domain.administration import AuditKind, AuditLine, AuditQuery, Page
from appliance.domain.people import Role, Viewer
from appliance.storage.database import Database

# Ids that sort: a line that came first at the same moment has the smaller one.
_EVENT_ID = "'e' || lpad(e.id::text, 19, '0')"
_KINDS: Mapping[AuditKind, LiteralString] = {
    "sign_in": "e.action IN ('sign_in', 'sign_in.failed', 'sign_out')",
    "session": "e.action IN ('session.ended', 'sessions.ended')",
    "password": "e.action LIKE 'password%%' OR e.action LIKE 'invitation%%'",
    "key": "e.action LIKE 'key.%%'",
    "user": "e.action LIKE 'user.%%'",
    "role": "e.action IN ('user.added', 'user.changed') AND e.detail ? 'role'",
    "group": "e.action LIKE 'group.%%' OR e.action = 'user.groups'",
    "limit": "e.action LIKE 'limit.%%' OR e.action LIKE 'budget.%%'",
    "share": "e.action IN ('collection.shared', 'collection.unshared', 'collection.given')",
    "deletion": "e.action IN ('user.removed', 'group.removed')",
    "job": "e.action LIKE 'job.%%' OR e.action LIKE 'backup.%%'",
    "question": "e.action = 'questions.read'",
    "model": "e.action LIKE 'model.%%'",
    "leaving": "e.action LIKE 'leaving.%%'",
    "data": "e.action LIKE 'data.%%'",
    "prompt": "e.action LIKE 'prompt.%%'",
    "tools": "e.action LIKE 'tools.%%'",
}
_WITH_RECEIPTS: frozenset[AuditKind | None] = frozenset({None, "deletion"})
_EVENTS: LiteralString = f"""
SELECT {_EVENT_ID} AS id, e.happened_at, e.action, e.actor_id, e.subject_id, e.detail, e.address
FROM account_events e
WHERE (%(action)s::text IS NULL OR e.action = %(action)s)
  AND (%(person)s::uuid IS NULL OR e.actor_id = %(person)s OR e.subject_id = %(person)s)
  AND (%(since)s::timestamptz IS NULL OR e.happened_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR e.happened_at < %(until)s)
  AND (%(moment)s::timestamptz IS NULL
       OR e.happened_at <= %(moment)s AND (e.happened_at, {_EVENT_ID}) < (%(moment)s, %(id)s))
"""
_RECEIPTS: LiteralString = """
SELECT 'r' || r.id::text AS id, r.happened_at, r.kind || '.deleted' AS action, r.deleted_by AS actor_id, r.subject_id,
       r.removed AS detail, '' AS address
FROM receipts r
WHERE (%(action)s::text IS NULL OR r.kind || '.deleted' = %(action)s)
  AND (%(person)s::uuid IS NULL OR r.deleted_by = %(person)s OR r.subject_id = %(person)s)
  AND (%(since)s::timestamptz IS NULL OR r.happened_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR r.happened_at < %(until)s)
  AND (%(moment)s::timestamptz IS NULL
       OR r.happened_at <= %(moment)s AND (r.happened_at, 'r' || r.id::text) < (%(moment)s, %(id)s))
"""
_NEWEST: LiteralString = " ORDER BY happened_at DESC, id DESC LIMIT %(limit)s"
# Names as they are now: what was done is kept with ids, so that it stays true when somebody marries or leaves.
_NAMED: LiteralString = """
SELECT l.id, l.happened_at, l.action, l.actor_id, a.email, l.subject_id, coalesce(s.email, g.name), l.detail, l.address
FROM lines l LEFT JOIN users a ON a.id = l.actor_id LEFT JOIN users s ON s.id = l.subject_id
     LEFT JOIN groups g ON g.id = l.subject_id
ORDER BY l.happened_at DESC, l.id DESC
"""


class PostgresAudit:
    """Fulfils services.audit.AuditRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lines(self, viewer: Viewer, query: AuditQuery, limit: int) -> Page:
        """Newest first. Read with an auditor's eyes: who may read this sees the receipts of everybody."""
        moment, line_id = query.before or (None, None)
        values = {
            "action": query.action,
            "person": query.person,
            "since": query.since,
            "until": query.until,
            "moment": moment,
            "id": line_id,
            "limit": limit + 1,
        }
        async with self._database.viewing(replace(viewer, role=Role.AUDITOR)) as connection:
            rows = await (await connection.execute(_statement(query.kind), values)).fetchall()
        return Page([AuditLine(*row) for row in rows[:limit]], len(rows) > limit)

    async def person(self, email_key: str) -> UUID | None:
        async with self._database.connection() as connection:
            found = await connection.execute("SELECT id FROM users WHERE email_key = %s", (email_key,))
            row = await found.fetchone()
        return None if row is None else row[0]


def _statement(kind: AuditKind | None) -> LiteralString:
    """Each source gives as many as are wanted, by its own index; then they are sorted together."""
    events = _EVENTS if kind is None else f"{_EVENTS} AND ({_KINDS[kind]})"
    lines = f"({events}{_NEWEST})"
    if kind in _WITH_RECEIPTS:
        lines = f"SELECT * FROM ({lines} UNION ALL ({_RECEIPTS}{_NEWEST})) both_sources{_NEWEST}"
    return f"WITH lines AS ({lines}) {_NAMED}"
