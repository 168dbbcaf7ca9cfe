"""What was used, added up from the ledger's hours with the viewer's eyes: their own, or everybody's for who may."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import LiteralString
from uuid import UUID

from appliance.domain.administration import UsageBy, UsageQuery, UsageRow
from appliance.domain.people import Viewer
from appliance.storage.database import Database

# As floating point: exact up to 2^53 tokens, and several times as fast as PostgreSQL's exact sums of bigint.
_SUMS = """
sum(u.asked::float8), sum(u.calls::float8), sum(u.failed::float8), sum(u.prompt_tokens::float8),
sum(u.cached_tokens::float8), sum(u.completion_tokens::float8), sum(u.wait_ms), sum(u.cost),
sum(u.audio_seconds), sum(u.engine_seconds), sum(u.joules), sum(u.energy_cost)
"""
_WHERE = """
u.hour >= %(since)s AND u.hour < %(until)s AND (%(users)s::uuid[] IS NULL OR u.user_id = ANY (%(users)s))
"""
_NAMES = """
key, asked, calls, failed, prompt_tokens, cached_tokens, completion_tokens, wait_ms, cost, audio_seconds,
engine_seconds, joules, energy_cost
"""
# Added up before days are told apart and names looked up: each hour or person once, not once a row.
_ADDED = """
sum(p.asked)::bigint, sum(p.calls)::bigint, sum(p.failed)::bigint, sum(p.prompt_tokens)::bigint,
sum(p.cached_tokens)::bigint, sum(p.completion_tokens)::bigint, sum(p.wait_ms) / 1000, sum(p.cost),
sum(p.audio_seconds), sum(p.engine_seconds), sum(p.joules), sum(p.energy_cost)
"""
_BY_HOUR = f"(SELECT u.hour, {_SUMS} FROM usage_hours u WHERE {_WHERE} GROUP BY u.hour) p ({_NAMES})"
_BY_MODEL = f"(SELECT u.model, {_SUMS} FROM usage_hours u WHERE {_WHERE} GROUP BY u.model) p ({_NAMES})"
_BY_PERSON = f"(SELECT u.user_id, {_SUMS} FROM usage_hours u WHERE {_WHERE} GROUP BY u.user_id) p ({_NAMES})"
# Answers by another way than the first are few, and have an index of their own; `same` is all the rest.
_BY_RUNG = f"""(
    WITH other AS (
        SELECT u.rung, sum((u.part_of IS NULL)::int::float8) AS asked,
               sum((u.engine IS NOT NULL)::int::float8) AS calls,
               sum((u.status IN ('refused', 'failed', 'broken'))::int::float8) AS failed,
               sum(u.prompt_tokens::float8) AS prompt_tokens, sum(u.cached_tokens::float8) AS cached_tokens,
               sum(u.completion_tokens::float8) AS completion_tokens, sum(coalesce(u.wait_ms, 0)::float8) AS wait_ms,
               sum(u.cost) AS cost, sum(u.audio_seconds) AS audio_seconds,
               sum(u.engine_seconds::float8) AS engine_seconds,
               sum(u.joules::float8) AS joules, sum(u.energy_cost) AS energy_cost
        FROM requests u
        WHERE u.rung IN ('elsewhere', 'smaller', 'cloud', 'quoted') AND u.status <> 'started'
          AND u.started_at >= %(since)s AND u.started_at < %(until)s
          AND (%(users)s::uuid[] IS NULL OR u.user_id = ANY (%(users)s))
        GROUP BY u.rung),
    everything ({_NAMES}) AS (SELECT 'same', {_SUMS} FROM usage_hours u WHERE {_WHERE} HAVING count(*) > 0)
    SELECT * FROM other
    UNION ALL
    SELECT e.key, e.asked - coalesce(sum(o.asked), 0), e.calls - coalesce(sum(o.calls), 0),
           e.failed - coalesce(sum(o.failed), 0), e.prompt_tokens - coalesce(sum(o.prompt_tokens), 0),
           e.cached_tokens - coalesce(sum(o.cached_tokens), 0),
           e.completion_tokens - coalesce(sum(o.completion_tokens), 0), e.wait_ms - coalesce(sum(o.wait_ms), 0),
           e.cost - coalesce(sum(o.cost), 0), e.audio_seconds - coalesce(sum(o.audio_seconds), 0),
           e.engine_seconds - coalesce(sum(o.engine_seconds), 0), e.joules - coalesce(sum(o.joules), 0),
           e.energy_cost - coalesce(sum(o.energy_cost), 0)
    FROM everything e LEFT JOIN other o ON true
    GROUP BY e.key, e.asked, e.calls, e.failed, e.prompt_tokens, e.cached_tokens, e.completion_tokens, e.wait_ms,
             e.cost, e.audio_seconds, e.engine_seconds, e.joules, e.energy_cost) p ({_NAMES})"""
_MOST_FIRST = "ORDER BY sum(p.prompt_tokens + p.completion_tokens) DESC, 2, 1"
_BY: Mapping[UsageBy, LiteralString] = {
    "day": f"""
        SELECT d.day::text, d.day::text, {_ADDED}
        FROM {_BY_HOUR} CROSS JOIN LATERAL (SELECT (p.key AT TIME ZONE %(zone)s)::date AS day) d
        GROUP BY d.day ORDER BY d.day""",
    "model": f"SELECT p.key, p.key, {_ADDED} FROM {_BY_MODEL} GROUP BY p.key {_MOST_FIRST}",
    "rung": f"SELECT p.key, p.key, {_ADDED} FROM {_BY_RUNG} GROUP BY p.key {_MOST_FIRST}",
    "user": f"""
        SELECT p.key::text, coalesce(v.email, ''), {_ADDED}
        FROM {_BY_PERSON} LEFT JOIN users v ON v.id = p.key GROUP BY 1, 2 {_MOST_FIRST}""",
    # Who is in two groups counts in both, and who is in none in the row without a key.
    "group": f"""
        SELECT coalesce(g.id::text, ''), coalesce(g.name, ''), {_ADDED}
        FROM {_BY_PERSON} LEFT JOIN group_members m ON m.user_id = p.key LEFT JOIN groups g ON g.id = m.group_id
        GROUP BY 1, 2 {_MOST_FIRST}""",
}
_MEMBERS = """
WITH RECURSIVE below (id) AS (
    SELECT id FROM groups WHERE id = %(group)s UNION SELECT g.id FROM groups g JOIN below b ON g.parent_id = b.id)
SELECT (SELECT count(*) FROM below),
       ARRAY(SELECT DISTINCT m.user_id FROM group_members m JOIN below b ON b.id = m.group_id)
"""


class PostgresUsageReport:
    """Fulfils services.usage_report.UsageRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def usage(self, viewer: Viewer, query: UsageQuery) -> Sequence[UsageRow]:
        values = {
            "since": datetime.combine(query.first, time(), query.zone),
            "until": datetime.combine(query.last + timedelta(days=1), time(), query.zone),
            "zone": query.zone.key,
            "users": None if query.user_ids is None else list(query.user_ids),
        }
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_BY[query.by], values)).fetchall()
        return [UsageRow(*row) for row in rows]

    async def members(self, group_id: UUID) -> Sequence[UUID] | None:
        """Of a group and of those below it; None where there is no such group."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_MEMBERS, {"group": group_id})).fetchone()
        return None if row is None or not row[0] else row[1]
