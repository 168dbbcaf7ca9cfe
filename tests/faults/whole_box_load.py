"""Everyday use of a whole box while parts of it are killed: uploads, streamed chats and turns, and what was promised.

Whatever got its 200 is written down here; afterwards the box must have it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg

from inference.sse import EventReader
from tests.whole_box import PIPELINE, WholeBox

_UPLOAD_EVERY_S = 0.25
_TURN_EVERY_S = 0.3
_PROBE_EVERY_S = 0.02
_LOOK_EVERY_S = 0.1
_SECTIONS = 12
# Passages, vectors and pages that are there of a document, beside what the document says of itself.
_HALF_VISIBLE = """
SELECT * FROM (
    SELECT cf.file_id, cf.status, cf.chunks,
           (SELECT count(*) FROM chunks c WHERE (c.collection_id, c.file_id) = (cf.collection_id, cf.file_id)),
           (SELECT count(*) FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
            WHERE (c.collection_id, c.file_id) = (cf.collection_id, cf.file_id)),
           (SELECT count(*) FROM pages p WHERE (p.collection_id, p.file_id) = (cf.collection_id, cf.file_id))
    FROM collection_files cf
) AS seen (file_id, status, said, passages, vectors, pages)
WHERE (passages, vectors) <> (CASE status WHEN 'completed' THEN said ELSE 0 END,
                              CASE status WHEN 'completed' THEN said ELSE 0 END)
   OR (pages > 0) <> (status = 'completed')
