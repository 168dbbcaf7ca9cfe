"""How it goes, read with the eyes of an administrator or auditor: counts and codes, and the few words they may read.

Whole days of answers' times are added up (`answer_times`); what is left of a span, and days that nobody has added up
yet, are looked up in the ledger.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from appliance.domain.insights import (
    AskedQuestion,
    ErrorGroup,
    Measure,
    RatingCount,
    SlowAnswer,
    Span,
    UnansweredCount,
    UnansweredTotal,
)
from appliance.domain.people import AccountEvent, Role, Viewer
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

_HIDDEN = UUID(int=0)
_DAYS_AT_A_LOOK = 2  # that a reader waits for; the worker adds up the others
# A pipeline's own row fails with the call that it made: it is one error.
_REQUESTS: LiteralString = """
SELECT 'request', coalesce(r.error_code, r.status), r.route, count(*), count(DISTINCT r.user_id), min(r.started_at),
       max(r.started_at), (array_agg(r.request_id ORDER BY r.started_at DESC))[1], array_agg(DISTINCT r.model)
FROM requests r
WHERE r.status IN ('refused', 'failed', 'broken') AND r.started_at >= %(since)s AND r.started_at < %(until)s
  AND (r.part_of IS NULL OR NOT EXISTS (
      SELECT 1 FROM requests p WHERE p.id = r.part_of AND p.status IN ('refused', 'failed', 'broken')))
  AND r.user_id <> ALL ((SELECT canary_people())::uuid[])
GROUP BY 1, 2, 3
"""
_TURNS: LiteralString = """
SELECT 'turn', code, '/api/turns', sum(count)::bigint, max(people), min(first_at), max(last_at),
       'turn-' || (array_agg(last_turn ORDER BY last_at DESC))[1], array_agg(DISTINCT model)
FROM failed_turns(%(since)s, %(until)s) GROUP BY code
"""
_DOCUMENTS: LiteralString = """
SELECT 'document', code, 'ingest', count, people, first_at, last_at,
       'ingest-' || replace(last_collection::text, '-', '') || '-' || replace(last_file::text, '-', ''), '{}'::text[]
FROM failed_readings(%(since)s, %(until)s)
"""
_JOBS: LiteralString = """
SELECT 'job', 'job_broke', j.task_name, count(*), 0::bigint, min(e.at), max(e.at), 'job-' || max(j.id), '{}'::text[]
FROM procrastinate_jobs j JOIN LATERAL (
    SELECT max(at) AS at FROM procrastinate_events WHERE job_id = j.id) e ON e.at >= %(since)s AND e.at < %(until)s
WHERE j.status = 'failed' GROUP BY j.task_name
"""
_SIGN_INS: LiteralString = """
SELECT 'account', 'sign_in_failed', '/api/sessions', count(*), count(DISTINCT subject_id), min(happened_at),
       max(happened_at), '', '{}'::text[]
FROM account_events
WHERE action = 'sign_in.failed' AND happened_at >= %(since)s AND happened_at < %(until)s HAVING count(*) > 0
"""
_ERRORS: LiteralString = " UNION ALL ".join((_REQUESTS, _TURNS, _DOCUMENTS, _JOBS, _SIGN_INS))
_UNANSWERED: LiteralString = """
SELECT t.count, t.people, t.readable, (
    SELECT count(*) FROM requests r WHERE r.finish_reason = 'nothing_found' AND r.part_of IS NULL
    AND r.request_id NOT LIKE 'turn-%%' AND r.started_at >= %(since)s AND r.started_at < %(until)s
    AND r.user_id <> ALL ((SELECT canary_people())::uuid[]))
FROM unanswered_total(%(since)s, %(until)s, %(shows_told)s) t
"""
# Which collections there are is asked with the reader's own eyes; the others become one without a name.
_PLACES: LiteralString = """
SELECT u.collection_id, c.name, u.language, u.count, u.people, u.wordings, u.last_at
FROM unanswered_counts(%(since)s, %(until)s, ARRAY(SELECT id FROM collections)) u
     LEFT JOIN collections c ON c.id = u.collection_id
ORDER BY u.count DESC, u.last_at DESC
"""
_QUESTIONS: LiteralString = """
SELECT q.question, q.language, q.asked_at, q.asker, q.is_shared,
       ARRAY(SELECT c.name FROM collections c WHERE c.id = ANY (q.collection_ids) ORDER BY c.name)
