"""Removing a person: what is theirs is gone, what they gave to others is still there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from appliance.bootstrap.removal import remove_person
from appliance.errors import NotFound
from tests.conftest import Servers
from tests.knowledge_harness import STAFF, Room, data, embedder_home, make_box, open_room, person, working

__all__ = ["data", "embedder_home"]

# Two conversations of three turns in all, one of them deleted a moment ago, and what was thought of an answer.
_TALK = """
WITH chats AS (
    INSERT INTO conversations (id, user_id, title, deleted_at)
    VALUES (gen_random_uuid(), %(user)s, 'kept', NULL), (gen_random_uuid(), %(user)s, 'deleted', now())
    RETURNING id, title),
said AS (
    INSERT INTO turns (id, conversation_id, user_id, question, model, status)
    SELECT gen_random_uuid(), id, %(user)s, 'Why?', 'tiny', 'done' FROM chats
    CROSS JOIN generate_series(1, CASE title WHEN 'kept' THEN 2 ELSE 1 END) RETURNING id)
INSERT INTO turn_feedback (turn_id, user_id, rating, model) SELECT id, %(user)s, 'up', 'tiny' FROM said LIMIT 1
"""


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path, servers: Servers) -> AsyncIterator[Room]:
    """The doors, a worker, and people with accounts."""
    box = make_box(owner_url, embedder_home, data, f'\n[valkey]\nurl = "{servers.valkey.url}"\n')
    with psycopg.connect(owner_url) as connection:
        connection.execute("INSERT INTO groups (id, name, name_key) VALUES (%s, 'Staff', 'staff')", (STAFF,))
        for name in ("berta", "carlos", "root"):
            role = "admin" if name == "root" else "user"
            address = f"{name}@example.com"
            connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, %s)",
                (person(name).user_id, address, address, role),
            )
            if name != "root":
                connection.execute(
                    "INSERT INTO group_members (group_id, user_id) VALUES (%s, %s)",
                    (STAFF, person(name).user_id),
                )
    async with open_room(box) as opened, working(box):
        yield opened


async def test_a_removed_persons_things_go_and_their_gifts_stay(room: Room, owner_url: str) -> None:
    """The personal collection is gone with rows and bytes; the group still finds the file, which is the heir's now."""
    own, team = await room.store("berta"), await room.store("berta", f"group:{STAFF}")
    await room.added(b"# Diary\n\nMy private thoughts of the day.\n", own, "berta")
    gift = await room.added(b"# Guide\n\nThe printer needs a new toner.\n", team, "berta")

    with psycopg.connect(owner_url) as connection:
        connection.execute(_TALK, {"user": person("berta").user_id})

    receipt = await remove_person(room.box, "berta@example.com", "carlos@example.com")

    assert receipt.kind == "user"
    assert (receipt.removed["users"], receipt.removed["collections"], receipt.removed["files"]) == (1, 1, 1)
    assert (receipt.removed["blobs"], receipt.removed["files_given_to_heir"]) == (1, 1)
    assert {name: receipt.removed[name] for name in ("conversations", "turns", "feedback")} == {
        "conversations": 2,
        "turns": 3,
        "feedback": 1,
    }
    assert [one["file_id"] for one in await room.found(team, "printer", "carlos")] == [gift]
    assert (await room.call("DELETE", f"/files/{gift}", "carlos"))[0] == 200
    berta = person("berta").user_id
    with psycopg.connect(owner_url) as connection:
        for statement in (
            "SELECT count(*) FROM users WHERE id = %s",
            "SELECT count(*) FROM files WHERE owner_id = %s",
            "SELECT count(*) FROM collections WHERE owner_user_id = %s",
            "SELECT count(*) FROM collection_files WHERE owner_id = %s",
            "SELECT count(*) FROM conversations WHERE user_id = %s",
            "SELECT count(*) FROM turns WHERE user_id = %s",
            "SELECT count(*) FROM turn_feedback WHERE user_id = %s",
        ):
            assert connection.execute(statement, (berta,)).fetchone() == (0,), statement
        assert connection.execute("SELECT count(*) FROM receipts WHERE kind = 'user'").fetchone() == (1,)


async def test_an_unknown_heir_changes_nothing(room: Room, owner_url: str) -> None:
    """A misspelt address is said before anything is taken away."""
    with pytest.raises(NotFound, match="nobody@"):
        await remove_person(room.box, "berta@example.com", "nobody@example.com")

    with psycopg.connect(owner_url) as connection:
        found = connection.execute(
            "SELECT is_suspended FROM users WHERE email = 'berta@example.com'"
        ).fetchone()
    assert found == (False,)
