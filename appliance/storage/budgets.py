"""Budgets in PostgreSQL: what is set, what was warned of, what the ledger says was spent; changes with their event."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import TupleRow

from appliance.domain.people import AccountEvent
from appliance.errors import NotFound
from appliance.fairness.budgets.caps import ALL, Cap, NamedCap
from appliance.fairness.budgets.windows import Span, Window
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

_CAP = "b.id, b.subject_kind, coalesce(b.user_id, b.group_id)::text, b.span, b.covers, b.micros"
_NAMED = f"""
SELECT {_CAP}, coalesce(u.email, g.name, '')
FROM budgets b LEFT JOIN users u ON u.id = b.user_id LEFT JOIN groups g ON g.id = b.group_id
"""
_ORDER = """
ORDER BY array_position(ARRAY['organisation', 'group', 'everyone', 'user'], b.subject_kind), 7, b.span, b.covers, b.id
"""
_SET = """
INSERT INTO budgets (id, subject_kind, user_id, group_id, span, covers, micros) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT one_budget_of_a_kind DO UPDATE SET micros = excluded.micros
RETURNING id, xmax = 0
"""
_WARN = """
INSERT INTO budget_warnings (user_id, group_id, span, covers, started_at, level, micros, spent)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING level
"""
# As money.micros_of has it: rounded up call by call, so that a sum taken here is the one that was counted there.
_MICROS = "least(ceil(r.cost::numeric * 1000000), 1000000000000000)"
_WANTED = """
FROM jsonb_to_recordset(%(wanted)s::jsonb) AS w
    (number integer, subject text, is_cloud boolean, since timestamptz, until timestamptz)
"""
_WHEN = "r.started_at >= w.since AND r.started_at < w.until AND r.cost > 0 AND (r.is_cloud OR NOT w.is_cloud)"
_SPENT = f"SELECT coalesce(sum({_MICROS}), 0) FROM requests r WHERE {_WHEN}"
_BELOW = """
WITH RECURSIVE below (id) AS (
    SELECT w.subject::uuid UNION SELECT g.id FROM groups g JOIN below b ON g.parent_id = b.id)
