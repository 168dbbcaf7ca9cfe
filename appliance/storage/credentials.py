"""Sessions, API keys and one-time links in PostgreSQL: only hashes of them."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.rows import TupleRow

from appliance.domain.people import AccountEvent, ApiKey, Caller, Credential, Role, Scopes, Session, User
from appliance.errors import NotFound
from appliance.ports.accounts import LinkKind, NewKey, NewLink, NewSession
from appliance.storage.accounts import USER_COLUMNS, record_event, replace_password, user_of
from appliance.storage.database import Database

_OWNER = """
u.id, u.email, u.role, u.language, u.is_suspended,
ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id)
"""
_KEYS_UNTIL = "(SELECT max(l.keys_until) FROM identity_links l WHERE l.user_id = u.id)"
_BY_KEY = f"""
SELECT {_OWNER}, k.id, k.models, k.routes, k.expires_at, k.revoked_at IS NOT NULL, k.is_batch, {_KEYS_UNTIL},
       k.stays_local, k.allows_smaller
FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.secret_hash = %s
"""
_BY_SESSION = f"SELECT {_OWNER}, s.id, s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id WHERE "
_KEY = """
id, user_id, name, prefix, models, routes, created_at, expires_at, last_used_at, revoked_at, is_batch, stays_local,
allows_smaller
"""
_SESSION = "id, user_id, user_agent, address, created_at, last_used_at, expires_at"
_STILL_VALID = f"""
SELECT k.id, u.role FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.id = ANY(%(keys)s) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
  AND NOT u.is_suspended AND coalesce({_KEYS_UNTIL} > %(now)s, true)
UNION ALL
SELECT s.id, u.role FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.id = ANY(%(sessions)s) AND s.expires_at > %(now)s AND NOT u.is_suspended
"""
_NOTE_KEYS = """
UPDATE api_keys k SET last_used_at = used.at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS used (id, at)
WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at < used.at)
"""
_NOTE_SESSIONS = """
UPDATE sessions s SET last_used_at = used.at,
                      expires_at = least(s.ends_at, used.at + make_interval(days => %s))