"""
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass
class Promised:
    """What was acknowledged. files: id -> (its word, its bytes). chats: request ids. turns: id -> conversation."""

    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    chats: list[str] = field(default_factory=list)
    turns: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """What clients met. endings: how streams ended, by name. refused: TCP connections that the port refused."""

    endings: dict[str, int] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)
    connections: int = 0
    refused: int = 0
    half_visible: list[Any] = field(default_factory=list)

    def note(self, ending: str) -> None:
        self.endings[ending] = self.endings.get(ending, 0) + 1

    def note_status(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1


class Load:
    """Uses box until `running` is left. store: the vector store that files go to."""

    def __init__(self, box: WholeBox, store: str, session: aiohttp.ClientSession) -> None:
        self.box = box
        self.promised = Promised()
        self.seen = Seen()
        self._store = store
        self._session = session
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All clients at once; what they have begun is finished when it is left."""
        ending = asyncio.Event()
        steps: list[Callable[[], Awaitable[None]]] = [
            self._chat,
            self._chat,
            self._upload,
            self._turn,
            self._probe,
        ]
        clients = [asyncio.create_task(_again(step, ending)) for step in steps]
        clients.append(asyncio.create_task(_again(self._look, ending)))
        try:
            yield
        finally:
            ending.set()
            await asyncio.gather(*clients)

    async def status(self, method: str, path: str, body: Any = None) -> int:
        """0 where no answer came."""
        try:
            async with self._session.request(method, path, json=body) as response:
                await response.read()
                return response.status
        except _BROKEN:
            return 0

    async def content(self, file_id: str) -> bytes:
        """What is kept of a file; asked again while the database is said to be away."""
        while True:
            async with self._session.get(f"/v1/files/{file_id}/content") as response:
                if response.status != 503:
                    assert response.status == 200, (response.status, await response.text())
                    return await response.read()
            await asyncio.sleep(0.2)

    async def is_read(self, file_id: str) -> bool:
        """Whether it can be searched; a document that was given up fails the test."""
        file = await self._told("GET", f"/v1/vector_stores/{self._store}/files/{file_id}")
        assert file.get("status") in ("in_progress", "completed"), file
        return bool(file["status"] == "completed")

    async def finds(self, word: str) -> str:
        """The first file that a search for the word finds."""
        path = f"/v1/vector_stores/{self._store}/search"
        found = (await self._told("POST", path, {"query": word}))["data"]
        return str(found[0]["file_id"]) if found else ""

    async def has_ended(self, turn_id: str, conversation_id: str) -> bool:
        """Whether the turn is there, and not running any more."""
        conversation = await self._told("GET", f"/api/conversations/{conversation_id}")
        (turn,) = [one for one in conversation["turns"] if one["id"] == turn_id]
        return turn["status"] in ("done", "stopped", "failed", "interrupted")

    async def _told(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON there; asked again while a part of the box is said to be away."""
        while True:
            async with self._session.request(method, path, json=body) as response:
                told = await response.json()
            if response.status != 503:
                assert response.status == 200, (response.status, told)
                return told
            await asyncio.sleep(0.2)

    async def _upload(self) -> None:
        """A document with a word of its own, then into the store."""
        await asyncio.sleep(_UPLOAD_EVERY_S)
        number, word = next(self._numbers), f"zq{uuid4().hex[:10]}"
        sections = (
            f"## Rule {part}\n\n" + f"The {word} rule {part} is kept. " * 20 for part in range(_SECTIONS)
        )
        data = (f"# Book {number}\n\n" + "\n\n".join(sections)).encode()
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", data, filename=f"{word}.md")
        async with self._session.post("/v1/files", data=form) as response:
            self.seen.note_status(response.status)
            if response.status != 200:
                return
            file_id = (await response.json())["id"]
        self.promised.files[file_id] = (word, data)
        body = {"file_id": file_id}
        async with self._session.post(f"/v1/vector_stores/{self._store}/files", json=body) as response:
            self.seen.note_status(response.status)
            if response.status == 200:
                await response.read()
                self.promised.attached.add(file_id)

    async def _chat(self) -> None:
        """A streamed answer, read to its end."""
        messages = [{"role": "user", "content": "Count to sixty."}]
        body = {"model": "tiny", "messages": messages, "stream": True, "max_tokens": 200}
        async with self._session.post("/v1/chat/completions", json=body) as response:
            self.seen.note_status(response.status)
            if response.status != 200:
                await asyncio.sleep(_PROBE_EVERY_S)
                return
            self.promised.chats.append(response.headers["x-request-id"])
            try:
                self.seen.note(_ending([event async for event in _events(response)]))
            except _BROKEN:
                self.seen.note("cut off")

    async def _turn(self) -> None:
        """A question on the page, whose answer is written whether or not somebody looks."""
        await asyncio.sleep(_TURN_EVERY_S)
        body = {"question": "How many characters must a password have?", "model": PIPELINE}
        async with self._session.post("/api/turns", json=body) as response:
            self.seen.note_status(response.status)
            if response.status == 201:
                turn = await response.json()
                self.promised.turns[turn["id"]] = turn["conversation_id"]

    async def _probe(self) -> None:
        """The listening port takes a connection, whoever is dead behind it."""
        await asyncio.sleep(_PROBE_EVERY_S)
        self.seen.connections += 1
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.box.port)
        except ConnectionRefusedError:
            self.seen.refused += 1
        else:
            writer.close()

    async def _look(self) -> None:
        """Nothing is half there at any moment that the database can be looked at."""
        await asyncio.sleep(_LOOK_EVERY_S)
        self.seen.half_visible += await asyncio.to_thread(half_visible, self.box)


async def _again(step: Callable[[], Awaitable[None]], ending: asyncio.Event) -> None:
    while not ending.is_set():
        try:
            await step()
        except _BROKEN:  # nothing was promised
            await asyncio.sleep(_PROBE_EVERY_S)


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    reader = EventReader()
    async for data in response.content.iter_any():
        for event in reader.feed(data):
            yield event


def _ending(events: list[bytes]) -> str:
    if events and events[-1] == b"[DONE]":
        return "done"
    return "error event" if events and "error" in json.loads(events[-1]) else "no end"


def half_visible(box: WholeBox) -> list[Any]:
    """Documents of which something is there that should not be, or is missing; nothing while PostgreSQL is away."""
    try:
        return box.rows(_HALF_VISIBLE)
    except psycopg.Error:
        return []