SELECT m.user_id FROM group_members m JOIN below b ON m.group_id = b.id
"""
_SUMS: Mapping[str, LiteralString] = {
    "organisation": f"SELECT w.number, ({_SPENT}) {_WANTED}",
    "user": f"SELECT w.number, ({_SPENT} AND r.user_id = w.subject::uuid) {_WANTED}",
    "group": f"SELECT w.number, ({_SPENT} AND r.user_id IN ({_BELOW})) {_WANTED}",
}
_PEOPLE = f"""
SELECT r.user_id, u.email, sum({_MICROS}) FROM requests r JOIN users u ON u.id = r.user_id
WHERE r.started_at >= %s AND r.started_at < %s AND r.cost > 0 AND (r.is_cloud OR NOT %s)
GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT %s
"""


class PostgresBudgets:
    """Fulfils services.budgets.BudgetRepository and services.budget_warnings.WarningRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def caps(self) -> Sequence[NamedCap]:
        """The organisation's, the groups', everyone's, then people's."""
        async with self._database.connection() as connection:
            return [NamedCap(_cap_of(row), row[6]) for row in await _rows(connection, _NAMED + _ORDER)]

    async def cap(self, cap_id: UUID) -> NamedCap | None:
        """One, by its id."""
        async with self._database.connection() as connection:
            rows = await _rows(connection, _NAMED + " WHERE b.id = %s", (cap_id,))
        return NamedCap(_cap_of(rows[0]), rows[0][6]) if rows else None

    async def put(self, new: Cap, event: AccountEvent) -> tuple[NamedCap, bool]:
        """Set it, whether or not it was there; True: it was not. Raises NotFound for an unknown subject."""
        try:
            async with self._database.transaction() as connection:
                ((cap_id, is_new),) = await _rows(
                    connection,
                    _SET,
                    (new.id, new.subject_kind, *_subject(new), new.window, new.covers, new.micros),
                )
                await record_event(connection, event)
                rows = await _rows(connection, _NAMED + " WHERE b.id = %s", (cap_id,))
        except ForeignKeyViolation as error:
            raise NotFound(f"There is no {new.subject_kind} {new.subject}.", param="subject") from error
        return NamedCap(_cap_of(rows[0]), rows[0][6]), is_new

    async def remove(self, cap_id: UUID, event: AccountEvent) -> bool:
        """Whether it was there."""
        async with self._database.transaction() as connection:
            removed = await _rows(connection, "DELETE FROM budgets WHERE id = %s RETURNING id", (cap_id,))
            if removed:
                await record_event(connection, event)
        return bool(removed)

    async def note_warning(self, window: Window, level: int, spent: int, event: AccountEvent) -> bool:
        """Whether nobody was told before; then the event is kept with it."""
        kind, _, subject = window.cap.scope.partition(":")
        try:
            async with self._database.transaction() as connection:
                values = (
                    subject if kind == "user" else None,
                    subject if kind == "group" else None,
                    window.cap.window,
                    window.cap.covers,
                    _moment(window.span.start_ms),
                    level,
                    window.most,
                    spent,
                )
                is_new = bool(await _rows(connection, _WARN, values))
                if is_new:
                    await record_event(connection, event)
        except ForeignKeyViolation:  # the person or group was deleted meanwhile
            return False
        return is_new

    async def spenders(self, covers: str, span: Span, most: int) -> Sequence[tuple[UUID, str, int]]:
        """(person, e-mail address, micros) of those who spent most in it, most first."""
        async with self._database.transaction() as connection:
            await connection.execute("SELECT set_config('app.role', 'ledger', true)")
            values = (_moment(span.start_ms), _moment(span.end_ms), covers == "cloud", most)
            return [(row[0], row[1], int(row[2])) for row in await _rows(connection, _PEOPLE, values)]


class PostgresMoneySpent:
    """Fulfils fairness.budgets.keeping.Spending."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spent(self, wanted: Sequence[Window]) -> Sequence[int]:
        """Micros the ledger has for each, in the same order. Raises PartUnavailable."""
        found = [0] * len(wanted)
        by_kind: dict[str, list[dict[str, object]]] = {}
        for number, window in enumerate(wanted):
            kind, _, subject = window.cap.scope.partition(":")
            row = {
                "number": number,
                "subject": subject,
                "is_cloud": window.cap.covers == "cloud",
                "since": _moment(window.span.start_ms),
                "until": _moment(window.span.end_ms),
            }
            by_kind.setdefault(kind, []).append(row)
        async with self._database.transaction() as connection:
            await connection.execute("SELECT set_config('app.role', 'ledger', true)")
            for kind, rows in by_kind.items():
                for number, micros in await _rows(
                    connection, _SUMS[kind], {"wanted": orjson.dumps(rows).decode()}
                ):
                    found[number] = int(micros)
        return found


async def caps_in(connection: AsyncConnection) -> Sequence[Cap]:
    """All that are set, as a transaction sees them."""
    return [_cap_of(row) for row in await _rows(connection, f"SELECT {_CAP} FROM budgets b ORDER BY b.id")]


async def _rows(
    connection: AsyncConnection, query: LiteralString, values: Sequence[Any] | Mapping[str, Any] = ()
) -> list[TupleRow]:
    return await (await connection.execute(query, values)).fetchall()


def _cap_of(row: TupleRow) -> Cap:
    return Cap(row[0], row[1], row[2] or ALL, row[3], row[4], row[5])


def _subject(cap: Cap) -> tuple[str | None, str | None]:
    return (
        cap.subject if cap.subject_kind == "user" else None,
        cap.subject if cap.subject_kind == "group" else None,
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
