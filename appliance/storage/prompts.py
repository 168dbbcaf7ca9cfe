"""Prompts in PostgreSQL: every version that was saved, which is in force, and what the ledger knows of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.prompts import PromptFigures, PromptVersion, PromptWords
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

_VERSION = "v.purpose, v.number, v.texts, v.examples, v.temperature, v.model, v.note, u.email, v.created_at"
_FROM = "FROM prompt_versions v LEFT JOIN users u ON u.id = v.created_by"
_LISTED = f"SELECT {_VERSION} {_FROM} WHERE v.purpose = %s ORDER BY v.number DESC LIMIT %s"
_ONE = f"SELECT {_VERSION} {_FROM} WHERE v.purpose = %s AND v.number = %s"
_IN_FORCE = f"""
SELECT f.purpose, f.number, {_VERSION} FROM prompts_in_force f
LEFT JOIN prompt_versions v ON v.purpose = f.purpose AND v.number = f.number LEFT JOIN users u ON u.id = v.created_by
"""  # noqa: S608
# Two that are saved at once get two numbers: the second waits for the first one's row.
_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM prompt_versions WHERE purpose = %s"
_ADD = """
INSERT INTO prompt_versions (purpose, number, texts, examples, temperature, model, note, created_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_PUT = """
INSERT INTO prompts_in_force (purpose, number, set_by) VALUES (%s, %s, %s)
ON CONFLICT (purpose) DO UPDATE SET number = excluded.number, set_by = excluded.set_by, set_at = now()
"""
# The tokens of a pipeline's answer stand in the rows of its engine calls.
_FIGURES = """
WITH asked AS (
    SELECT r.id, r.user_id, r.status,
           CASE WHEN r.request_id ~ '^turn-[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
                THEN substr(r.request_id, 6)::uuid END AS turn_id,
           r.finish_reason, r.ttft_ms, r.total_ms, r.started_at,
           split_part(p.used, '@', 2)::integer AS version
    FROM requests r CROSS JOIN LATERAL unnest(r.prompts) AS p (used)
    WHERE r.prompts && %(names)s::text[] AND split_part(p.used, '@', 1) = %(purpose)s AND r.started_at >= %(since)s),
rated AS (
    SELECT a.version, f.rating, count(*) AS many FROM asked a
    JOIN turn_feedback f ON f.turn_id = a.turn_id AND f.user_id = a.user_id GROUP BY 1, 2)
SELECT a.version, count(*), count(*) FILTER (WHERE a.finish_reason = 'nothing_found'),
       count(*) FILTER (WHERE a.status IN ('failed', 'broken')),
       coalesce((SELECT many FROM rated WHERE version = a.version AND rating = 'up'), 0),
       coalesce((SELECT many FROM rated WHERE version = a.version AND rating = 'down'), 0),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY a.ttft_ms), percentile_cont(0.5) WITHIN GROUP (ORDER BY a.total_ms),
       avg((SELECT sum(c.completion_tokens) FROM requests c WHERE c.part_of = a.id)), max(a.started_at)
FROM asked a GROUP BY a.version ORDER BY a.version DESC
"""


class PostgresPrompts:
    """Fulfils services.prompts.ports.PromptRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def in_force(self) -> Mapping[str, PromptVersion | None]:
        """Each purpose for which one was chosen; None: its shipped words were."""
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_IN_FORCE)).fetchall()
        return {row[0]: _version(row[2:]) if row[2] is not None else None for row in rows}

    async def purposes(self) -> Sequence[str]:
        """Those of which a version was ever saved."""
        async with self._database.connection() as connection:
            found = await connection.execute("SELECT DISTINCT purpose FROM prompt_versions ORDER BY 1")
            return [row[0] for row in await found.fetchall()]

    async def versions(self, purpose: str, limit: int) -> Sequence[PromptVersion]:
        """The latest first."""
        async with self._database.connection() as connection:
            return [
                _version(row)
                for row in await (await connection.execute(_LISTED, (purpose, limit))).fetchall()
            ]

    async def version(self, purpose: str, number: int) -> PromptVersion | None:
        """One of them."""
        async with self._database.connection() as connection:
            row = await (await connection.execute(_ONE, (purpose, number))).fetchone()
        return None if row is None else _version(row)

    async def add(self, new: PromptVersion, author_id: UUID | None, event: AccountEvent) -> PromptVersion:
        """Save it under the next number; that of `new` does not count."""
        words = new.words
        async with self._database.transaction() as connection:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtext('prompt:' || %s))", (new.purpose,)
            )
            ((number,),) = await (await connection.execute(_NUMBER, (new.purpose,))).fetchall()
            examples = {language: [list(one) for one in each] for language, each in words.examples.items()}
            values = (
                new.purpose,
                number,
                Jsonb(dict(words.texts)),
                Jsonb(examples),
                words.temperature,
                words.model,
                new.note,
                author_id,
            )
            await connection.execute(_ADD, values)
            await record_event(connection, event)
            row = await (await connection.execute(_ONE, (new.purpose, number))).fetchone()
        assert row is not None
        return _version(row)

    async def put_in_force(
        self, purpose: str, number: int, author_id: UUID | None, event: AccountEvent
    ) -> None:
        """From now on; 0: the shipped words."""
        async with self._database.transaction() as connection:
            await connection.execute(_PUT, (purpose, number, author_id))
            await record_event(connection, event)

    async def figures(
        self, viewer: Viewer, purpose: str, versions: Sequence[int], since: datetime
    ) -> Sequence[PromptFigures]:
        """Of those versions that answered; with the viewer's eyes, who sees everybody's requests or their own."""
        names = [f"{purpose}@{number}" for number in versions]
        values = {"names": names, "purpose": purpose, "since": since}
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_FIGURES, values)).fetchall()
        return [_figures(row) for row in rows]


def _version(row: TupleRow) -> PromptVersion:
    purpose, number, texts, examples, temperature, model, note, author, created_at = row
    shown = {language: tuple((a, b) for a, b in each) for language, each in examples.items()}
    words = PromptWords(texts, shown, None if temperature is None else round(temperature, 4), model)
    return PromptVersion(purpose, number, words, note, author, created_at)


def _figures(row: TupleRow) -> PromptFigures:
    version, answers, nothing, failed, up, down, first_ms, total_ms, tokens, last_at = row
    mean = None if tokens is None else float(tokens)
    return PromptFigures(version, answers, nothing, failed, up, down, first_ms, total_ms, mean, last_at)
