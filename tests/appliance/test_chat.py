"""Any model name as one stream of events, for those who are not HTTP clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import AnswerEvent, AnswerRequest, Finished, TextDelta, Waiting
from appliance.domain.people import Scopes
from appliance.errors import NotPermitted
from appliance.fairness.settings import GateSettings
from appliance.services.chat import Chat
from appliance.storage.roles import DatabaseRole, url_as
from inference.errors import EngineStreamBroken, ModelNotFound
from inference.testing.fake_engine import FakeEngine, Fault
from inference.types import ChatMessage
from tests.administration_world import as_owner
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import NoDocuments, engine_settings, person, running_gateway


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """A stand-in."""
    async with FakeEngine() as started:
        yield started


@pytest.fixture
async def chat(engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[Chat]:
    """Engines only, one slot."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=1)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.05),
    ) as gateway:
        yield Chat(gateway.room.gate, {}, NoDocuments())


def question(model: str = "fake") -> AnswerRequest:
    """One message."""
    return AnswerRequest([ChatMessage("user", "How are you?")], model)


async def collect(chat: Chat, request: AnswerRequest) -> list[AnswerEvent]:
    """All events."""
    return [event async for event in chat.answer(person("ana"), request)]


async def test_an_engines_answer_is_text_and_an_end(chat: Chat) -> None:
    """Text as it comes, then who gave it and what it used."""
    *pieces, last = await collect(chat, question())

    assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == "Echo: How are you?"
    assert isinstance(last, Finished) and last.kind == "written"
    assert last.served_by == "local:local" and last.usage.completion_tokens > 0


async def test_waiting_is_an_event(chat: Chat, engine: FakeEngine) -> None:
    """Whoever follows sees the place before the text."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 20
    first = asyncio.create_task(collect(chat, question()))
    await engine.until(lambda e: e.running == 1)

    events = await collect(chat, question())
    await first

    assert isinstance(events[0], Waiting) and events[0].position == 1
    assert isinstance(events[-1], Finished)


async def test_closing_the_stream_stops_the_engine(chat: Chat, engine: FakeEngine) -> None:
    """When aclose() returns the engine's request is closed."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.02, 1000
    async with aclosing(chat.answer(person("ana"), question())) as events:
        await anext(events)

    await engine.until(lambda e: e.running == 0)


async def test_errors_come_out_as_they_are(chat: Chat, engine: FakeEngine) -> None:
    """Unknown models, forbidden ones and broken streams are the errors of their rooms."""
    with pytest.raises(ModelNotFound):
        await collect(chat, question("gpt-9"))
    narrow = person("ana", Scopes(models=frozenset({"other"})))
    with pytest.raises(NotPermitted):
        await anext(chat.answer(narrow, question()))
    engine.behaviour.fault = Fault.DIE
    with pytest.raises(EngineStreamBroken):
        await collect(chat, question())


class Refusing:
    """A pipeline that finds nothing."""

    name = "refusing"

    async def answer(self, *_: object) -> AsyncIterator[AnswerEvent]:
        yield TextDelta("Nothing was found.")
        yield Finished("refused", model=self.name)


async def test_the_ledger_says_that_nothing_was_found(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Without a word of what was asked: administrators are told how often it happens, through the API too."""
    async with running_gateway(
        {},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
    ) as gateway:
        await collect(Chat(gateway.room.gate, {"refusing": Refusing()}, NoDocuments()), question("refusing"))

    ended = as_owner(owner_url, "SELECT status, finish_reason FROM requests")
    assert ended == [("completed", "nothing_found")]
