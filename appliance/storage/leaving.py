"""What may leave, in PostgreSQL: the narrowing rules, marks on collections, and every decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import TupleRow

from appliance.domain.people import AccountEvent, Caller, Viewer
from appliance.domain.refusals import Told
from appliance.errors import NotFound, NotPermitted
from appliance.fairness.leaving.decisions import Decision, Facts
from appliance.fairness.leaving.overview import (
    DecisionPage,
    DecisionQuery,
    KeptDecision,
    MarkableCollection,
    NamedRule,
)
from appliance.fairness.leaving.rules import Marks, Narrowing
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

# One statement: rules and flags as of one moment, never the old ones of these with the new ones of those.
_RULES = """
SELECT p.at_most, p.queue_s, coalesce(p.vetoes, false), coalesce(p.for_some_people, false),
       coalesce(p.for_some_models, false),
       ARRAY(SELECT coalesce(r.user_id, r.group_id) FROM leaving_rules r WHERE r.effect = 'stays' AND r.model IS NULL),
       ARRAY(SELECT r.model FROM leaving_rules r WHERE r.effect = 'stays' AND r.model IS NOT NULL),
       ARRAY(SELECT coalesce(r.user_id, r.group_id) FROM leaving_rules r WHERE r.effect = 'only' AND r.model IS NULL),
       ARRAY(SELECT r.model FROM leaving_rules r WHERE r.effect = 'only' AND r.model IS NOT NULL)
FROM (SELECT) always LEFT JOIN leaving_policy p ON true
"""
_GROUPS = """
WITH RECURSIVE above (id) AS (
    SELECT m.group_id FROM group_members m WHERE m.user_id = %s
    UNION SELECT g.parent_id FROM groups g JOIN above a ON a.id = g.id WHERE g.parent_id IS NOT NULL)
SELECT id FROM above
"""
_MARKS = "SELECT id, may_leave, conversation_id IS NOT NULL FROM collections WHERE id = ANY(%s)"
_AS_OVERSEER = "SELECT set_config('app.role', 'auditor', true)"
_KEEP = """
INSERT INTO leaving_decisions (id, happened_at, user_id, key_id, request_id, model, reason, waited_s, leaves, code, why,
                               origins, redactions)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING
"""
_NAMED_RULES = """
SELECT r.effect, CASE WHEN r.user_id IS NOT NULL THEN 'user' WHEN r.group_id IS NOT NULL THEN 'group' ELSE 'model' END,
       coalesce(r.user_id::text, r.group_id::text, r.model), coalesce(u.email, g.name, r.model)
FROM leaving_rules r LEFT JOIN users u ON u.id = r.user_id LEFT JOIN groups g ON g.id = r.group_id
ORDER BY 1, 2, 4, 3
"""
_SET = """
INSERT INTO leaving_policy (at_most, queue_s, vetoes, for_some_people, for_some_models) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (the_only_one) DO UPDATE SET at_most = excluded.at_most, queue_s = excluded.queue_s,
    vetoes = excluded.vetoes, for_some_people = excluded.for_some_people, for_some_models = excluded.for_some_models
"""
_ADD_RULE = """
INSERT INTO leaving_rules (effect, user_id, group_id, model) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_DECISIONS: LiteralString = """
SELECT d.id, d.happened_at, d.user_id, d.key_id, d.request_id, d.model, d.reason, d.waited_s, d.leaves, d.code, d.why,
       d.origins, d.redactions, u.email, k.prefix
FROM leaving_decisions d LEFT JOIN users u ON u.id = d.user_id LEFT JOIN api_keys k ON k.id = d.key_id
WHERE (%(leaves)s::boolean IS NULL OR d.leaves = %(leaves)s)
  AND (%(code)s::text IS NULL OR d.code = %(code)s)
  AND (%(user_id)s::uuid IS NULL OR d.user_id = %(user_id)s)
  AND (%(model)s::text IS NULL OR d.model = %(model)s)
  AND (%(since)s::timestamptz IS NULL OR d.happened_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR d.happened_at < %(until)s)
  AND (%(moment)s::timestamptz IS NULL OR (d.happened_at, d.id) < (%(moment)s, %(after)s::uuid))
ORDER BY d.happened_at DESC, d.id DESC LIMIT %(limit)s
"""
_COUNTS = """
SELECT code, count(*) FROM leaving_decisions WHERE happened_at >= now() - interval '24 hours' GROUP BY code
"""
_REMOVE_OLD = (
    "DELETE FROM leaving_decisions WHERE NOT leaves AND happened_at < now() - make_interval(days => %s)"
)


