"""People and groups in PostgreSQL; each change and its line in account_events are one transaction."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from appliance.domain.people import AccountEvent, Group, Language, Role, User
from appliance.domain.refusals import Told
from appliance.errors import Conflict, InvalidRequest, LastAdministrator, NotFound
from appliance.ports.accounts import GroupChanges, NewUser, PeopleFilter
from appliance.ports.keeping import Keep
from appliance.storage.database import Database

USER_COLUMNS = """
u.id, u.email, u.name, u.role, u.is_suspended, u.language, u.created_at, u.last_login_at,
ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id), u.weight
"""
_GROUP = "g.id, g.name, ARRAY(SELECT m.user_id FROM group_members m WHERE m.group_id = g.id), g.weight, g.parent_id"
# `folded` as in the search of conversations: without accents and capitals. Words are looked for as they are, so that
# nothing in them is a pattern.
_FITS = """
NOT EXISTS (SELECT FROM unnest(%(words)s::text[]) word WHERE position(folded(word) IN folded(
    u.name || ' ' || u.email || ' ' || coalesce((SELECT string_agg(g.name, ' ') FROM group_members m
        JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id), ''))) = 0)
AND (%(role)s::text IS NULL OR u.role = %(role)s)
AND (%(is_suspended)s::boolean IS NULL OR u.is_suspended = %(is_suspended)s)
"""
_DEEPEST = 8
# Bounded, so that a circle that somehow got into the table does not hang whoever wants to open it.
_ABOVE = """
WITH RECURSIVE above (id, parent_id, height) AS (
    SELECT id, parent_id, 1 FROM groups WHERE id = %(parent)s
    UNION SELECT g.id, g.parent_id, a.height + 1 FROM groups g JOIN above a ON g.id = a.parent_id WHERE a.height < 100),
below (id, depth) AS (
    SELECT id, 1 FROM groups WHERE id = %(group)s
    UNION SELECT g.id, b.depth + 1 FROM groups g JOIN below b ON g.parent_id = b.id WHERE b.depth < 100)
SELECT (SELECT count(*) FROM above), (SELECT count(*) FROM above WHERE id = %(group)s),
       (SELECT max(height) FROM above) + (SELECT max(depth) FROM below)
