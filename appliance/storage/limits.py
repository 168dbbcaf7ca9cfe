"""Weights, groups and limits in PostgreSQL, and what the ledger knows of tokens used; each change with its event."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow

from appliance.domain.people import AccountEvent
from appliance.errors import Conflict, NotFound
from appliance.fairness.limits.budget_seeding import BudgetSpent
from appliance.fairness.limits.policy import EVERYONE, GroupShare, Limit, NamedLimit, Policy, SubjectKind
from appliance.storage.accounts import record_event
from appliance.storage.budgets import caps_in
from appliance.storage.database import Database

_LIMIT = "l.id, l.user_id, l.group_id, l.key_id, l.model, l.kind, l.most"
_NAMED = f"""
SELECT {_LIMIT}, coalesce(u.email, g.name, k.prefix, l.model, '')
FROM limits l LEFT JOIN users u ON u.id = l.user_id LEFT JOIN groups g ON g.id = l.group_id
              LEFT JOIN api_keys k ON k.id = l.key_id
"""
_ORDER = " ORDER BY num_nonnulls(l.user_id, l.group_id, l.key_id, l.model), 8, l.kind, l.id"
_COLUMNS: Mapping[SubjectKind, int] = {"user": 0, "group": 1, "key": 2, "model": 3}
_SAME = "(user_id, group_id, key_id, model) IS NOT DISTINCT FROM (%s::uuid, %s::uuid, %s::uuid, %s::text)"

_USED = "SELECT coalesce(sum(r.prompt_tokens + r.completion_tokens), 0) FROM requests r"
_WANTED = """
FROM jsonb_to_recordset(%(wanted)s::jsonb) AS w (number integer, subject text, since timestamptz, until timestamptz)
"""
# The tokens of the embedded model are no engine's, and the gate does not count them.
_WHEN = "r.started_at >= w.since AND r.started_at < w.until AND r.engine IS DISTINCT FROM 'embedder'"
_BELOW = """
WITH RECURSIVE below (id) AS (
    SELECT w.subject::uuid UNION SELECT g.id FROM groups g JOIN below b ON g.parent_id = b.id)
