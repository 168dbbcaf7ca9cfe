"""One run of the canaries: plant, try every way as everybody else, look beneath at the rows, take everything back.

The people are made up and suspended between runs. Their documents go the way of every document, through the public API
and the worker. Real private collections and conversations are only knocked at, by their ids, as people who may not see
them; nothing is put into anybody's collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import orjson

from appliance.domain.people import Viewer
from appliance.services.canaries import beneath, probes, talk
from appliance.services.canaries.overviews import of_person, overviews
from appliance.services.canaries.planting import Actor, Door, Planting
from appliance.services.canaries.plants import Hit, Planted, Probe, Rows, Tally
from appliance.services.knowledge import identifiers

__all__ = ["NOBODY", "Actor", "CanaryRun", "Door", "Net"]

NOBODY = "nobody"
_AT_ONCE = 4
_BUSY = {429, 500, 502, 503, 504}
_BUSY_TRIES, _BUSY_PAUSE_S = 4, 1.0
_KNOCKING = ("outsider", "administrator", "auditor", NOBODY)


class Net(Protocol):
    """The rows beneath, and real private things to knock at, without those of the canaries."""

    async def visible_rows(self, viewer: Viewer, table: str, column: str, value: UUID) -> int: ...

    async def chat_collection(self, conversation_id: UUID) -> UUID: ...

    async def private_collections(self, limit: int) -> Sequence[tuple[UUID, UUID | None]]:
        """(collection, a file of it)."""
        ...

    async def private_conversations(self, limit: int) -> Sequence[tuple[UUID, UUID | None]]:
        """(conversation, a turn of it)."""
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
        real_ones: int = 50,
    ) -> None:
        self._actors = {actor.role: actor for actor in actors}
        self._group_id = group_id
        self._door = door
        self._net = net
        self._planting = Planting(self._actors, door, net.chat_collection, new_token)
        self._real_ones = real_ones
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self.planted: list[Planted] = []

    async def run(self) -> Tally:
        """Plants are taken back however it ends."""
        tally = Tally()
        await self.clean()
        try:
            await self.plant()
            await self.check_controls(tally)
            await self.try_everything(tally)
            await self.look_beneath(tally)
            await self.knock_at_real_ones(tally)
        finally:
            await self.clean()
        return tally

    async def plant(self) -> None:
        """What everybody else is not to reach."""
        self.planted = await self._planting.plant(self._group_id)

    async def clean(self) -> None:
        """Delete whatever a canary has."""
        await self._planting.clean()

    # Controls -----------------------------------------------------------------------------------------

    async def check_controls(self, tally: Tally) -> None:
        """Who may see a thing does: were that not so, a refusal to the others would prove nothing."""
        for planted in self.planted:
            document = probes.of_document(planted.collection_id, planted.file_id)
            (text,) = [probe for probe in document if probe.name == "page's text"]
            for role in sorted(planted.readers):
                _, body = await self._answer(self._actors[role], text)
                if planted.token.encode() not in body:
                    tally.controls_failed.append(f"{role} does not find what {planted.owner} lets them see")
            owner = self._actors[planted.owner]
            for probe in self._of(planted):
                if probe.is_read and probe.must_refuse:
                    await self._check_way(owner, probe, tally)
        for probe in overviews():
            for role in sorted(probe.open_to) or ["owner"]:
                await self._check_way(self._actors[role], probe, tally)
        await self._check_words(tally)

    async def _check_way(self, actor: Actor, probe: Probe, tally: Tally) -> None:
        status, _ = await self._answer(actor, probe)
        if not 200 <= status < 300:
            tally.controls_failed.append(f"{probe.name} is closed ({status}) to {actor.role}, who may see it")

    async def _check_words(self, tally: Tally) -> None:
        """Title, question and receipt stand where their owner looks for them."""
        for planted in self.planted:
            owner = self._actors[planted.owner]
            for path, wanted in (
                (f"/api/conversations?q={planted.words}", planted.conversation_id),
                (f"/api/conversations/{planted.conversation_id}/export?format=json", planted.words),
                (f"/v1/responses/{planted.response_id}/input_items", planted.words),
                ("/api/receipts?limit=500", planted.deleted_id),
            ):
                _, body = await self._door.send(owner.key, "GET", path)
                if wanted.encode() not in body:
                    tally.controls_failed.append(f"{planted.owner} does not find their own at {path[:40]}")

    # Trying -------------------------------------------------------------------------------------------

    async def try_everything(self, tally: Tally) -> None:
        """What is of nobody in particular, then of each plant: readings of everything first, changes after."""
        general = [*overviews(), *probes.asking_all(), *of_person(self._actors["owner"].viewer.user_id)]
        plans = [(actor, general) for role, actor in self._actors.items() if role != "owner"]
        plans += [
            (actor, [probe for probe in overviews() if probe.lists_own]) for actor in [self._actors["owner"]]
        ]
        for planted in self.planted:
            plans += [(actor, probes.of_planted(planted)) for actor in self._strangers(planted)]
            plans += [(actor, talk.of_talk(planted)) for actor in self._others(planted)]
        longest = max(len(planned) for _, planned in plans)
        for place in range(longest):
            due = [(actor, planned[place]) for actor, planned in plans if place < len(planned)]
            await asyncio.gather(*(self.try_probe(actor, probe, tally) for actor, probe in due))

    async def try_probe(self, actor: Actor, probe: Probe, tally: Tally, owner: str = "") -> None:
        """owner: whose it is, where that is not known by a token."""
        status, body = await self._answer(actor, probe)
        tally.probes += 1
        if status in _BUSY:
            tally.unanswered += 1
        leaks = {one.owner for one in self.planted if _tells(body, one, actor.role, probe)}
        if not leaks and probe.must_refuse and actor.role not in probe.open_to and 200 <= status < 300:
            leaks = {owner or "somebody"}
        for whose in sorted(leaks):
            tally.hits.append(Hit(f"{probe.method} {probe.name}", actor.role, whose))

    def actor(self, role: str) -> Actor:
        """Who plays it."""
        return self._actors[role]

    def _of(self, planted: Planted) -> list[Probe]:
        return [*probes.of_planted(planted), *talk.of_talk(planted)]

    def _strangers(self, planted: Planted) -> list[Actor]:
        """Everybody who may not see the document."""
        return [actor for role, actor in self._actors.items() if role not in planted.readers]

    def _others(self, planted: Planted) -> list[Actor]:
        """Everybody but who asked."""
        return [actor for role, actor in self._actors.items() if role != planted.owner]

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

    # Beneath ------------------------------------------------------------------------------------------

    async def look_beneath(self, tally: Tally) -> None:
        """The rows, without any of the conditions that the use cases put before them."""
        for planted in self.planted:
            for rows in beneath.of_planted(planted, self._actors[planted.owner].viewer.user_id):
                actors = self._others(planted) if rows.is_personal else self._strangers(planted)
                for actor in actors:
                    await self.count_rows(actor, rows, planted.owner, tally)

    async def count_rows(self, actor: Actor, rows: Rows, owner: str, tally: Tally) -> None:
        """One more probe: whether the database shows them any."""
        if actor.role in rows.open_to:
            return
        tally.probes += 1
        if await self._net.visible_rows(actor.viewer, rows.table, rows.column, rows.value):
            tally.hits.append(Hit(f"rows of {rows.table}", actor.role, owner))

    async def knock_at_real_ones(self, tally: Tally) -> None:
        """Only reading, and only by ids."""
        knocks: list[tuple[list[Probe], list[Rows]]] = []
        for collection_id, file_id in await self._net.private_collections(self._real_ones):
            file = None if file_id is None else identifiers.wire(identifiers.FILE, file_id)
            knocks.append((probes.of_document(collection_id, file), beneath.of_collection(collection_id)))
        for conversation_id, turn_id in await self._net.private_conversations(self._real_ones):
            turn = None if turn_id is None else str(turn_id)
            reading = talk.reading_conversation(str(conversation_id), turn)
            knocks.append((reading, beneath.of_conversation(conversation_id, turn_id)))
        for tried, rows in knocks:
            for role in _KNOCKING:
                actor = self._actors[role]
                await asyncio.gather(*(self.try_probe(actor, one, tally, "a person") for one in tried))
                for one in rows:
                    await self.count_rows(actor, one, "a person", tally)


def _tells(body: bytes, planted: Planted, role: str, probe: Probe) -> bool:
    """Whether an answer holds what that role may not know of this plant."""
    if role == planted.owner:
        return False
    forbidden = [planted.words]
    if probe.lists_own and role not in probe.open_to:
        forbidden += planted.names()
    if role not in planted.readers:
        forbidden.append(planted.token)
        if probe.lists_own:
            forbidden += [planted.file_id, identifiers.wire(identifiers.COLLECTION, planted.collection_id)]
    return any(word.encode() in body for word in forbidden)