FROM unnest(%s::uuid[], %s::timestamptz[]) AS used (id, at)
WHERE s.id = used.id AND s.last_used_at < used.at AND s.expires_at > used.at
"""
_ADD_PROOF = """
INSERT INTO session_proofs (session_id, issuer, subject, provider_session, id_token, refresh_token, next_check_at)
VALUES (%(session)s, %(issuer)s, %(subject)s, %(provider_session)s, %(id_token)s, %(refresh_token)s, %(next_check_at)s)
"""
_OPEN_LINK = """
FROM one_time_links l JOIN users u ON u.id = l.user_id
WHERE l.kind = %s AND l.token_hash = %s AND l.used_at IS NULL AND l.expires_at > %s AND NOT u.is_suspended
"""


class PostgresCredentials:
    """Fulfils services.accounts.ports.CredentialRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_key(self, secret_hash: bytes) -> Credential | None:
        async with self._database.connection() as connection:
            row = await (await connection.execute(_BY_KEY, (secret_hash,))).fetchone()
        if row is None:
            return None
        caller = Caller(
            user_id=row[0],
            email=row[1],
            role=Role(row[2]),
            group_ids=frozenset(row[5]),
            key_id=row[6],
            scopes=_scopes(row[7], row[8]),
            language=row[3],
            is_batch=row[11],
            stays_local=row[13],
            allows_smaller=row[14],
        )
        return Credential(caller, row[9], row[10], row[4], confirmed_until=row[12])

    async def by_session_token(self, token_hash: bytes) -> Credential | None:
        async with self._database.connection() as connection:
            row = await (
                await connection.execute(_BY_SESSION + "s.token_hash = %s", (token_hash,))
            ).fetchone()
        return None if row is None else _session_credential(row)

    async def by_session_id(self, session_id: UUID) -> Credential | None:
        async with self._database.connection() as connection:
            row = await (await connection.execute(_BY_SESSION + "s.id = %s", (session_id,))).fetchone()
        return None if row is None else _session_credential(row)

    async def still_valid(
        self, key_ids: Collection[UUID], session_ids: Collection[UUID], now: datetime
    ) -> Mapping[UUID, Role]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                _STILL_VALID, {"keys": list(key_ids), "sessions": list(session_ids), "now": now}
            )
            return {row[0]: Role(row[1]) for row in await rows.fetchall()}

    async def note_use(
        self, keys: Mapping[UUID, datetime], sessions: Mapping[UUID, datetime], session_days: int
    ) -> None:
        async with self._database.transaction() as connection:
            if keys:
                await connection.execute(_NOTE_KEYS, (list(keys), list(keys.values())))
            if sessions:
                await connection.execute(
                    _NOTE_SESSIONS, (session_days, list(sessions), list(sessions.values()))
                )

    async def add_session(self, new: NewSession, replaces: bytes | None, event: AccountEvent) -> Session:
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM sessions WHERE token_hash = %s", (replaces,))
            rows = await connection.execute(
                "INSERT INTO sessions (user_id, token_hash, user_agent, address, created_at, last_used_at, expires_at, "
                f"ends_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_SESSION}",
                (
                    new.user_id,
                    new.token_hash,
                    new.user_agent,
                    new.address,
                    new.created_at,
                    new.created_at,
                    new.expires_at,
                    new.ends_at,
                ),
            )
            row = await rows.fetchone()
            assert row is not None
            if new.proof is not None:
                await connection.execute(_ADD_PROOF, {"session": row[0], **asdict(new.proof)})
            await connection.execute(
                "UPDATE users SET last_login_at = %s WHERE id = %s", (new.created_at, new.user_id)
            )
            await record_event(connection, event)
        return Session(*row)

    async def sessions(self, user_id: UUID, now: datetime) -> Sequence[Session]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                f"SELECT {_SESSION} FROM sessions WHERE user_id = %s AND expires_at > %s ORDER BY last_used_at DESC",
                (user_id, now),
            )
            return [Session(*row) for row in await rows.fetchall()]

    async def end_sessions(
        self, user_id: UUID, event: AccountEvent, *, only: UUID | None = None, keep: UUID | None = None
    ) -> Sequence[UUID]:
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                "DELETE FROM sessions WHERE user_id = %(user)s AND (%(only)s::uuid IS NULL OR id = %(only)s) "
                "AND (%(keep)s::uuid IS NULL OR id <> %(keep)s) RETURNING id",
                {"user": user_id, "only": only, "keep": keep},
            )
            ended = [row[0] for row in await rows.fetchall()]
            if ended:
                await record_event(connection, event)
            return ended

    async def remove_expired(self, now: datetime) -> None:
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM sessions WHERE expires_at <= %s", (now,))

    async def add_key(self, new: NewKey, event: AccountEvent) -> ApiKey:
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                "INSERT INTO api_keys (user_id, name, prefix, secret_hash, models, routes, created_at, expires_at, "
                "is_batch, stays_local, allows_smaller) "
                f"VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_KEY}",
                (
                    new.user_id,
                    new.name,
                    new.prefix,
                    new.secret_hash,
                    None if new.scopes.models is None else sorted(new.scopes.models),
                    None if new.scopes.routes is None else list(new.scopes.routes),
                    new.created_at,
                    new.expires_at,
                    new.is_batch,
                    new.stays_local,
                    new.allows_smaller,
                ),
            )
            await record_event(connection, event)
            row = await rows.fetchone()
        assert row is not None
        return _key_of(row)

    async def keys(self, user_id: UUID | None) -> Sequence[ApiKey]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                f"SELECT {_KEY} FROM api_keys WHERE %s::uuid IS NULL OR user_id = %s ORDER BY created_at DESC, id DESC",
                (user_id, user_id),
            )
            return [_key_of(row) for row in await rows.fetchall()]

    async def key(self, key_id: UUID) -> ApiKey | None:
        async with self._database.connection() as connection:
            rows = await connection.execute(f"SELECT {_KEY} FROM api_keys WHERE id = %s", (key_id,))
            row = await rows.fetchone()
        return None if row is None else _key_of(row)

    async def revoke_key(self, key_id: UUID, now: datetime, event: AccountEvent) -> ApiKey | None:
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                f"UPDATE api_keys SET revoked_at = coalesce(revoked_at, %s) WHERE id = %s RETURNING {_KEY}",
                (now, key_id),
            )
            row = await rows.fetchone()
            if row is None:
                return None
            await record_event(connection, event)
            return _key_of(row)

    async def add_link(self, new: NewLink, event: AccountEvent) -> UUID:
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE one_time_links SET used_at = %s WHERE user_id = %s AND kind = %s AND used_at IS NULL",
                (new.created_at, new.user_id, new.kind),
            )
            rows = await connection.execute(
                "INSERT INTO one_time_links (kind, user_id, token_hash, created_by, created_at, expires_at) "
                "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
                (new.kind, new.user_id, new.token_hash, new.created_by, new.created_at, new.expires_at),
            )
            await record_event(connection, event)
            row = await rows.fetchone()
        if row is None:
            raise NotFound(f"There is no user {new.user_id}.")
        return UUID(str(row[0]))

    async def open_link(self, kind: LinkKind, token_hash: bytes, now: datetime) -> User | None:
        async with self._database.connection() as connection:
            rows = await connection.execute(f"SELECT {USER_COLUMNS} {_OPEN_LINK}", (kind, token_hash, now))
            row = await rows.fetchone()
        return None if row is None else user_of(row)

    async def use_link(
        self, kind: LinkKind, token_hash: bytes, password_hash: str, now: datetime, event: AccountEvent
    ) -> tuple[UUID, Sequence[UUID]] | None:
        async with self._database.transaction() as connection:
            # The row lock makes a second user of the same link wait here and then find it used.
            rows = await connection.execute(
                "UPDATE one_time_links SET used_at = %s WHERE id = "
                f"(SELECT l.id {_OPEN_LINK} FOR UPDATE OF l) RETURNING user_id",
                (now, kind, token_hash, now),
            )
            row = await rows.fetchone()
            if row is None:
                return None
            ended = await replace_password(connection, row[0], password_hash)
            await record_event(connection, event)
            return row[0], ended


def _session_credential(row: TupleRow) -> Credential:
    caller = Caller(
        user_id=row[0],
        email=row[1],
        role=Role(row[2]),
        group_ids=frozenset(row[5]),
        session_id=row[6],
        language=row[3],
    )
    return Credential(caller, row[7], is_suspended=row[4])


def _scopes(models: list[str] | None, routes: list[str] | None) -> Scopes:
    return Scopes(None if models is None else frozenset(models), None if routes is None else tuple(routes))


def _key_of(row: TupleRow) -> ApiKey:
    return ApiKey(row[0], row[1], row[2], row[3], _scopes(row[4], row[5]), *row[6:])