SELECT m.user_id FROM group_members m JOIN below b ON m.group_id = b.id
"""
_SPENT: Mapping[str, LiteralString] = {
    "user": f"SELECT w.number, ({_USED} WHERE r.user_id = w.subject::uuid AND {_WHEN}) {_WANTED}",
    "group": f"SELECT w.number, ({_USED} WHERE r.user_id IN ({_BELOW}) AND {_WHEN}) {_WANTED}",
    "key": f"""
        SELECT w.number, ({_USED} WHERE r.user_id = (SELECT k.user_id FROM api_keys k WHERE k.id = w.subject::uuid)
                          AND r.key_id = w.subject::uuid AND {_WHEN}) {_WANTED}""",
    "model": f"""
        SELECT w.number, ({_USED} WHERE (r.model = w.subject
            OR r.model IN (SELECT a.key FROM jsonb_each_text(%(aliases)s::jsonb) a WHERE a.value = w.subject)
            OR r.part_of IN (SELECT p.id FROM requests p
                             WHERE p.model = w.subject AND p.started_at >= w.since AND p.started_at < w.until))
            AND {_WHEN})
        {_WANTED}""",
}


class PostgresLimits:
    """Fulfils services.limits.LimitRepository and services.policy_watch.PolicyRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def policy(self) -> Policy:
        """All of it, as of one moment."""
        async with self._database.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            users = await _rows(connection, "SELECT id, weight FROM users WHERE weight <> 1")
            groups = await _rows(connection, "SELECT id, weight, parent_id FROM groups")
            limits = await _rows(connection, f"SELECT {_LIMIT} FROM limits l ORDER BY l.id")
            caps = await caps_in(connection)
        return Policy(
            {row[0]: row[1] for row in users},
            {row[0]: GroupShare(row[1], row[2]) for row in groups},
            [_limit_of(row) for row in limits],
            caps,
        )

    async def limits(self) -> Sequence[NamedLimit]:
        """Everyone's first, then by the subject's name."""
        async with self._database.connection() as connection:
            return [NamedLimit(_limit_of(row), row[7]) for row in await _rows(connection, _NAMED + _ORDER)]

    async def limit(self, limit_id: UUID) -> NamedLimit | None:
        """One, by its id."""
        async with self._database.connection() as connection:
            rows = await _rows(connection, _NAMED + " WHERE l.id = %s", (limit_id,))
        return NamedLimit(_limit_of(rows[0]), rows[0][7]) if rows else None

    async def add(self, new: Limit, event: AccountEvent) -> NamedLimit:
        """Raises NotFound for an unknown subject, Conflict where there is a limit of that kind."""
        try:
            async with self._database.transaction() as connection:
                await connection.execute(
                    "INSERT INTO limits (id, user_id, group_id, key_id, model, kind, most) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (new.id, *_subject_columns(new), new.kind, new.most),
                )
                await record_event(connection, event)
                rows = await _rows(connection, _NAMED + " WHERE l.id = %s", (new.id,))
        except ForeignKeyViolation as error:
            raise NotFound(f"There is no {new.subject_kind} {new.subject}.", param="subject") from error
        except UniqueViolation as error:
            raise Conflict(
                f"There is a limit of {new.kind} for this {new.subject_kind} already. "
                "Change it with PUT, or remove it first.",
                param="kind",
            ) from error
        return NamedLimit(_limit_of(rows[0]), rows[0][7])

    async def put(self, new: Limit, event: AccountEvent) -> tuple[NamedLimit, bool]:
        """Set the limit of that subject and kind; whether it was not there before. Raises NotFound."""
        async with self._database.transaction() as connection:
            changed = await _rows(
                connection,
                f"UPDATE limits SET most = %s WHERE kind = %s AND {_SAME} RETURNING id",
                (new.most, new.kind, *_subject_columns(new)),
            )
            if changed:
                await record_event(connection, event)
                rows = await _rows(connection, _NAMED + " WHERE l.id = %s", (changed[0][0],))
                return NamedLimit(_limit_of(rows[0]), rows[0][7]), False
        return await self.add(new, event), True

    async def remove(self, limit_id: UUID, event: AccountEvent) -> bool:
        """Whether it was there."""
        async with self._database.transaction() as connection:
            removed = await _rows(connection, "DELETE FROM limits WHERE id = %s RETURNING id", (limit_id,))
            if removed:
                await record_event(connection, event)
        return bool(removed)


class PostgresSpending:
    """Fulfils fairness.budget_seeding.Spending.

    aliases: of the configuration, so that a model's sum has them all; a pipeline's has what was asked on its behalf.
    """

    def __init__(self, database: Database, aliases: Mapping[str, str]) -> None:
        self._database = database
        self._aliases = dict(aliases)

    async def spent(self, wanted: Sequence[BudgetSpent]) -> Sequence[int]:
        """Tokens the ledger has for each, in the same order. Raises PartUnavailable."""
        found = [0] * len(wanted)
        by_kind: dict[str, list[dict[str, object]]] = {}
        for number, one in enumerate(wanted):
            kind, _, subject = one.scope.partition(":")
            row = {
                "number": number,
                "subject": subject,
                "since": _moment(one.from_ms),
                "until": _moment(one.until_ms),
            }
            by_kind.setdefault(kind, []).append(row)
        async with self._database.transaction() as connection:
            await connection.execute("SELECT set_config('app.role', 'ledger', true)")
            for kind, rows in by_kind.items():
                values = {
                    "wanted": orjson.dumps(rows).decode(),
                    "aliases": orjson.dumps(self._aliases).decode(),
                }
                for number, tokens in await _rows(connection, _SPENT[kind], values):
                    found[number] = int(tokens)
        return found


async def _rows(
    connection: AsyncConnection, query: LiteralString, values: Sequence[Any] | Mapping[str, Any] = ()
) -> list[TupleRow]:
    return await (await connection.execute(query, values)).fetchall()


def _limit_of(row: TupleRow) -> Limit:
    for kind, column in _COLUMNS.items():
        if row[1 + column] is not None:
            return Limit(row[0], kind, str(row[1 + column]), row[5], row[6])
    return Limit(row[0], "everyone", EVERYONE, row[5], row[6])


def _subject_columns(limit: Limit) -> list[str | None]:
    columns: list[str | None] = [None, None, None, None]
    if limit.subject_kind != "everyone":
        columns[_COLUMNS[limit.subject_kind]] = limit.subject
    return columns


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