FROM unanswered_questions(%(since)s, %(until)s, %(shows_told)s, %(most)s) q ORDER BY q.asked_at DESC
"""
_TIMES_OF_DAYS = """
SELECT model, measure, bucket, sum(count) FROM answer_times WHERE day = ANY (%(days)s) GROUP BY 1, 2, 3
"""
# One stretch of time a statement: several in one would have PostgreSQL read the whole ledger.
_TIMES: LiteralString = """
SELECT r.model, m.measure, time_bucket(m.ms), count(*)
FROM requests r CROSS JOIN LATERAL (VALUES
    ('first', CASE WHEN r.part_of IS NULL THEN r.ttft_ms END),
    ('total', CASE WHEN r.part_of IS NULL THEN r.total_ms END), ('queue', r.wait_ms)) m (measure, ms)
WHERE r.started_at >= %(since)s AND r.started_at < %(until)s AND r.status = 'completed' AND m.ms IS NOT NULL
  AND r.user_id <> ALL ((SELECT canary_people())::uuid[])
GROUP BY 1, 2, 3
"""
_SLOW_OF_DAYS = """
SELECT r.id, r.total_ms, coalesce(r.ttft_ms, 0) FROM slow_answers a JOIN requests r ON r.id = a.request
WHERE a.day = ANY (%(days)s)
"""
_SLOW: LiteralString = """
WITH asked AS MATERIALIZED (
    SELECT r.id, r.total_ms, coalesce(r.ttft_ms, 0) AS ttft_ms FROM requests r
    WHERE r.started_at >= %(since)s AND r.started_at < %(until)s AND r.status = 'completed' AND r.part_of IS NULL
      AND r.total_ms IS NOT NULL AND r.user_id <> ALL ((SELECT canary_people())::uuid[]))
(SELECT * FROM asked ORDER BY total_ms DESC LIMIT %(most)s)
UNION (SELECT * FROM asked ORDER BY ttft_ms DESC LIMIT %(most)s)
"""
_SLOW_ONES: LiteralString = """
SELECT r.request_id, r.model, coalesce(calls.engine, r.engine), r.started_at, r.ttft_ms, r.total_ms,
       coalesce(calls.waited, r.wait_ms, 0), coalesce(calls.worked, r.total_ms - r.wait_ms, 0),
       r.prompt_tokens + coalesce(calls.prompt_tokens, 0), r.completion_tokens + coalesce(calls.completion_tokens, 0)
FROM requests r LEFT JOIN LATERAL (
    SELECT max(c.engine) AS engine, sum(coalesce(c.wait_ms, 0)) AS waited,
           sum(c.total_ms - coalesce(c.wait_ms, 0)) AS worked, sum(c.prompt_tokens) AS prompt_tokens,
           sum(c.completion_tokens) AS completion_tokens
    FROM requests c WHERE c.request_id = r.request_id AND c.part_of = r.id) calls ON true
