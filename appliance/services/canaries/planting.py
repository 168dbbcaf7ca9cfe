"""What canaries plant through the public API: documents in collections and in chats, questions, opinions, deletions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import orjson

from appliance.domain.people import Viewer
from appliance.services.canaries.paper import pdf_of
from appliance.services.canaries.plants import PIPELINE, QUESTION, Planted
from appliance.services.knowledge import identifiers

_READ_TRIES, _READ_PAUSE_S = 600, 0.2


@dataclass(frozen=True, slots=True)
class Actor:
    """A canary. key: None for who shows none."""

    role: str
    key: str | None
    viewer: Viewer


class Door(Protocol):
    """The public HTTP API."""

    async def send(
        self, key: str | None, method: str, path: str, body: object = None
    ) -> tuple[int, bytes]: ...

    async def upload(
        self, key: str, filename: str, content: bytes, path: str = "/v1/files"
    ) -> tuple[int, bytes]: ...


class Planting:
    """chat_collection: which collection holds the files of a conversation. new_token: unguessable."""

    def __init__(
        self,
        actors: Mapping[str, Actor],
        door: Door,
        chat_collection: Callable[[UUID], Awaitable[UUID]],
        new_token: Callable[[], str],
    ) -> None:
        self._actors = actors
        self._door = door
        self._chat_collection = chat_collection
        self._new_token = new_token
        self._responses: list[tuple[Actor, str]] = []

    async def plant(self, group_id: UUID) -> list[Planted]:
        """One of every kind of owner: a person, a group, who may do more, who shares; and files of chats."""
        return [
            await self._collection("owner", "user", {"owner"}),
            await self._collection("outsider", "user", {"outsider"}),
            await self._collection("member", f"group:{group_id}", {"member", "colleague"}),
            await self._collection("administrator", "user", {"administrator"}),
            await self._collection("owner", "user", {"owner", "colleague"}, share_with="colleague"),
            await self._chat("owner"),
            await self._chat("administrator"),
        ]

    async def clean(self) -> None:
        """Delete whatever a canary has: this run's, and what a run left that was cut off."""
        for actor, response in self._responses:
            await self._door.send(actor.key, "DELETE", f"/v1/responses/{response}")
        self._responses.clear()
        for actor in self._actors.values():
            if actor.key is None:
                continue
            for listing, path in (
                ("/v1/vector_stores?limit=100", "/v1/vector_stores"),
                ("/v1/files", "/v1/files"),
                ("/api/conversations?limit=200", "/api/conversations"),
                ("/api/conversations?limit=200&archived=true", "/api/conversations"),
            ):
                for one in await self._listed(actor, listing):
                    if path != "/v1/vector_stores" or str(one.get("name", "")).startswith("canary"):
                        at_once = "?now=true" if path == "/api/conversations" else ""
                        await self._door.send(actor.key, "DELETE", f"{path}/{one['id']}{at_once}")

    async def _collection(
        self, role: str, owner: str, readers: set[str], *, share_with: str | None = None
    ) -> Planted:
        actor, token = self._actors[role], self._new_token()
        content = f"# Canary vault {token}\n\nThe pass phrase of the canary vault is {token}.\n".encode()
        file = await self._uploaded(actor, f"canary-{token}.md", content)
        body = {"name": f"canary {token}", "owner": owner, "description": token}
        store = (await self._done(actor, "POST", "/v1/vector_stores", body))["id"]
        path = f"/v1/vector_stores/{store}"
        batch = (await self._done(actor, "POST", f"{path}/file_batches", {"file_ids": [file]}))["id"]
        await self._until_read(actor, f"{path}/files/{file}")
        if share_with is not None:
            share = {"with": f"user:{self._actors[share_with].viewer.user_id}", "access": "read"}
            await self._done(actor, "PUT", f"/api/collections/{store}/shares", share)
        planted = Planted(
            token,
            self._new_token(),
            role,
            frozenset(readers),
            identifiers.parse(identifiers.COLLECTION, store),
            file,
            sha256(content).hexdigest(),
            has_pictures=False,
            batch_id=batch,
        )
        return await self._talked_about(actor, planted, {"vector_store_ids": [store]})

    async def _chat(self, role: str) -> Planted:
        """A file that was dropped into a conversation, and a question about it there."""
        actor, token, words = self._actors[role], self._new_token(), self._new_token()
        chat = (await self._done(actor, "POST", "/api/conversations", {"title": f"canary {words}"}))["id"]
        content = pdf_of([f"Canary vault {token}", f"The pass phrase of the canary vault is {token}."])
        files = f"/api/conversations/{chat}/files"
        file = await self._uploaded(actor, f"canary-{token}.pdf", content, files)
        await self._until_read(actor, f"{files}/{file}")
        planted = Planted(
            token,
            words,
            role,
            frozenset({role}),
            await self._chat_collection(UUID(chat)),
            file,
            sha256(content).hexdigest(),
            has_pictures=True,
        )
        return await self._talked_about(actor, planted, {"conversation_id": chat})

    async def _talked_about(self, actor: Actor, planted: Planted, about: Mapping[str, Any]) -> Planted:
        """Its owner asks, also where nothing is found, rates it, asks the other API, and deletes something."""
        asking = {"question": f"{QUESTION} It is for {planted.words}.", "model": PIPELINE, **about}
        turn = await self._done(actor, "POST", "/api/turns", asking)
        await self._door.send(actor.key, "GET", f"/api/turns/{turn['id']}/events")
        chat = f"/api/conversations/{turn['conversation_id']}"
        await self._done(actor, "PATCH", chat, {"title": f"canary {planted.words}"})
        empty = {"name": f"canary {planted.words}"}
        nowhere = (await self._done(actor, "POST", "/v1/vector_stores", empty))["id"]
        gap = {"question": f"Where is {planted.words}?", "model": PIPELINE, "vector_store_ids": [nowhere]}
        unanswered = await self._done(actor, "POST", "/api/turns", gap)
        await self._door.send(actor.key, "GET", f"/api/turns/{unanswered['id']}/events")
        opinion = {"rating": "down", "reason": "wrong", "comment": "canary"}
        for one in (turn, unanswered):
            await self._done(actor, "PUT", f"/api/turns/{one['id']}/feedback", opinion)
        store = identifiers.wire(identifiers.COLLECTION, planted.collection_id)
        search = {"type": "file_search", "vector_store_ids": [store]}
        request = {
            "model": PIPELINE,
            "input": f"{QUESTION} {planted.words}",
            "store": True,
            "tools": [search],
        }
        response = (await self._done(actor, "POST", "/v1/responses", request))["id"]
        self._responses.append((actor, response))
        await self._done(actor, "PATCH", "/api/me", {"theme": "dark"})
        deleted = await self._uploaded(actor, "canary.md", planted.words.encode())
        await self._done(actor, "DELETE", f"/v1/files/{deleted}")
        return replace(
            planted,
            turn_id=turn["id"],
            conversation_id=turn["conversation_id"],
            response_id=response,
            deleted_id=deleted,
        )

    async def _until_read(self, actor: Actor, path: str) -> None:
        for _ in range(_READ_TRIES):
            found = await self._done(actor, "GET", path)
            if found["status"] == "completed":
                return
            if found["status"] != "in_progress":
                told = found.get("last_error") or found.get("error")
                raise RuntimeError(f"a canary's document was not read: {told}")
            await asyncio.sleep(_READ_PAUSE_S)
        raise TimeoutError("a canary's document is still not read; does the worker run?")

    async def _uploaded(self, actor: Actor, filename: str, content: bytes, path: str = "/v1/files") -> str:
        answer = await self._door.upload(actor.key or "", filename, content, path)
        return str(_accepted(*answer)["id"])

    async def _done(self, actor: Actor, method: str, path: str, body: object = None) -> dict[str, Any]:
        return _accepted(*await self._door.send(actor.key, method, path, body))

    async def _listed(self, actor: Actor, path: str) -> list[dict[str, Any]]:
        status, body = await self._door.send(actor.key, "GET", path)
        with suppress(ValueError):
            return list(orjson.loads(body)["data"]) if status == 200 else []
        return []


def _accepted(status: int, body: bytes) -> dict[str, Any]:
    if not 200 <= status < 300:
        raise RuntimeError(f"a canary's own request was refused ({status}): {body[:300]!r}")
    found: dict[str, Any] = orjson.loads(body)
    return found