"""


async def record_event(connection: AsyncConnection, event: AccountEvent) -> None:
    """Add a line to account_events, in the transaction of the change it tells of."""
    await connection.execute(
        "INSERT INTO account_events (actor_id, action, subject_id, detail, address) VALUES (%s, %s, %s, %s, %s)",
        (event.actor_id, event.action, event.subject_id, Jsonb(dict(event.detail)), event.address),
    )


def user_of(row: TupleRow) -> User:
    """A row of USER_COLUMNS."""
    return User(
        row[0], row[1], row[2], Role(row[3]), row[4], row[5], row[6], row[7], frozenset(row[8]), row[9]
    )


class PostgresUsers:
    """Fulfils services.accounts.ports.UserRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_user(self, new: NewUser, group_ids: Collection[UUID], event: AccountEvent) -> User:
        try:
            async with self._database.transaction() as connection:
                row = await _one(
                    connection,
                    "INSERT INTO users (email, email_key, name, role, password_hash, password_changed_at, language) "
                    "VALUES (%s, %s, %s, %s, %s::text, CASE WHEN %s::text IS NULL THEN NULL ELSE now() END, %s) "
                    "RETURNING id",
                    (
                        new.email,
                        new.email_key,
                        new.name,
                        new.role,
                        new.password_hash,
                        new.password_hash,
                        new.language,
                    ),
                )
                assert row is not None
                await connection.execute(
                    "INSERT INTO group_members (user_id, group_id) SELECT %s, unnest(%s::uuid[])",
                    (row[0], list(group_ids)),
                )
                await record_event(connection, _about(event, row[0]))
                user = await _user(connection, row[0])
        except UniqueViolation as error:
            raise Conflict(Told("account_exists", address=new.email), param="email") from error
        except ForeignKeyViolation as error:
            raise NotFound(Told("group_missing"), param="groups") from error
        assert user is not None
        return user

    async def user(self, user_id: UUID) -> User | None:
        async with self._database.connection() as connection:
            return await _user(connection, user_id)

    async def user_by_email(self, email_key: str) -> tuple[User, str | None] | None:
        async with self._database.connection() as connection:
            row = await _one(
                connection,
                f"SELECT {USER_COLUMNS}, u.password_hash FROM users u WHERE u.email_key = %s",
                (email_key,),
            )
        return None if row is None else (user_of(row), row[10])

    async def password_hash(self, user_id: UUID) -> str | None:
        async with self._database.connection() as connection:
            row = await _one(connection, "SELECT password_hash FROM users WHERE id = %s", (user_id,))
        return None if row is None else row[0]

    async def users(self, after: str, limit: int) -> Sequence[User]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                f"SELECT {USER_COLUMNS} FROM users u WHERE u.email_key > %s ORDER BY u.email_key LIMIT %s",
                (after, limit),
            )
            return [user_of(row) for row in await rows.fetchall()]

    async def found(self, wanted: PeopleFilter, after: str, limit: int) -> tuple[Sequence[User], int]:
        values = {
            "words": list(wanted.words),
            "role": wanted.role,
            "is_suspended": wanted.is_suspended,
            "after": after,
            "limit": limit,
        }
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                f"SELECT {USER_COLUMNS} FROM users u WHERE {_FITS} AND u.email_key > %(after)s "
                "ORDER BY u.email_key LIMIT %(limit)s",
                values,
            )
            found = [user_of(row) for row in await rows.fetchall()]
            count = await _one(connection, f"SELECT count(*) FROM users u WHERE {_FITS}", values)
        return found, int(count[0]) if count else 0

    async def count_users(self) -> int:
        async with self._database.connection() as connection:
            row = await _one(connection, "SELECT count(*) FROM users", ())
        return int(row[0]) if row else 0

    async def update_user(
        self,
        user_id: UUID,
        event: AccountEvent,
        *,
        name: str | None = None,
        role: Role | None = None,
        is_suspended: bool | None = None,
        language: Language | None = None,
        weight: float | None = None,
    ) -> User:
        async with self._database.transaction() as connection:
            if is_suspended or role not in (None, Role.ADMIN):
                await _keep_an_administrator(connection, user_id)
            await connection.execute(
                "UPDATE users SET name = coalesce(%s, name), role = coalesce(%s, role), "
                "is_suspended = coalesce(%s, is_suspended), language = coalesce(%s, language), "
                "weight = coalesce(%s, weight) WHERE id = %s",
                (name, role, is_suspended, language, weight, user_id),
            )
            await record_event(connection, event)
            user = await _user(connection, user_id)
            if user is None:
                raise NotFound(f"There is no user {user_id}.")
            return user

    async def set_password(self, user_id: UUID, password_hash: str, event: AccountEvent) -> Sequence[UUID]:
        async with self._database.transaction() as connection:
            ended = await replace_password(connection, user_id, password_hash)
            await record_event(connection, event)
            return ended

    async def rehash_password(self, user_id: UUID, old_hash: str, new_hash: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s",
                (new_hash, user_id, old_hash),
            )

    async def add_group(
        self,
        name: str,
        name_key: str,
        event: AccountEvent,
        *,
        weight: float | None = None,
        parent_id: UUID | None = None,
    ) -> Group:
        try:
            async with self._database.transaction() as connection:
                row = await _one(
                    connection,
                    "INSERT INTO groups (name, name_key, weight) VALUES (%s, %s, %s) RETURNING id",
                    (name, name_key, weight),
                )
                assert row is not None
                if parent_id is not None:
                    await _put_below(connection, row[0], parent_id)
                await record_event(connection, _about(event, row[0]))
                return Group(row[0], name, weight=weight, parent_id=parent_id)
        except UniqueViolation as error:
            raise Conflict(Told("group_exists", name=repr(name)), param="name") from error

    async def change_group(
        self, group_id: UUID, changes: GroupChanges, name_key: str | None, event: AccountEvent
    ) -> Group:
        try:
            async with self._database.transaction() as connection:
                if not isinstance(changes.parent_id, Keep):
                    await _put_below(connection, group_id, changes.parent_id)
                await connection.execute(
                    "UPDATE groups SET name = coalesce(%s, name), name_key = coalesce(%s, name_key) WHERE id = %s",
                    (changes.name, name_key, group_id),
                )
                if not isinstance(changes.weight, Keep):
                    await connection.execute(
                        "UPDATE groups SET weight = %s WHERE id = %s", (changes.weight, group_id)
                    )
                await record_event(connection, event)
                row = await _one(connection, f"SELECT {_GROUP} FROM groups g WHERE g.id = %s", (group_id,))
                if row is None:
                    raise NotFound(f"There is no group {group_id}.")
                return _group_of(row)
        except UniqueViolation as error:
            raise Conflict(Told("group_exists", name=repr(changes.name)), param="name") from error

    async def remove_group(self, group_id: UUID, event: AccountEvent) -> Collection[UUID]:
        async with self._database.transaction() as connection:
            members = await _members(connection, group_id)
            await connection.execute("DELETE FROM groups WHERE id = %s", (group_id,))
            await record_event(connection, event)
            return members

    async def groups(self, member: UUID | None = None) -> Sequence[Group]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                f"SELECT {_GROUP} FROM groups g WHERE %s::uuid IS NULL "
                "OR EXISTS (SELECT FROM group_members m WHERE m.group_id = g.id AND m.user_id = %s) "
                "ORDER BY g.name_key",
                (member, member),
            )
            return [_group_of(row) for row in await rows.fetchall()]

    async def groups_by_name(self, name_keys: Collection[str]) -> Mapping[str, UUID]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                "SELECT name_key, id FROM groups WHERE name_key = ANY(%s)", (list(name_keys),)
            )
            return dict(await rows.fetchall())

    async def set_members(
        self, group_id: UUID, user_ids: Collection[UUID], event: AccountEvent
    ) -> Collection[UUID]:
        try:
            async with self._database.transaction() as connection:
                before = await _members(connection, group_id)
                await connection.execute(
                    "DELETE FROM group_members WHERE group_id = %s AND user_id <> ALL(%s)",
                    (group_id, list(user_ids)),
                )
                await connection.execute(
                    "INSERT INTO group_members (group_id, user_id) SELECT %s, unnest(%s::uuid[]) "
                    "ON CONFLICT DO NOTHING",
                    (group_id, list(user_ids)),
                )
                await record_event(connection, event)
                return before ^ set(user_ids)
        except ForeignKeyViolation as error:
            raise NotFound(Told("member_missing"), param="member_ids") from error

    async def record(self, event: AccountEvent) -> None:
        async with self._database.connection() as connection:
            await record_event(connection, event)

    async def events(self, before: int | None, limit: int) -> Sequence[AccountEvent]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                "SELECT action, actor_id, subject_id, detail, address, happened_at, id FROM account_events "
                "WHERE %s::bigint IS NULL OR id < %s ORDER BY id DESC LIMIT %s",
                (before, before, limit),
            )
            return [AccountEvent(*row) for row in await rows.fetchall()]


