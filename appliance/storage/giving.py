"""Whose a collection is, changed in PostgreSQL together with its line in account_events."""

from __future__ import annotations

from uuid import UUID

from psycopg import AsyncConnection

from appliance.domain.documents import Audience, Owner
from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.refusals import Told
from appliance.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

_OWNED = "SELECT viewer_owns_collection(id) FROM collections WHERE id = %s"
_PERSON = "SELECT email, is_suspended FROM users WHERE id = %s"
_GROUP = "SELECT name, false FROM groups WHERE id = %s"
_GIVE = "SELECT outcome, from_user, from_group FROM give_collection(%s, %s, %s)"


class PostgresOwners:
    """Fulfils services.knowledge.giving.OwnerRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def give(self, viewer: Viewer, collection_id: UUID, to: Audience) -> Owner:
        async with self._database.viewing(viewer) as connection:
            await _refuse_readers(connection, collection_id)
            name = await _name(connection, to)
            values = (collection_id, to.user_id, to.group_id)
            row = await (await connection.execute(_GIVE, values)).fetchone()
            assert row is not None
            outcome, from_user, from_group = row
            _require_given(outcome, collection_id)
            detail: dict[str, object] = {
                "collection_id": str(collection_id),
                "from": Audience(from_user, from_group).told,
                "to": to.told,
            }
            subject = to.user_id or to.group_id
            await record_event(connection, AccountEvent("collection.given", viewer.user_id, subject, detail))
        return Owner(to, name)


async def _refuse_readers(connection: AsyncConnection, collection_id: UUID) -> None:
    """Who sees it by a share is told more than who does not see it; administrators may give what they do not see."""
    row = await (await connection.execute(_OWNED, (collection_id,))).fetchone()
    if row is not None and not row[0]:
        is_admin = await (await connection.execute("SELECT viewer_role() = 'admin'")).fetchone()
        if is_admin != (True,):
            raise NotPermitted(Told("gift_not_own"))


async def _name(connection: AsyncConnection, to: Audience) -> str:
    if to.is_everybody:
        return ""
    query, value = (_PERSON, to.user_id) if to.user_id else (_GROUP, to.group_id)
    row = await (await connection.execute(query, (value,))).fetchone()
    if row is None:
        raise NotFound(Told("nobody_such"), param="owner")
    name, is_suspended = row
    if is_suspended:
        raise InvalidRequest(Told("account_suspended_gift"), param="owner")
    return str(name)


def _require_given(outcome: str, collection_id: UUID) -> None:
    if outcome == "unknown":
        raise NotFound(f"No vector store has the id 'vs_{collection_id.hex}'.")
    if outcome == "chat":
        raise NotPermitted(Told("chat_not_given"))
    if outcome == "own":
        raise NotPermitted(Told("gift_to_oneself"))
    if outcome == "reading":
        raise Conflict(Told("gift_while_reading"))
