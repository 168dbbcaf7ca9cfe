"""Turns in PostgreSQL, each read with its owner's eyes. What lies in a deleted conversation is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from appliance.domain.answers import QUESTION_READ, Cost, Feedback, Figures, Turn, TurnEvent, TurnStatus
from appliance.domain.origins import Origins
from appliance.domain.people import Viewer
from appliance.errors import NotFound
from appliance.ports import ConversationMoved
from appliance.storage.database import Database
from rag.trace import as_seen, named_files

TURN_COLUMNS = """t.id, t.conversation_id, t.question, t.model, t.status, t.answer, t.created_at, t.finished_at,
    t.previous_id, t.continues_id, t.collection_ids, t.language, t.first_token_ms, t.total_ms, t.prompt_tokens,
    t.completion_tokens, t.served_by, t.finish_reason, t.dropped_messages, t.rung, t.answered_as, t.cost, t.currency,
    t.trace_id, t.origins"""
_TURN = f"""
SELECT {TURN_COLUMNS} FROM turns t JOIN conversations c ON c.id = t.conversation_id
WHERE t.id = %s AND c.deleted_at IS NULL
"""  # noqa: S608 - constants only
_TRACE = """
SELECT t.trace FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE t.id = %s AND c.deleted_at IS NULL
"""
_SEEN_FILES = (
    "SELECT id FROM files WHERE id = ANY(%s)"  # row-level security leaves those that the viewer sees
)
_ASK = """
INSERT INTO conversations (id, user_id, title, created_at, updated_at, read_at, current_turn_id, is_temporary)
VALUES (%(conversation)s, %(user)s, %(title)s, %(now)s, %(now)s, %(now)s, %(turn)s, %(is_temporary)s)
ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, read_at = excluded.read_at,
    current_turn_id = excluded.current_turn_id,
    -- a conversation that began with a file gets its name from the first question
    title = coalesce(nullif(conversations.title, ''), excluded.title)
"""
# Locked until the new turn is there: of two questions that come at the same time the second one sees the first.
_STANDS = "SELECT current_turn_id FROM conversations WHERE id = %s FOR UPDATE"
_ADD_TURN = """
INSERT INTO turns (id, conversation_id, user_id, question, model, status, answer, created_at, previous_id, continues_id,
                   collection_ids, language, trace_id, words)
VALUES (%(turn)s, %(conversation)s, %(user)s, %(question)s, %(model)s, %(status)s, %(answer)s, %(now)s, %(previous)s,
        %(continues)s, %(collections)s, %(language)s, %(trace_id)s, words_of(%(question)s))
"""
_FINISH = """
UPDATE turns SET status = %(status)s, answer = coalesce(%(answer)s, answer), trace = coalesce(%(trace)s, trace),
    finished_at = now(), words = words_of(question || ' ' || coalesce(%(answer)s, answer)),
    first_token_ms = %(first_token_ms)s, total_ms = %(total_ms)s, prompt_tokens = %(prompt_tokens)s,
    completion_tokens = %(completion_tokens)s, served_by = %(served_by)s, finish_reason = %(finish_reason)s,
    dropped_messages = %(dropped_messages)s, rung = %(rung)s, answered_as = %(answered_as)s, cost = %(cost)s,
    currency = %(currency)s, ending = %(ending)s,
    question_may_be_read = %(is_read)s, origins = %(origins)s
WHERE id = %(turn)s RETURNING conversation_id
"""
_SAVE_EVENT = """
INSERT INTO turn_events (turn_id, user_id, kind, slot, seq, data) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (turn_id, kind, slot) DO UPDATE SET seq = excluded.seq, data = excluded.data
WHERE turn_events.seq < excluded.seq
"""
# The way from a turn back to the first question, its own number first.
_SAID = """
WITH RECURSIVE path AS (
    SELECT t.id, t.previous_id, 0 AS depth FROM turns t WHERE t.id = %(head)s
    UNION ALL SELECT t.id, t.previous_id, depth + 1 FROM turns t JOIN path ON t.id = path.previous_id)
SELECT t.question, t.answer || coalesce((
    SELECT string_agg(E'\n\n```sql\n' || (e.data ->> 'sql') || E'\n```', '' ORDER BY e.slot)
    FROM turn_events e WHERE e.turn_id = t.id AND e.kind = 'table'), ''),
    (SELECT count(*) FROM path), t.origins FROM path JOIN turns t ON t.id = path.id
WHERE depth < %(most)s ORDER BY depth DESC
"""
_RATE = """
INSERT INTO turn_feedback (turn_id, user_id, rating, reason, comment, model, served_by, shares_text)
SELECT t.id, t.user_id, %(rating)s, %(reason)s, %(comment)s, t.model, t.served_by, %(shares_text)s FROM turns t
JOIN conversations c ON c.id = t.conversation_id WHERE t.id = %(turn)s AND c.deleted_at IS NULL
ON CONFLICT (turn_id) DO UPDATE SET rating = excluded.rating, reason = excluded.reason, comment = excluded.comment,
    shares_text = excluded.shares_text, updated_at = now()