async def replace_password(connection: AsyncConnection, user_id: UUID, password_hash: str) -> Sequence[UUID]:
    """Set it and end every session and open link; returns the ended sessions."""
    await connection.execute(
        "UPDATE users SET password_hash = %s, password_changed_at = now() WHERE id = %s",
        (password_hash, user_id),
    )
    await connection.execute(
        "UPDATE one_time_links SET used_at = now() WHERE user_id = %s AND used_at IS NULL", (user_id,)
    )
    ended = await connection.execute("DELETE FROM sessions WHERE user_id = %s RETURNING id", (user_id,))
    return [row[0] for row in await ended.fetchall()]


async def _keep_an_administrator(connection: AsyncConnection, user_id: UUID) -> None:
    """Lock the administrators, so that two of them cannot take each other's place away at the same time."""
    rows = await connection.execute(
        "SELECT id FROM users WHERE role = 'admin' AND NOT is_suspended ORDER BY id FOR UPDATE"
    )
    if {row[0] for row in await rows.fetchall()} == {user_id}:
        raise LastAdministrator


async def _put_below(connection: AsyncConnection, group_id: UUID, parent_id: UUID | None) -> None:
    """Two who move groups at the same time wait for each other, so that they cannot close a circle together."""
    await connection.execute("LOCK TABLE groups IN SHARE ROW EXCLUSIVE MODE")
    if parent_id is not None:
        row = await _one(connection, _ABOVE, {"parent": parent_id, "group": group_id})
        assert row is not None
        known, is_circle, depth = row
        if not known:
            raise NotFound(f"There is no group {parent_id}.", param="parent_id")
        if is_circle:
            raise InvalidRequest(
                Told("group_circle"),
                param="parent_id",
            )
        if depth is not None and depth > _DEEPEST:
            raise InvalidRequest(
                Told("group_deep", most=_DEEPEST),
                param="parent_id",
            )
    await connection.execute("UPDATE groups SET parent_id = %s WHERE id = %s", (parent_id, group_id))


async def _members(connection: AsyncConnection, group_id: UUID) -> set[UUID]:
    """Who is in a group; locks it. Raises NotFound."""
    if await _one(connection, "SELECT 1 FROM groups WHERE id = %s FOR UPDATE", (group_id,)) is None:
        raise NotFound(f"There is no group {group_id}.")
    rows = await connection.execute("SELECT user_id FROM group_members WHERE group_id = %s", (group_id,))
    return {row[0] for row in await rows.fetchall()}


async def _user(connection: AsyncConnection, user_id: UUID) -> User | None:
    row = await _one(connection, f"SELECT {USER_COLUMNS} FROM users u WHERE u.id = %s", (user_id,))
    return None if row is None else user_of(row)


async def _one(
    connection: AsyncConnection, query: LiteralString, values: Sequence[Any] | Mapping[str, Any]
) -> TupleRow | None:
    return await (await connection.execute(query, values)).fetchone()


def _group_of(row: TupleRow) -> Group:
    return Group(row[0], row[1], frozenset(row[2]), row[3], row[4])


def _about(event: AccountEvent, subject_id: UUID) -> AccountEvent:
    """The same event, once the new thing's id is known."""
    return AccountEvent(event.action, event.actor_id, subject_id, event.detail, event.address)
