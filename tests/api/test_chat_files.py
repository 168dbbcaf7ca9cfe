"""Files dropped into a chat, over HTTP: read, asked, seen by nobody else, found by no other search, gone with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from redis.asyncio import Redis

from appliance.api.app import create_app
from appliance.api.conversations import conversation_routes
from appliance.api.turns import turn_routes
from appliance.bootstrap.knowledge import UPLOAD_BODY_LIMITS
from appliance.bootstrap.turns import join_turns
from appliance.services.accounts.live_requests import LiveRequests
from appliance.storage.database import Database
from tests.knowledge_harness import (
    Room,
    count_blobs,
    data,
    embedder_home,
    key_is_name,
    make_box,
    open_room,
    person,
    until,
    working,
)
from tests.page_box import ScriptedAnswerer, Serving, until_started

__all__ = ["data", "embedder_home"]

TEXT = b"# Contract\n\nThe tenant pays a rent of 950 euros on the fifth day of every month.\n"


class Chats:
    """The routes of chats beside those of documents, on a port of their own."""

    def __init__(self, url: str, room: Room, answerer: ScriptedAnswerer, database: Database) -> None:
        self.url, self.room, self.answerer, self.database = url, room, answerer, database

    async def call(
        self, method: str, path: str, name: str = "ana", **more: Any
    ) -> tuple[int, dict[str, Any]]:
        """(status, body) below /api."""
        headers = {"authorization": f"Bearer {name}"}
        async with self.room.session.request(
            method, f"{self.url}/api{path}", headers=headers, **more
        ) as answer:
            return answer.status, (await answer.json() if answer.status != 204 else {})

    async def begin(self, name: str = "ana") -> str:
        """A new chat's id."""
        status, body = await self.call("POST", "/conversations", name)
        assert status == 201, body
        return str(body["id"])

    async def drop(
        self, chat: str, content: bytes = TEXT, filename: str = "contract.md", name: str = "ana"
    ) -> tuple[int, dict[str, Any]]:
        """(status, body) of dropping a file."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("file", content, filename=filename)
        return await self.call("POST", f"/conversations/{chat}/files", name, data=form)

    async def settled(self, chat: str, file: str) -> dict[str, Any]:
        """The file once nothing is done with it any more."""
        found: dict[str, Any] = {}

        async def look() -> bool:
            found.update((await self.call("GET", f"/conversations/{chat}/files/{file}"))[1])
            return found["status"] != "in_progress"

        async with asyncio.timeout(60):
            while not await look():  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def chats(
    owner_url: str, embedder_home: Path, data: Path, database: Database, valkey: Redis
) -> AsyncIterator[Chats]:
    """Everything but an answerer that answers."""
    async with open_room(make_box(owner_url, embedder_home, data)) as room:
        answerer = ScriptedAnswerer()
        turns, conversations = join_turns(database, valkey, answerer, files=room.parts.chat_files)
        routers = [
            turn_routes(turns, key_is_name, LiveRequests()),
            conversation_routes(conversations, key_is_name),
            *room.parts.routers(key_is_name),
        ]
        server = Serving(create_app(routers, body_limits=UPLOAD_BODY_LIMITS))
        task = await until_started(server)
        await turns.open()
        try:
            yield Chats(server.url, room, answerer, database)
        finally:
            await turns.close()
            server.should_exit = True
            await task


async def test_a_file_is_read_into_its_chat_and_asked_there(chats: Chats) -> None:
    """Its state can be followed; a question in that chat is handed the collection behind it, another chat's is not."""
    chat, other = await chats.begin(), await chats.begin()
    async with working(chats.room.box):
        status, dropped = await chats.drop(chat)
        read = await chats.settled(chat, dropped["id"])
        _, turn = await chats.call("POST", "/turns", json={"question": "How much?", "conversation_id": chat})
        await chats.call("POST", "/turns", json={"question": "How much?", "conversation_id": other})
        await until(lambda: len(chats.answerer.asked) == 2)

    (_, first), (_, second) = chats.answerer.asked
    assert (status, dropped["status"], read["status"], read["filename"]) == (
        201,
        "in_progress",
        "completed",
        "contract.md",
    )
    assert turn["conversation_id"] == chat
    assert first.attached is not None and second.attached is None
    (document,) = await chats.room.parts.documents.listed(person("ana"), first.attached)
    whole = await chats.room.parts.documents.whole(person("ana"), first.attached, document.file_id)
    assert "950 euros" in whole.pages[0].text and whole.passages
    _, listed = await chats.call("GET", "/conversations")
    assert {one["title"] for one in listed["data"]} == {"How much?"}


async def test_the_list_of_files_leaves_those_of_chats_to_their_chats(chats: Chats) -> None:
    """What lies in a chat alone is listed there, and by its purpose; with a place in a collection it is listed too."""
    chat = await chats.begin()
    _, dropped = await chats.drop(chat)
    sent = await chats.room.upload(b"# Plan", "plan.md", purpose="user_data")

    async def listed(query: str = "") -> set[str]:
        _, body = await chats.room.call("GET", f"/files{query}")
        return {file["id"] for file in body["data"]}

    before, asked = await listed(), await listed("?purpose=user_data")
    store = await chats.room.store()
    status, _ = await chats.room.call(
        "POST", f"/vector_stores/{store}/files", json={"file_id": dropped["id"]}
    )
    assert status == 200

    assert (before, asked) == ({sent}, {sent, dropped["id"]})
    assert await listed() == {sent, dropped["id"]}


