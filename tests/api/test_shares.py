"""Shares: another person or group reads, or writes, what belongs to somebody, until the share is taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.knowledge_harness import STAFF, Room, data, embedder_home, make_box, open_room, person, working

__all__ = ["data", "embedder_home"]

SECRET = b"# Plan\n\nThe merger with Aurora is planned for the third of March.\n"


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors, a worker, and the people of the harness with accounts."""
    box = make_box(owner_url, embedder_home, data)
    with psycopg.connect(owner_url) as connection:
        for name in ("ana", "berta", "carlos", "dora", "root"):
            role = "admin" if name == "root" else "user"
            connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, %s)",
                (person(name).user_id, f"{name}@example.com", f"{name}@example.com", role),
            )
        connection.execute("INSERT INTO groups (id, name, name_key) VALUES (%s, 'Staff', 'staff')", (STAFF,))
    async with open_room(box) as opened, working(box):
        yield opened


async def share(room: Room, store: str, subject: str, access: str = "read", name: str = "ana") -> int:
    """The status of sharing."""
    url = f"{room.url}/api/collections/{store}/shares"
    body = {"with": subject, "access": access}
    async with room.session.put(url, json=body, headers={"authorization": f"Bearer {name}"}) as answer:
        return answer.status


async def unshare(room: Room, store: str, subject: str, name: str = "ana") -> int:
    """The status of taking a share back."""
    url = f"{room.url}/api/collections/{store}/shares"
    headers = {"authorization": f"Bearer {name}"}
    async with room.session.delete(url, params={"with": subject}, headers=headers) as answer:
        return answer.status


async def listed(room: Room, store: str, name: str = "ana") -> tuple[int, list[tuple[str, str]]]:
    """(status, who may do what)."""
    url = f"{room.url}/api/collections/{store}/shares"
    async with room.session.get(url, headers={"authorization": f"Bearer {name}"}) as answer:
        body = await answer.json()
        return answer.status, [(one["name"], one["access"]) for one in body.get("data", [])]


async def sees(room: Room, store: str, file: str, name: str) -> bool:
    """Whether somebody finds the document, opens it and sees the collection; all of that or none of it."""
    status, body = await room.call("POST", f"/vector_stores/{store}/search", name, {"query": "merger"})
    seen = [status == 200 and bool(body["data"])]
    for path in (f"/vector_stores/{store}", f"/files/{file}", f"/vector_stores/{store}/files/{file}"):
        seen.append((await room.call("GET", path, name))[0] == 200)
    _, stores = await room.call("GET", "/vector_stores?limit=100", name)
    seen.append(store in [one["id"] for one in stores["data"]])
    assert len(set(seen)) == 1, seen
    return seen[0]


async def test_a_share_to_read_opens_a_collection_and_closes_again(room: Room) -> None:
    """A person sees everything in it and changes nothing; once it is taken back they see nothing of it."""
    store = await room.store()
    file = await room.added(SECRET, store)
    assert not await sees(room, store, file, "dora")

    assert await share(room, store, "dora@example.com") == 200
    assert await sees(room, store, file, "dora")
    assert not await sees(room, store, file, "berta")
    own = await room.upload(b"# Mine\n\nwords", name="dora")
    refused = [
        await room.call("POST", f"/vector_stores/{store}/files", "dora", {"file_id": own}),
        await room.call("DELETE", f"/vector_stores/{store}/files/{file}", "dora"),
        await room.call("POST", f"/vector_stores/{store}", "dora", {"name": "hers"}),
        await room.call("DELETE", f"/vector_stores/{store}", "dora"),
        await room.call("DELETE", f"/files/{file}", "dora"),
    ]
    assert [status for status, _ in refused] == [403] * 5

    assert await unshare(room, store, "user:dora@example.com") == 204
    assert not await sees(room, store, file, "dora")
    assert await sees(room, store, file, "ana")


async def test_a_share_to_write_for_a_group(room: Room) -> None:
    """Members add documents, which the worker reads, and take documents out; the collection stays Ana's."""
    store = await room.store()
    await room.added(SECRET, store)
    assert await share(room, store, "group:staff", "write") == 200

    added = await room.added(b"# Plan\n\nThe merger needs a lawyer.\n", store, "berta")

    assert await sees(room, store, added, "carlos")
    assert await sees(room, store, added, "ana")
    assert not await sees(room, store, added, "dora")
    assert (await room.call("DELETE", f"/vector_stores/{store}", "berta"))[0] == 403
    assert await share(room, store, "dora@example.com", name="berta") == 403
    assert (await room.call("DELETE", f"/vector_stores/{store}/files/{added}", "carlos"))[0] == 200
    assert await share(room, store, "group:staff", "read") == 200
    assert (await room.call("POST", f"/vector_stores/{store}/files", "berta", {"file_id": added}))[0] == 403


async def test_who_writes_a_public_collection_by_a_share_is_no_administrator(room: Room) -> None:
    """An editor of everybody's collection: their documents are read, and they may not delete it."""
    store = await room.store("root", "everybody")
    assert await share(room, store, "dora@example.com", "write", name="root") == 200

    file = await room.added(SECRET, store, "dora")

    assert await sees(room, store, file, "ana")
    assert (await room.call("DELETE", f"/vector_stores/{store}", "dora"))[0] == 403


async def test_only_whose_collection_it_is_sees_its_shares(room: Room, owner_url: str) -> None:
    """The list names people; who may read the collection is not told it, and who does not see it learns nothing."""
    store = await room.store()
    assert await share(room, store, "dora@example.com") == 200
    assert await share(room, store, "group:staff", "write") == 200
    assert await share(room, store, "nobody@example.com") == 404
    assert await share(room, store, "dora@example.com", name="root") == 404

    assert await listed(room, store) == (200, [("dora@example.com", "read"), ("Staff", "write")])
    assert (await listed(room, store, "dora"))[0] == 403
    assert (await listed(room, store, "root"))[0] == 404
    assert await unshare(room, store, "group:staff") == 204
    assert await unshare(room, store, "group:staff") == 404
    with psycopg.connect(owner_url) as connection:
        events = connection.execute("SELECT action, actor_id FROM account_events ORDER BY id").fetchall()
    ana = person("ana").user_id
    assert events == [("collection.shared", ana), ("collection.shared", ana), ("collection.unshared", ana)]


async def test_a_share_goes_with_its_person(room: Room, owner_url: str) -> None:
    """Removing an account leaves no share behind that a later one could inherit."""
    store = await room.store()
    assert await share(room, store, "dora@example.com") == 200

    with psycopg.connect(owner_url) as connection:
        connection.execute("DELETE FROM users WHERE email = 'dora@example.com'")

    assert await listed(room, store) == (200, [])
