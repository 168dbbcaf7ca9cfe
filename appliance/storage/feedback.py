"""What people thought of answers, for administrators: without the conversation, and without who it was."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from appliance.domain.administration import FeedbackCounts, FeedbackQuery, GivenFeedback, Page
from appliance.domain.people import Viewer
from appliance.storage.database import Database

_WHERE: LiteralString = """
WHERE (%(rating)s::text IS NULL OR f.rating = %(rating)s)
  AND (%(reason)s::text IS NULL OR f.reason = %(reason)s)
  AND (%(model)s::text IS NULL OR f.model = %(model)s)
  AND (%(since)s::timestamptz IS NULL OR f.created_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR f.created_at < %(until)s)
"""
_GIVEN: LiteralString = f"""
WITH given AS (
    SELECT f.turn_id, f.rating, f.reason, f.comment, f.model, f.served_by, f.created_at FROM turn_feedback f {_WHERE}
      AND (%(moment)s::timestamptz IS NULL OR (f.created_at, f.turn_id) < (%(moment)s, %(turn)s::uuid))
    ORDER BY f.created_at DESC, f.turn_id DESC LIMIT %(limit)s),
texts AS (SELECT * FROM shared_turn_texts(ARRAY(SELECT turn_id FROM given)))
SELECT given.*, texts.question, texts.answer FROM given LEFT JOIN texts USING (turn_id)
ORDER BY given.created_at DESC, given.turn_id DESC
"""  # noqa: S608 - constants only
_COUNTS: LiteralString = f"SELECT f.rating, f.reason, count(*) FROM turn_feedback f {_WHERE} GROUP BY 1, 2"  # noqa: S608


class PostgresFeedback:
    """Fulfils services.feedback.FeedbackRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def given(self, viewer: Viewer, query: FeedbackQuery, limit: int) -> Page:
        moment, turn_id = query.before or (None, None)
        values = {**_values(query), "moment": moment, "turn": turn_id, "limit": limit + 1}
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_GIVEN, values)).fetchall()
        return Page([_as_given(*row) for row in rows[:limit]], len(rows) > limit)

    async def counts(self, viewer: Viewer, query: FeedbackQuery) -> FeedbackCounts:
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_COUNTS, _values(query))).fetchall()
        by_rating = {"up": 0, "down": 0}
        reasons: dict[str, int] = {}
        for rating, reason, count in rows:
            by_rating[rating] += count
            if reason is not None:
                reasons[reason] = reasons.get(reason, 0) + count
        return FeedbackCounts(by_rating["up"], by_rating["down"], reasons)


def _values(query: FeedbackQuery) -> dict[str, object]:
    return {
        "rating": query.rating,
        "reason": query.reason,
        "model": query.model,
        "since": query.since,
        "until": query.until,
    }


def _as_given(turn_id: UUID, *rest: object) -> GivenFeedback:
    return GivenFeedback(turn_id, *rest)  # type: ignore[arg-type]  # the columns of _GIVEN, in order