async def test_no_other_search_finds_it_and_nobody_lists_it(chats: Chats) -> None:
    """Not its owner's own search over everything, not the list of collections; only the chat's own."""
    chat = await chats.begin()
    async with working(chats.room.box):
        _, dropped = await chats.drop(chat)
        await chats.settled(chat, dropped["id"])
    ana = person("ana")
    collection = await chats.room.parts.chat_files.attached(ana, UUID(chat))
    assert collection is not None

    everywhere = await chats.room.parts.search.search(ana, "rent of the tenant", None, 5)
    here = await chats.room.parts.search.search(ana, "rent of the tenant", [collection], 5)
    _, listed = await chats.room.call("GET", "/vector_stores")

    assert not everywhere.passages and [one.filename for one in here.passages] == ["contract.md"]
    assert listed["data"] == []


@pytest.mark.parametrize("name", ["berta", "root"])
async def test_somebody_elses_chat_and_its_files_do_not_exist(chats: Chats, name: str) -> None:
    """Not for a colleague and not for an administrator: every route is a 404, and nothing is stored."""
    chat = await chats.begin()
    _, dropped = await chats.drop(chat)
    collection = await chats.room.parts.chat_files.attached(person("ana"), UUID(chat))
    assert collection is not None
    paths = [
        ("GET", f"/conversations/{chat}/files"),
        ("GET", f"/conversations/{chat}/files/{dropped['id']}"),
        ("DELETE", f"/conversations/{chat}/files/{dropped['id']}"),
        ("DELETE", f"/conversations/{chat}"),
    ]

    answers = [await chats.call(method, path, name) for method, path in paths]
    answers.append(await chats.drop(chat, b"mine", "theirs.md", name))
    through_the_store = await chats.room.call("GET", f"/vector_stores/vs_{collection.hex}/files", name)
    content = await chats.room.call("GET", f"/files/{dropped['id']}", name)

    assert [status for status, _ in [*answers, through_the_store, content]] == [404] * 7
    assert count_blobs(chats.room.box) == 1


async def test_deleting_the_chat_deletes_its_files(chats: Chats) -> None:
    """Rows, index and bytes; one that is still waiting to be read is not read any more."""
    chat = await chats.begin()
    async with working(chats.room.box):
        _, dropped = await chats.drop(chat)
        await chats.settled(chat, dropped["id"])
    await chats.drop(chat, TEXT + b"More.", "waiting.md")

    status, gone = await chats.call("DELETE", f"/conversations/{chat}?now=true")

    _, files = await chats.room.call("GET", "/files")
    async with chats.database.viewing(person("ana").viewer) as connection:
        for table in ("collections", "collection_files", "pages", "chunks", "conversations"):
            rows = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await rows.fetchone() == (0,), table
    assert (status, files["data"], count_blobs(chats.room.box)) == (200, [], 0)
    assert gone["receipt"]["kind"] == "conversation" and gone["receipt"]["removed"]["files"] == 2


async def test_a_file_is_taken_out_and_its_reading_cancelled(chats: Chats) -> None:
    """It is gone at once, also while it waits; the chat then has no files to ask."""
    chat = await chats.begin()
    _, dropped = await chats.drop(chat)

    status, _ = await chats.call("DELETE", f"/conversations/{chat}/files/{dropped['id']}")

    assert status == 204 and (await chats.call("GET", f"/conversations/{chat}/files"))[1]["data"] == []
    assert await chats.room.parts.chat_files.attached(person("ana"), UUID(chat)) is None
    assert count_blobs(chats.room.box) == 0


async def test_what_cannot_be_read_says_why(chats: Chats) -> None:
    """The reason stands beside the file, with its stable code."""
    chat = await chats.begin()
    async with working(chats.room.box):
        _, dropped = await chats.drop(chat, b"%PDF-1.7 but nothing of one", "broken.pdf")
        read = await chats.settled(chat, dropped["id"])

    assert read["status"] == "failed" and read["error"]["code"] and read["error"]["message"]


@pytest.mark.parametrize(
    ("chat", "form", "status"),
    [
        ("00000000-0000-4000-8000-000000000009", {"file": "x"}, 404),
        ("not-an-id", {"file": "x"}, 422),
        (None, {}, 400),
    ],
)
async def test_bad_uploads_are_refused_and_leave_nothing(
    chats: Chats, chat: str | None, form: dict[str, str], status: int
) -> None:
    """A chat that is not there, an id that is none, a body without a file."""
    sent = aiohttp.FormData(quote_fields=False)
    sent.add_field("note", "no file")
    for name, content in form.items():
        sent.add_field(name, content, filename="x.md")
    answer, body = await chats.call("POST", f"/conversations/{chat or await chats.begin()}/files", data=sent)

    assert (answer == status or (status == 422 and answer == 400)) and body["error"]["message"]
    assert count_blobs(chats.room.box) == 0