class PostgresLeaving:
    """Fulfils fairness.leaving.decisions.LeavingBook and services.leaving.LeavingRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # deciding -----------------------------------------------------------------------------------------

    async def facts(self, caller: Caller, collections: Sequence[UUID]) -> Facts:
        async with self._database.viewing(caller.viewer) as connection:
            narrowing = _narrowing(await (await connection.execute(_RULES)).fetchone())
            groups = await (await connection.execute(_GROUPS, (caller.user_id,))).fetchall()
            marks = await (await connection.execute(_MARKS, (list(collections),))).fetchall()
        return Facts(
            narrowing,
            frozenset(group for (group,) in groups),
            Marks(
                frozenset(one for one, may_leave, _ in marks if may_leave),
                frozenset(one for one, _, is_chat in marks if is_chat),
            ),
        )

    async def narrowing(self) -> Narrowing:
        async with self._database.connection() as connection:
            return _narrowing(await (await connection.execute(_RULES)).fetchone())

    async def keep(self, decisions: Sequence[Decision]) -> None:
        rows = [_row(one) for one in decisions]
        async with self._database.transaction() as connection, connection.cursor() as cursor:
            await cursor.execute(_AS_OVERSEER)  # to find that a row is there already one has to see it
            await cursor.executemany(_KEEP, rows)

    # what administrators see and set ------------------------------------------------------------------

    async def rules(self) -> tuple[Narrowing, Sequence[NamedRule]]:
        """What is narrowed, and its rules with the names of today."""
        async with self._database.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            narrowing = _narrowing(await (await connection.execute(_RULES)).fetchone())
            rows = await (await connection.execute(_NAMED_RULES)).fetchall()
        return narrowing, [NamedRule(*row) for row in rows]

    async def narrow(self, narrowing: Narrowing, rules: Sequence[NamedRule], event: AccountEvent) -> None:
        """In place of all that was narrowed before. rules: everybody and everything named in it. Raises NotFound."""
        flags = (narrowing.only_people is not None, narrowing.only_models is not None)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    _SET, (narrowing.at_most, narrowing.queue_s, narrowing.vetoes, *flags)
                )
                await connection.execute("DELETE FROM leaving_rules")
                for rule in rules:
                    columns = [
                        rule.subject if rule.kind == kind else None for kind in ("user", "group", "model")
                    ]
                    await connection.execute(_ADD_RULE, (rule.effect, *columns))
                await record_event(connection, event)
        except ForeignKeyViolation as error:
            raise NotFound("One of these people or groups does not exist.") from error

    async def collections(self, viewer: Viewer) -> Sequence[MarkableCollection]:
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute("SELECT * FROM markable_collections()")).fetchall()
        return [MarkableCollection(*row) for row in rows]

    async def mark(
        self, viewer: Viewer, collection_id: UUID, *, may_leave: bool, event: AccountEvent
    ) -> None:
        """Raises NotFound, NotPermitted."""
        async with self._database.viewing(viewer) as connection:
            found = await connection.execute(
                "SELECT * FROM mark_collection(%s, %s)", (collection_id, may_leave)
            )
            row = await found.fetchone()
            outcome, was = row if row is not None else ("unknown", None)
            if outcome == "administrators":
                raise NotPermitted(Told("administrators_only"))
            if outcome != "marked":  # files of a chat are no collection to anybody
                raise NotFound(f"No vector store has the id 'vs_{collection_id.hex}'.")
            if was != may_leave:
                await record_event(connection, event)

    async def decisions(self, viewer: Viewer, query: DecisionQuery, limit: int) -> DecisionPage:
        moment, after = query.before or (None, None)
        values: dict[str, Any] = {
            name: getattr(query, name) for name in ("leaves", "code", "user_id", "model", "since", "until")
        }
        values |= {"moment": moment, "after": after, "limit": limit + 1}
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_DECISIONS, values)).fetchall()
        return DecisionPage([_kept(row) for row in rows[:limit]], len(rows) > limit)

    async def counts(self, viewer: Viewer) -> dict[str, int]:
        """Decisions of the last 24 hours by code."""
        async with self._database.viewing(viewer) as connection:
            return dict(await (await connection.execute(_COUNTS)).fetchall())


async def remove_old_stays(database: Database, days: int) -> int:
    """database: as the worker's role. Returns how many were removed."""
    async with database.transaction() as connection:
        return (await connection.execute(_REMOVE_OLD, (days,))).rowcount


def _narrowing(row: TupleRow | None) -> Narrowing:
    assert row is not None  # there is always one
    at_most, queue_s, vetoes, for_some_people, for_some_models, stays, models, people, only = row
    return Narrowing(
        at_most,
        queue_s,
        vetoes,
        frozenset(stays),
        frozenset(models),
        frozenset(people) if for_some_people else None,
        frozenset(only) if for_some_models else None,
    )


def _row(one: Decision) -> tuple[Any, ...]:
    return (
        one.id,
        one.happened_at,
        one.user_id,
        one.key_id,
        one.request_id[:200].replace("\0", ""),
        one.model[:400].replace("\0", ""),
        one.reason,
        one.waited_s,
        one.leaves,
        one.code,
        one.why,
        None if one.origins is None else sorted(one.origins),
        one.redactions,
    )


def _kept(row: TupleRow) -> KeptDecision:
    known = None if row[11] is None else frozenset(row[11])
    kept: list[Any] = [*row[:11], known, row[12]]
    return KeptDecision(Decision(*kept), row[13], row[14])