WHERE r.id = ANY (%(ids)s) ORDER BY r.total_ms DESC
"""
_RATINGS = "SELECT rating, reason, model, count, people FROM rating_counts(%(since)s, %(until)s)"


class PostgresInsights:
    """Fulfils services.insights.report.InsightsRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def errors(self, viewer: Viewer, span: Span) -> Sequence[ErrorGroup]:
        rows = await self._rows(viewer, _ERRORS, _values(span))
        return [ErrorGroup(*[*row[:8], tuple(row[8])]) for row in rows]

    async def unanswered(self, viewer: Viewer, span: Span, *, shows_told: bool) -> UnansweredTotal:
        rows = await self._rows(viewer, _UNANSWERED, {**_values(span), "shows_told": shows_told})
        return UnansweredTotal(*rows[0])

    async def places(self, viewer: Viewer, span: Span) -> Sequence[UnansweredCount]:
        return [
            UnansweredCount(
                None if collection_id == _HIDDEN else collection_id, name, collection_id == _HIDDEN, *rest
            )
            for collection_id, name, *rest in await self._rows(viewer, _PLACES, _values(span))
        ]

    async def questions(
        self, viewer: Viewer, span: Span, most: int, *, shows_told: bool
    ) -> Sequence[AskedQuestion]:
        values = {**_values(span), "shows_told": shows_told, "most": most}
        rows = await self._rows(viewer, _QUESTIONS, values)
        return [AskedQuestion(*[*row[:5], tuple(row[5])]) for row in rows]

    async def times(self, viewer: Viewer, span: Span) -> Sequence[tuple[str, Measure, int, int]]:
        async with self._database.viewing(viewer) as connection:
            days, left = await _covered(connection, span)
            rows = await (await connection.execute(_TIMES_OF_DAYS, {"days": days})).fetchall()
            for stretch in left:
                rows += await (await connection.execute(_TIMES, _values(stretch))).fetchall()
        return [(model, measure, bucket, int(count)) for model, measure, bucket, count in rows]

    async def slowest(self, viewer: Viewer, span: Span, most: int) -> Sequence[SlowAnswer]:
        async with self._database.viewing(viewer) as connection:
            days, left = await _covered(connection, span)
            found = await (await connection.execute(_SLOW_OF_DAYS, {"days": days})).fetchall()
            for stretch in left:
                found += await (
                    await connection.execute(_SLOW, {**_values(stretch), "most": most})
                ).fetchall()
            slow = {row[0] for at in (1, 2) for row in heapq.nlargest(most, found, itemgetter(at))}
            rows = await (await connection.execute(_SLOW_ONES, {"ids": list(slow)})).fetchall()
        return [_as_slow(*row) for row in rows]

    async def ratings(self, viewer: Viewer, span: Span) -> Sequence[RatingCount]:
        return [RatingCount(*row) for row in await self._rows(viewer, _RATINGS, _values(span))]

    async def note_read(self, viewer: Viewer, span: Span, count: int) -> None:
        detail = {"questions": count, "from": span.since.isoformat(timespec="seconds")}
        async with self._database.transaction() as connection:
            await record_event(connection, AccountEvent("questions.read", viewer.user_id, detail=detail))

    async def _rows(
        self, viewer: Viewer, query: LiteralString, values: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        async with self._database.viewing(viewer) as connection:
            return await (await connection.execute(query, values)).fetchall()


async def add_up_answer_times(database: Database, most: int) -> int:
    """Some of the days that are over; returns how many. database: of the api or the worker role. PartUnavailable."""
    async with database.viewing(Viewer(_HIDDEN, role=Role.AUDITOR)) as connection:  # nobody's things are read
        row = await (await connection.execute("SELECT add_up_answer_times(%s)", (most,))).fetchone()
    return int(row[0]) if row else 0


async def _covered(connection: AsyncConnection, span: Span) -> tuple[list[date], list[Span]]:
    """The days of the span that are added up, and what is left of it."""
    await connection.execute("SELECT add_up_answer_times(%s)", (_DAYS_AT_A_LOOK,))
    whole = "SELECT day FROM answer_days WHERE day >= %s AND day < %s ORDER BY day"
    first = (span.since.astimezone(UTC) + timedelta(days=1) - timedelta(microseconds=1)).date()
    rows = await connection.execute(whole, (first, span.until.astimezone(UTC).date()))
    days = [day for (day,) in await rows.fetchall()]
    return days, list(_left(span, days))


def _left(span: Span, days: Iterable[date]) -> Iterator[Span]:
    at = span.since
    for day in days:
        begins = datetime.combine(day, time(), UTC)
        if at < begins:
            yield Span(at, begins)
        at = begins + timedelta(days=1)
    if at < span.until:
        yield Span(at, span.until)


def _values(span: Span) -> dict[str, Any]:
    return {"since": span.since, "until": span.until}


def _as_slow(
    request_id: str,
    model: str,
    engine: str | None,
    started_at: datetime,
    first_ms: float | None,
    total_ms: float,
    queue_ms: float,
    engine_ms: float,
    prompt_tokens: int,
    completion_tokens: int,
) -> SlowAnswer:
    """What neither the queue nor an engine took, the documents did."""
    return SlowAnswer(
        request_id,
        model,
        engine,
        started_at,
        first_ms,
        total_ms,
        queue_ms,
        max(0.0, total_ms - queue_ms - engine_ms),
        engine_ms,
        int(prompt_tokens),
        int(completion_tokens),
    )
