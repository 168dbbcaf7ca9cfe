"""A collection changes hands: by whom, to whom, what the old and the new owner see then, and what is written of it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from appliance.domain.people import Role, Viewer
from appliance.storage.database import Database
from tests.api.test_shares import SECRET, listed, room, sees, share
from tests.knowledge_harness import STAFF, Room, data, embedder_home, person

__all__ = ["data", "embedder_home", "room"]


async def give(room: Room, store: str, owner: str, name: str = "ana") -> tuple[int, dict[str, Any]]:
    """(status, answer)."""
    url, headers = f"{room.url}/api/collections/{store}", {"authorization": f"Bearer {name}"}
    async with room.session.patch(url, json={"owner": owner}, headers=headers) as answer:
        return answer.status, await answer.json()


def given(owner_url: str) -> list[tuple[Any, ...]]:
    """What the audit has of it."""
    columns = "actor_id, subject_id, detail->>'from', detail->>'to'"
    statement = f"SELECT {columns} FROM account_events WHERE action = %s ORDER BY id"
    with psycopg.connect(owner_url) as connection:
        return connection.execute(statement, ("collection.given",)).fetchall()


async def test_who_is_given_a_collection_owns_it(room: Room, owner_url: str) -> None:
    """Dora finds, renames, shares and deletes it; for Ana it is gone; shares stay; the audit knows."""
    store = await room.store()
    file = await room.added(SECRET, store)
    await share(room, store, "group:staff")
    await share(room, store, "dora@example.com")

    status, told = await give(room, store, "dora@example.com")

    ana, dora = person("ana").user_id, person("dora").user_id
    assert (status, told["owner"], told["owner_name"]) == (200, f"user:{dora}", "dora@example.com")
    assert await sees(room, store, file, "dora")
    assert (await room.call("GET", f"/vector_stores/{store}"))[0] == 404
    assert (await give(room, store, "ana@example.com"))[0] == 404
    assert await listed(room, store, "dora") == (200, [("Staff", "read")])
    assert await sees(room, store, file, "berta")
    assert (await room.call("POST", f"/vector_stores/{store}", "dora", {"name": "Hers"}))[0] == 200
    assert given(owner_url) == [(ana, dora, f"user:{ana}", f"user:{dora}")]
    assert (await room.call("GET", f"/files/{file}"))[0] == 200  # the document is still its uploader's
    assert (await room.call("DELETE", f"/files/{file}"))[
        0
    ] == 409  # but it lies where she changes nothing any more
    assert (await room.call("DELETE", f"/vector_stores/{store}/files/{file}", "dora"))[0] == 200
    assert (await room.call("DELETE", f"/files/{file}"))[0] == 200


async def test_a_group_s_collection_is_given_by_its_members(room: Room, owner_url: str) -> None:
    """To the group and on to a person: each time the new side has all rights, and the old one none."""
    store = await room.store()
    file = await room.added(SECRET, store)

    assert (await give(room, store, "group:Staff"))[0] == 200
    assert await sees(room, store, file, "carlos")
    assert (await room.call("GET", f"/vector_stores/{store}"))[0] == 404
    assert (await give(room, store, "user:dora@example.com", "berta"))[0] == 200

    assert await sees(room, store, file, "dora")
    assert (await room.call("GET", f"/vector_stores/{store}", "berta"))[0] == 404
    assert [(one[1], one[2].partition(":")[0]) for one in given(owner_url)] == [
        (STAFF, "user"),
        (person("dora").user_id, "group"),
    ]


async def test_an_administrator_gives_what_is_somebody_s_but_never_to_themselves(room: Room) -> None:
    """For somebody who left: without seeing a word of it before or after, and not into their own hands."""
    store = await room.store()
    await room.added(SECRET, store)

    own = await give(room, store, "root@example.com", "root")
    everybody = await give(room, store, "everybody", "root")
    assert (own[0], everybody[0]) == (403, 403)
    assert (await room.call("GET", f"/vector_stores/{store}", "root"))[0] == 404
    assert (await give(room, store, "dora@example.com", "root"))[0] == 200
    assert (await room.call("GET", f"/vector_stores/{store}", "root"))[0] == 404
    assert (await room.call("GET", f"/vector_stores/{store}", "dora"))[0] == 200
    public = await room.store("root", "everybody")
    assert (await give(room, public, "root@example.com", "root"))[0] == 200
    assert (await room.call("GET", f"/vector_stores/{public}"))[0] == 404


async def test_nobody_else_gives_it_away(room: Room, owner_url: str) -> None:
    """A stranger learns nothing, who reads or writes it by a share is refused, and nothing has changed."""
    store = await room.store()
    await room.added(SECRET, store)
    await share(room, store, "dora@example.com", "write")

    assert (await give(room, store, "dora@example.com", "dora"))[0] == 403
    assert (await give(room, store, "berta@example.com", "berta"))[0] == 404
    assert (await give(room, store, "everybody"))[0] == 403
    assert (await give(room, store, "nobody@example.com"))[0] == 404
    assert (await give(room, store, "group:nobody"))[0] == 404
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE users SET is_suspended = true WHERE email = 'carlos@example.com'")
    assert (await give(room, store, "carlos@example.com"))[0] == 400

    assert (await room.call("GET", f"/vector_stores/{store}"))[1]["owner"] == "user"
    assert given(owner_url) == []


async def test_what_is_being_read_is_read_first(room: Room, owner_url: str) -> None:
    """It is read with its uploader's rights: the change waits for the end of it instead of breaking it off."""
    store = await room.store()
    await room.added(SECRET, store)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE collection_files SET status = 'in_progress'")
    status, told = await give(room, store, "dora@example.com")
    assert (status, told["error"]["detail"]) == (409, {"code": "gift_while_reading", "values": {}})
    assert "still being read" in told["error"]["message"]
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE collection_files SET status = 'completed'")
    assert (await give(room, store, "dora@example.com"))[0] == 200


@pytest.mark.parametrize("role", [Role.USER, Role.AUDITOR])
async def test_the_database_itself_refuses(room: Room, database: Database, role: Role) -> None:
    """Were the use case's conditions forgotten: somebody else's collection is none for the function either."""
    store = await room.store()
    stranger = Viewer(person("dora").user_id, role=role)
    async with database.viewing(stranger) as connection:
        statement = "SELECT outcome FROM give_collection(%s, %s, NULL)"
        row = await (await connection.execute(statement, (store[3:], stranger.user_id))).fetchone()

    assert row == ("unknown",)
    assert (await room.call("GET", f"/vector_stores/{store}"))[0] == 200
