"""Accounts that stand for somebody at the company's identity provider, and what it left with their sign-ins."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from appliance.domain.people import AccountEvent, User
from appliance.domain.refusals import Told
from appliance.errors import Conflict
from appliance.ports.accounts import IdentityLink, NewUser, ProvenSession, ProviderProof
from appliance.storage.accounts import USER_COLUMNS, record_event, user_of
from appliance.storage.database import Database

_PROOF = "p.issuer, p.subject, p.provider_session, p.id_token, p.refresh_token, p.next_check_at"
_ADD_USER = """
INSERT INTO users (email, email_key, name, role, language) VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_ADD_LINK = "INSERT INTO identity_links (issuer, subject, user_id) VALUES (%s, %s, %s)"
# The lease makes every other process pass these over until the answer is there, or this process is dead.
_CLAIM_DUE = f"""
WITH due AS (
    SELECT session_id FROM session_proofs WHERE next_check_at <= %(now)s
    ORDER BY next_check_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE session_proofs p SET next_check_at = %(lease_until)s
FROM due JOIN sessions s ON s.id = due.session_id WHERE p.session_id = due.session_id
RETURNING p.session_id, s.user_id, p.failing_since, {_PROOF}
"""


class PostgresIdentityLinks:
    """Fulfils services.single_sign_on.ports.LinkRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, issuer: str, subject: str) -> IdentityLink | None:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                f"SELECT {USER_COLUMNS}, l.given_groups FROM identity_links l JOIN users u ON u.id = l.user_id "
                "WHERE l.issuer = %s AND l.subject = %s",
                (issuer, subject),
            )
            row = await rows.fetchone()
        return None if row is None else IdentityLink(user_of(row), issuer, subject, frozenset(row[-1]))

    async def is_linked(self, user_id: UUID, issuer: str) -> bool:
        """Whether an account stands for somebody at this provider."""
        async with self._database.connection() as connection:
            rows = await connection.execute(
                "SELECT 1 FROM identity_links WHERE user_id = %s AND issuer = %s", (user_id, issuer)
            )
            return await rows.fetchone() is not None

    async def add(self, new: NewUser, issuer: str, subject: str, event: AccountEvent) -> User:
        try:
            async with self._database.transaction() as connection:
                rows = await connection.execute(
                    _ADD_USER, (new.email, new.email_key, new.name, new.role, new.language)
                )
                made = await rows.fetchone()
                assert made is not None
                await connection.execute(_ADD_LINK, (issuer, subject, made[0]))
                about = AccountEvent(event.action, event.actor_id, made[0], event.detail, event.address)
                await record_event(connection, about)
                rows = await connection.execute(
                    f"SELECT {USER_COLUMNS} FROM users u WHERE u.id = %s", (made[0],)
                )
                row = await rows.fetchone()
        except UniqueViolation as error:
            raise Conflict(Told("account_exists", address=new.email), param="email") from error
        assert row is not None
        return user_of(row)

    async def link(self, user_id: UUID, issuer: str, subject: str, event: AccountEvent) -> None:
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_ADD_LINK, (issuer, subject, user_id))
                await record_event(connection, event)
        except UniqueViolation as error:
            raise Conflict("The account stands for somebody else at this provider.") from error

    async def unlink(self, user_id: UUID, event: AccountEvent) -> Sequence[UUID] | None:
        async with self._database.transaction() as connection:
            removed = await connection.execute("DELETE FROM identity_links WHERE user_id = %s", (user_id,))
            if not removed.rowcount:
                return None
            await record_event(connection, event)
            rows = await connection.execute(
                "SELECT s.id FROM sessions s JOIN session_proofs p ON p.session_id = s.id WHERE s.user_id = %s",
                (user_id,),
            )
            return [row[0] for row in await rows.fetchall()]

    async def confirm(self, issuer: str, subject: str, now: datetime, keys_until: datetime | None) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE identity_links SET confirmed_at = %s, keys_until = %s WHERE issuer = %s AND subject = %s",
                (now, keys_until, issuer, subject),
            )

    async def give_groups(self, link: IdentityLink, groups: Collection[UUID], event: AccountEvent) -> bool:
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                "SELECT given_groups FROM identity_links WHERE issuer = %s AND subject = %s FOR UPDATE",
                (link.issuer, link.subject),
            )
            row = await rows.fetchone()
            given: set[UUID] = set(row[0]) if row is not None else set()
            taken = await _take(connection, link.user.id, given - set(groups))
            added = await _give(connection, link.user.id, groups)
            await connection.execute(
                "UPDATE identity_links SET given_groups = %s WHERE issuer = %s AND subject = %s",
                (sorted((given & set(groups)) | added), link.issuer, link.subject),
            )
            if not taken and not added:
                return False
            detail = {**event.detail, "given": sorted(map(str, added)), "taken": sorted(map(str, taken))}
            await record_event(
                connection, AccountEvent(event.action, event.actor_id, event.subject_id, detail)
            )
            return True

    async def proof(self, session_id: UUID) -> ProviderProof | None:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                f"SELECT {_PROOF} FROM session_proofs p WHERE p.session_id = %s", (session_id,)
            )
            row = await rows.fetchone()
        return None if row is None else ProviderProof(*row)

    async def claim_due(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[ProvenSession]:
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                _CLAIM_DUE, {"now": now, "lease_until": lease_until, "limit": limit}
            )
            return [
                ProvenSession(row[0], row[1], ProviderProof(*row[3:]), row[2])
                for row in await rows.fetchall()
            ]

    async def renew(self, session_id: UUID, refresh_token: bytes | None, next_check_at: datetime) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE session_proofs SET refresh_token = coalesce(%s, refresh_token), next_check_at = %s, "
                "failing_since = NULL WHERE session_id = %s",
                (refresh_token, next_check_at, session_id),
            )

    async def note_failure(self, session_id: UUID, since: datetime, next_check_at: datetime) -> None:
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE session_proofs SET failing_since = coalesce(failing_since, %s), next_check_at = %s "
                "WHERE session_id = %s",
                (since, next_check_at, session_id),
            )

    async def sessions_of(
        self, issuer: str, subject: str | None, provider_session: str | None
    ) -> Sequence[tuple[UUID, UUID]]:
        async with self._database.connection() as connection:
            rows = await connection.execute(
                "SELECT s.id, s.user_id FROM session_proofs p JOIN sessions s ON s.id = p.session_id "
                "WHERE p.issuer = %(issuer)s AND (%(subject)s::text IS NULL OR p.subject = %(subject)s) "
                "AND (%(name)s::text IS NULL OR p.provider_session = %(name)s)",
                {"issuer": issuer, "subject": subject, "name": provider_session},
            )
            return [(row[0], row[1]) for row in await rows.fetchall()]


async def _take(connection: AsyncConnection, user_id: UUID, groups: Collection[UUID]) -> set[UUID]:
    rows = await connection.execute(
        "DELETE FROM group_members WHERE user_id = %s AND group_id = ANY(%s) RETURNING group_id",
        (user_id, list(groups)),
    )
    return {row[0] for row in await rows.fetchall()}


async def _give(connection: AsyncConnection, user_id: UUID, groups: Collection[UUID]) -> set[UUID]:
    """Those that were new; one that was removed meanwhile is passed over."""
    rows = await connection.execute(
        "INSERT INTO group_members (user_id, group_id) SELECT %s, id FROM groups WHERE id = ANY(%s) "
        "ON CONFLICT DO NOTHING RETURNING group_id",
        (user_id, list(groups)),
    )
    return {row[0] for row in await rows.fetchall()}