"""


class PostgresTurns:
    """Fulfils services.turn_ports.TurnRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, viewer: Viewer, turn: Turn, title: str, *, is_temporary: bool = False, follows: bool = False
    ) -> None:
        values = {
            "turn": turn.id,
            "conversation": turn.conversation_id,
            "user": viewer.user_id,
            "title": title,
            "now": turn.created_at,
            "is_temporary": is_temporary,
            "question": turn.question,
            "answer": turn.answer,
            "model": turn.model,
            "status": turn.status,
            "previous": turn.previous_id,
            "continues": turn.continues_id,
            "collections": None if turn.collection_ids is None else list(turn.collection_ids),
            "language": turn.language,
            "trace_id": turn.trace_id,
        }
        async with self._database.viewing(viewer) as connection:
            if follows:
                stands = await (await connection.execute(_STANDS, (turn.conversation_id,))).fetchone()
                if stands is not None and stands[0] != turn.previous_id:
                    raise ConversationMoved
            await connection.execute(_ASK, values)
            await connection.execute(_ADD_TURN, values)

    async def save(self, viewer: Viewer, turn_id: UUID, answer: str, events: Sequence[TurnEvent]) -> None:
        async with self._database.viewing(viewer) as connection:
            updated = await connection.execute(
                "UPDATE turns SET answer = %s WHERE id = %s", (answer, turn_id)
            )
            if updated.rowcount == 0:
                raise NotFound
            await _save_events(connection, viewer, turn_id, events)

    async def finish(
        self,
        viewer: Viewer,
        turn_id: UUID,
        status: TurnStatus,
        answer: str | None,
        events: Sequence[TurnEvent],
        trace: Mapping[str, Any] | None = None,
        figures: Figures | None = None,
        origins: Origins = None,
    ) -> None:
        figures = figures or Figures()
        values = {name: getattr(figures, name) for name in Figures.__dataclass_fields__}
        values |= {"turn": turn_id, "status": status, "answer": answer}
        cost = figures.cost
        values |= {"cost": cost and cost.amount, "currency": cost and cost.currency}
        end: Mapping[str, Any] = next((event.data for event in events if event.kind == "done"), {})
        values |= {"ending": end.get("kind"), "is_read": QUESTION_READ in end.get("notes", ())}
        values["trace"] = None if trace is None else Jsonb(dict(trace))
        values["origins"] = None if origins is None else sorted(origins)
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_FINISH, values)).fetchone()
            if row is None:
                raise NotFound
            await connection.execute(
                "UPDATE conversations SET answered_at = now(), updated_at = now() WHERE id = %s", (row[0],)
            )
            # A turn ends once: an end that was written for it before is replaced by this one.
            await connection.execute(
                "DELETE FROM turn_events WHERE turn_id = %s AND kind IN ('done', 'error')", (turn_id,)
            )
            await _save_events(connection, viewer, turn_id, events)

    async def turn(self, viewer: Viewer, turn_id: UUID) -> Turn:
        async with self._database.viewing(viewer) as connection:
            return as_turn(await one_row(connection, _TURN, (turn_id,)))

    async def trace(self, viewer: Viewer, turn_id: UUID) -> Mapping[str, Any] | None:
        async with self._database.viewing(viewer) as connection:
            row = await one_row(connection, _TRACE, (turn_id,))
            kept: Mapping[str, Any] | None = row["trace"]
            if kept is None:
                return None
            cursor = await connection.execute(_SEEN_FILES, (list(named_files(kept)),))
            return as_seen(kept, {file for (file,) in await cursor.fetchall()})

    async def events(self, viewer: Viewer, turn_id: UUID, after: int) -> list[TurnEvent]:
        async with self._database.viewing(viewer) as connection:
            cursor = await connection.execute(
                "SELECT seq, kind, slot, data FROM turn_events WHERE turn_id = %s AND seq > %s ORDER BY seq",
                (turn_id, after),
            )
            return [TurnEvent(*row) for row in await cursor.fetchall()]

    async def said(self, viewer: Viewer, head: UUID, most: int) -> tuple[list[tuple[str, str]], int, Origins]:
        # an answer from tables ends with its SQL, as services.table_shapes.with_queries has it
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_SAID, {"head": head, "most": most})).fetchall()
        pairs = [(question, answer) for question, answer, _, _ in rows]
        origins = rows[-1][3] if rows else None
        omitted = (rows[0][2] if rows else 0) - len(rows)
        return pairs, omitted, None if origins is None else frozenset(origins)

    async def rate(self, viewer: Viewer, turn_id: UUID, feedback: Feedback) -> None:
        values = {
            "turn": turn_id,
            "rating": feedback.rating,
            "reason": feedback.reason,
            "comment": feedback.comment,
            "shares_text": feedback.shares_text,
        }
        async with self._database.viewing(viewer) as connection:
            if (await connection.execute(_RATE, values)).rowcount == 0:
                raise NotFound

    async def unrate(self, viewer: Viewer, turn_id: UUID) -> None:
        async with self._database.viewing(viewer) as connection:
            await one_row(connection, _TURN, (turn_id,))
            await connection.execute(
                "DELETE FROM turn_feedback WHERE turn_id = %s AND user_id = %s", (turn_id, viewer.user_id)
            )


def as_turn(row: Mapping[str, Any]) -> Turn:
    """A row of TURN_COLUMNS."""
    values = dict(row)
    currency = values.pop("currency")
    values["cost"] = None if currency is None else Cost(values["cost"], currency)
    figures = Figures(**{name: values.pop(name) for name in Figures.__dataclass_fields__})
    collections, origins = values.pop("collection_ids"), values.pop("origins")
    return Turn(
        **values,
        collection_ids=None if collections is None else tuple(collections),
        figures=figures,
        origins=None if origins is None else frozenset(origins),
    )


async def one_row(connection: AsyncConnection, query: str, values: Any) -> dict[str, Any]:  # noqa: ANN401
    """The only row of a query. Raises NotFound where there is none."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query.encode(), values)
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def _save_events(
    connection: AsyncConnection, viewer: Viewer, turn_id: UUID, events: Sequence[TurnEvent]
) -> None:
    if events:
        rows = [
            (turn_id, viewer.user_id, event.kind, event.slot, event.seq, Jsonb(dict(event.data)))
            for event in events
        ]
        async with connection.cursor() as cursor:
            await cursor.executemany(_SAVE_EVENT, rows)
