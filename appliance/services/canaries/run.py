"""One run of the canaries: plant, try every way as everybody else, look beneath at the rows, take everything back.

The people are made up and suspended between runs. Their documents go the way of every document, through the public API
and the worker. Real private collections are only knocked at, by their ids, as people who may not see them; nothing is
put into anybody's collection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson

from appliance.domain.people import Viewer
from appliance.services.canaries.probes import (
    PIPELINE,
    QUESTION,
    TABLES,
    Hit,
    Planted,
    Probe,
    Tally,
    control,
    of_conversation,
    of_document,
    of_planted,
)
from appliance.services.knowledge import identifiers

logger = logging.getLogger(__name__)

NOBODY = "nobody"
_AT_ONCE = 4
_READ_TRIES, _READ_PAUSE_S = 600, 0.2
_BUSY = {429, 500, 502, 503, 504}
_BUSY_TRIES, _BUSY_PAUSE_S = 4, 1.0


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

    async def upload(self, key: str, filename: str, content: bytes) -> tuple[int, bytes]: ...


class Net(Protocol):
    """The rows beneath, and real private collections to knock at."""

    async def visible_rows(self, viewer: Viewer, table: str, collection_id: UUID) -> int: ...

    async def private_collections(self, limit: int) -> Sequence[tuple[UUID, UUID | None]]:
        """(collection, a file of it), without those of the canaries."""
        ...


class CanaryRun:
    """actors: by role; `nobody` included. group_id: of the canaries that are in one. new_token: unguessable."""

    def __init__(
        self,
        actors: Sequence[Actor],
        group_id: UUID,
        door: Door,
        net: Net,
        new_token: Callable[[], str],
        *,
        real_collections: int = 50,
    ) -> None:
        self._actors = {actor.role: actor for actor in actors}
        self._group_id = group_id
        self._door = door
        self._net = net
        self._new_token = new_token
        self._real_collections = real_collections
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> Tally:
        """Plants are taken back however it ends."""
        tally = Tally()
        await self.clean()
        try:
            planted = await self._plant()
            for one in planted:
                await self._check_control(one, tally)
            await self._try_everything(planted, tally)
            await self._look_beneath([UUID(hex=one.collection_id[3:]) for one in planted], planted, tally)
            await self._knock_at_real_ones(tally)
        finally:
            await self.clean()
        return tally

    async def clean(self) -> None:
        """Delete whatever a canary has: this run's, and what a run left that was cut off."""
        for actor in self._actors.values():
            if actor.key is None:
                continue
            for listing, path in (
                ("/v1/vector_stores?limit=100", "/v1/vector_stores"),
                ("/v1/files", "/v1/files"),
                ("/api/conversations?limit=200", "/api/conversations"),
            ):
                for one in await self._listed(actor, listing):
                    if path != "/v1/vector_stores" or str(one.get("name", "")).startswith("canary"):
                        at_once = "?now=true" if path == "/api/conversations" else ""
                        await self._door.send(actor.key, "DELETE", f"{path}/{one['id']}{at_once}")

    # Planting -----------------------------------------------------------------------------------------

    async def _plant(self) -> list[Planted]:
        group = f"group:{self._group_id}"
        return [
            await self._plant_one("owner", "user", {"owner"}),
            await self._plant_one("outsider", "user", {"outsider"}),
            await self._plant_one("member", group, {"member", "colleague"}),
            await self._plant_one("administrator", "user", {"administrator"}),
            await self._plant_one("owner", "user", {"owner", "colleague"}, share_with="colleague"),
        ]

    async def _plant_one(
        self, role: str, owner: str, readers: set[str], *, share_with: str | None = None
    ) -> Planted:
        actor, token = self._actors[role], self._new_token()
        text = f"# Canary vault {token}\n\nThe pass phrase of the canary vault is {token}.\n"
        file = await self._done(self._door.upload(actor.key or "", f"canary-{token}.md", text.encode()))
        body = {"name": f"canary {token}", "owner": owner, "description": token, "file_ids": [file["id"]]}
        store = await self._done(self._door.send(actor.key, "POST", "/v1/vector_stores", body))
        await self._until_read(actor, store["id"], file["id"])
        if share_with is not None:
            share = {"with": f"user:{self._actors[share_with].viewer.user_id}", "access": "read"}
            await self._done(
                self._door.send(actor.key, "PUT", f"/api/collections/{store['id']}/shares", share)
            )
        asking = {"question": QUESTION, "model": PIPELINE, "vector_store_ids": [store["id"]]}
        turn = await self._done(self._door.send(actor.key, "POST", "/api/turns", asking))
        await self._door.send(actor.key, "GET", f"/api/turns/{turn['id']}/events")
        return Planted(
            token, role, frozenset(readers), store["id"], file["id"], turn["id"], turn["conversation_id"]
        )

    async def _until_read(self, actor: Actor, store: str, file: str) -> None:
        for _ in range(_READ_TRIES):
            path = f"/v1/vector_stores/{store}/files/{file}"
            found = await self._done(self._door.send(actor.key, "GET", path))
            if found["status"] == "completed":
                return
            if found["status"] != "in_progress":
                raise RuntimeError(f"a canary's document was not read: {found['last_error']}")
            await asyncio.sleep(_READ_PAUSE_S)
        raise TimeoutError("a canary's document is still not read; does the worker run?")

    # Trying -------------------------------------------------------------------------------------------

    async def _check_control(self, planted: Planted, tally: Tally) -> None:
        for role in planted.readers:
            _, body = await self._answer(self._actors[role], control(planted))
            if planted.token.encode() not in body:
                tally.controls_failed.append(f"{role} does not find what {planted.owner} lets them see")

    async def _try_everything(self, planted: Sequence[Planted], tally: Tally) -> None:
        """Readings of everything first, changes after, so that a change that succeeds hides nothing."""
        plans = [(one, actor, of_planted(one)) for one in planted for actor in self._strangers(one)]
        for one in planted:
            others = [self._actors[role] for role in one.readers - {one.owner}]
            plans += [(one, actor, of_conversation(one)) for actor in others]
        longest = max(len(probes) for _, _, probes in plans)
        for place in range(longest):
            await asyncio.gather(
                *(
                    self._try(actor, probes[place], tally, one)
                    for one, actor, probes in plans
                    if place < len(probes)
                )
            )

    def _strangers(self, planted: Planted) -> list[Actor]:
        """Everybody who may not see it."""
        return [actor for role, actor in self._actors.items() if role not in planted.readers]

    async def _try(self, actor: Actor, probe: Probe, tally: Tally, planted: Planted | None) -> None:
        status, body = await self._answer(actor, probe)
        tally.probes += 1
        if status in _BUSY:
            tally.unanswered += 1
        leaks = planted is not None and planted.token.encode() in body and actor.role not in planted.readers
        if leaks or (probe.must_refuse and 200 <= status < 300):
            owner = "a person" if planted is None else planted.owner
            tally.hits.append(Hit(f"{probe.method} {probe.name}", actor.role, owner))

    async def _answer(self, actor: Actor, probe: Probe) -> tuple[int, bytes]:
        async with self._turns:
            for attempt in range(_BUSY_TRIES):
                status, body = await self._door.send(actor.key, probe.method, probe.path, probe.body)
                if status not in _BUSY or attempt == _BUSY_TRIES - 1:
                    break
                await asyncio.sleep(_BUSY_PAUSE_S)
            if probe.then and 200 <= status < 300:
                made = orjson.loads(body)["id"]
                for path in probe.then:
                    body += (await self._door.send(actor.key, "GET", path.replace("ID", made)))[1]
        return status, body

    async def _look_beneath(
        self, collections: Sequence[UUID], planted: Sequence[Planted], tally: Tally
    ) -> None:
        """The rows, without any of the conditions that the use cases put before them."""
        for collection_id, one in zip(collections, planted, strict=True):
            for actor in self._strangers(one):
                await self._count_rows(actor, collection_id, one.owner, tally)

    async def _count_rows(self, actor: Actor, collection_id: UUID, owner: str, tally: Tally) -> None:
        for table in TABLES:
            tally.probes += 1
            if await self._net.visible_rows(actor.viewer, table, collection_id):
                tally.hits.append(Hit(f"rows of {table}", actor.role, owner))

    async def _knock_at_real_ones(self, tally: Tally) -> None:
        for collection_id, file_id in await self._net.private_collections(self._real_collections):
            store = identifiers.wire(identifiers.COLLECTION, collection_id)
            file = None if file_id is None else identifiers.wire(identifiers.FILE, file_id)
            for role in ("outsider", "administrator", "auditor", NOBODY):
                actor = self._actors[role]
                probes = of_document(store, file)
                await asyncio.gather(*(self._try(actor, probe, tally, None) for probe in probes))
                await self._count_rows(actor, collection_id, "a person", tally)

    async def _listed(self, actor: Actor, path: str) -> list[dict[str, Any]]:
        status, body = await self._door.send(actor.key, "GET", path)
        with suppress(ValueError):
            return list(orjson.loads(body)["data"]) if status == 200 else []
        return []

    async def _done(self, sending: Awaitable[tuple[int, bytes]]) -> dict[str, Any]:
        status, body = await sending
        if not 200 <= status < 300:
            raise RuntimeError(f"a canary's own request was refused ({status}): {body[:300]!r}")
        found: dict[str, Any] = orjson.loads(body)
        return found
