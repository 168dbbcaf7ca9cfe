"""Turns in front of engines: stopping frees them, answers are gone on with, and long conversations fit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.bootstrap.turns import join_turns
from appliance.domain.answers import AnswerRequest, Finished, TextDelta, TurnEvent
from appliance.domain.people import Caller, Scopes, Viewer
from appliance.errors import NotPermitted
from appliance.fairness.accounting.pricing import ModelPrice, Prices
from appliance.pipelines.history import FittedHistories
from appliance.ports import Pipeline
from appliance.services.chat import Chat
from appliance.services.conversations import Conversations
from appliance.services.turns import NewTurn, NewVersion, Turns
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from inference.types import ChatMessage, Usage
from tests.administration_world import as_owner
from tests.conftest import ROLE_SECRET, Servers
from tests.contracts.engines.rows import TAUGHT
from tests.gateway_harness import Gateway, NoDocuments, engine_settings, person, running_gateway, until
from tests.llama_gateway import gateway_before_llama_cpp

ANA = person("ana")
CONTEXT_TOKENS = 600
PRICE = ModelPrice(input=200, cached_input=50, output=600)


class Wishes:
    """Fulfils ports.Instructions: the same for everybody."""

    async def of(self, viewer: Viewer) -> str:
        return "Answer in verse."


@dataclass
class Desk:
    """Turns before a gate."""

    turns: Turns
    conversations: Conversations
    chat: Chat
    gateway: Gateway

    async def ended(self, turn_id: UUID, caller: Caller = ANA) -> TurnEvent:
        """The last event of a turn."""
        events = [event async for event in await self.turns.follow(caller, turn_id) if event is not None]
        return events[-1]

    async def ask(self, question: str, conversation_id: UUID | None = None) -> tuple[UUID, TurnEvent]:
        """(conversation, last event)"""
        turn = await self.turns.begin(ANA, NewTurn(question, "tiny", conversation_id))
        return turn.conversation_id, await self.ended(turn.id)


def _desk(gateway: Gateway, database: Database, valkey: Redis) -> Desk:
    chat = Chat(gateway.room.gate, {}, NoDocuments(), histories=FittedHistories())
    turns, conversations = join_turns(database, valkey, chat, meter=chat, instructions=Wishes())
    return Desk(turns, conversations, chat, gateway)


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """A stand-in for vLLM with a small context; its tokens are words."""
    async with FakeEngine(["tiny"], context_tokens=CONTEXT_TOKENS) as started:
        yield started


@pytest.fixture
async def desk(
    engine: FakeEngine, servers: Servers, database: Database, valkey: Redis, owner_url: str
) -> AsyncIterator[Desk]:
    """In front of the stand-in."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, kind="vllm")},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        prices=Prices({"tiny": PRICE}),
    ) as gateway:
        made = _desk(gateway, database, valkey)
        await made.turns.open()
        yield made
        await made.turns.close()


@pytest.fixture
async def real(servers: Servers, database: Database, valkey: Redis, owner_url: str) -> AsyncIterator[Desk]:
    """In front of a llama.cpp."""
    async with gateway_before_llama_cpp(servers, owner_url) as gateway:
        made = _desk(gateway, database, valkey)
        await made.turns.open()
        yield made
        await made.turns.close()


# Stopping -----------------------------------------------------------------------------------------------


async def test_stop_frees_the_engine(desk: Desk, engine: FakeEngine) -> None:
    """The server itself says that nothing runs any more, and what was written stays."""
    engine.behaviour.tokens, engine.behaviour.pace_s = 10_000, 0.01
    turn = await desk.turns.begin(ANA, NewTurn("Talk.", "tiny"))
    await engine.until(lambda one: one.running == 1)
    await until(lambda: _has_text(desk, turn.id))

    await desk.turns.stop(ANA, turn.id)

    await engine.until(lambda one: one.running == 0)
    last = await desk.ended(turn.id)
    assert (last.kind, last.data["finish_reason"]) == ("done", "stopped")
    assert engine.aborted == 1


async def test_a_turn_costs_what_the_engine_used(desk: Desk, engine: FakeEngine, owner_url: str) -> None:
    """By the engine's own count, the same in the last event, with the turn and in the ledger; when stopped too."""
    chat, last = await desk.ask("How many dogs are there?")
    engine.behaviour.tokens, engine.behaviour.pace_s = 10_000, 0.01
    cut = await desk.turns.begin(ANA, NewTurn("Talk.", "tiny", chat))
    await until(lambda: _has_text(desk, cut.id))
    await desk.turns.stop(ANA, cut.id)
    await desk.ended(cut.id)

    _, shown, _ = await desk.conversations.one(ANA, chat)
    figures = [one.turn.figures for one in shown]
    costs = [one.cost.amount if one.cost else None for one in figures]
    expected = [PRICE.amount(Usage(one.prompt_tokens or 0, one.completion_tokens or 0)) for one in figures]
    assert last.data["cost"] == {"amount": pytest.approx(costs[0]), "currency": "EUR"}
    assert costs == pytest.approx(expected) and (figures[1].completion_tokens or 0) > 0

    async def ledger() -> bool:
        rows = await asyncio.to_thread(as_owner, owner_url, "SELECT cost FROM requests ORDER BY started_at")
        return [cost for (cost,) in rows] == pytest.approx(costs)

    await until(ledger)


async def test_stop_frees_the_real_engine(real: Desk) -> None:
    """llama.cpp's own count of what it works on goes back to none, long before the answer would have ended."""

    async def running() -> int:
        (engine, _), *_ = real.gateway.roster.resolve("tiny")
        return (await engine.load()).running

    async def runs() -> bool:
        return await running() == 1

    async def is_idle() -> bool:
        return await running() == 0

    endless = AnswerRequest(
        [ChatMessage("user", "Count to sixty.")], "tiny", options={"ignore_eos": True, "max_tokens": 100_000}
    )
    real.turns._answerer = _Endless(real.chat, endless)
    turn = await real.turns.begin(ANA, NewTurn("Count to sixty.", "tiny"))
    await until(runs)
    await until(lambda: _has_text(real, turn.id))

    await real.turns.stop(ANA, turn.id)

    await until(is_idle)
    assert (await real.ended(turn.id)).data["finish_reason"] == "stopped"


async def _has_text(desk: Desk, turn_id: UUID) -> bool:
    return bool(await desk.turns._log.text(turn_id))


class _Endless:
    """An answerer that has the real engine write for ever."""

    def __init__(self, chat: Chat, request: AnswerRequest) -> None:
        self._chat, self._request = chat, request

    def answer(self, caller: Caller, _request: AnswerRequest) -> AsyncIterator:  # type: ignore[type-arg]
        return self._chat.answer(caller, self._request)


async def test_a_key_asks_no_model_that_it_is_not_for(desk: Desk) -> None:
    """Neither by a new question nor by another version of what was asked with more rights."""
    turn = await desk.turns.begin(ANA, NewTurn("Talk.", "tiny"))
    await desk.ended(turn.id)
    narrow = person("ana", Scopes(models=frozenset({"other"})))

    with pytest.raises(NotPermitted):
        await desk.turns.begin(narrow, NewTurn("Talk.", "tiny"))
    with pytest.raises(NotPermitted):
        await desk.turns.begin_version(narrow, turn.id, NewVersion())


# Going on -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [4, 20, 47])
async def test_a_real_model_goes_on_where_it_was_cut(real: Desk, words: int) -> None:
    """llama.cpp takes the unfinished answer as the beginning of its own: together they are the whole one."""
    whole = TAUGHT["chat"]["Count to sixty."]
    partial = " ".join(whole.split()[:words])
    request = AnswerRequest(
        [ChatMessage("user", "Count to sixty.")], "tiny", options={"temperature": 0}, partial=partial
    )
    events = [event async for event in real.chat.answer(ANA, request)]

    assert partial + "".join(event.text for event in events if isinstance(event, TextDelta)) == whole
    assert isinstance(events[-1], Finished) and events[-1].finish_reason == "stop"


async def test_vllm_is_given_the_unfinished_answer(desk: Desk, engine: FakeEngine) -> None:
    """By its own means: the last message is the answer so far, and no new one is begun."""
    engine.behaviour.reply = "half written, half not."
    request = AnswerRequest([ChatMessage("user", "Talk.")], "tiny", partial="It is ")
    events = [event async for event in desk.chat.answer(ANA, request)]
    payload = next(one.payload for one in reversed(engine.requests) if one.path.endswith("completions"))

    assert (
        "".join(event.text for event in events if isinstance(event, TextDelta)) == "half written, half not."
    )
    assert payload["messages"][-1] == {"role": "assistant", "content": "It is "}
    assert payload["continue_final_message"] is True and payload["add_generation_prompt"] is False


# What fits ----------------------------------------------------------------------------------------------


def _prompts(engine: FakeEngine) -> list[list[str]]:
    return [
        [message["content"] for message in one.payload["messages"]]
        for one in engine.requests
        if one.path.endswith("chat/completions")
    ]


async def test_a_plain_chat_is_cut_to_the_engine_s_own_count(desk: Desk, engine: FakeEngine) -> None:
    """The newest turns that fit go in, whole; how many stayed out is told and kept."""
    engine.behaviour.reply = "word " * 100
    chat, first = await desk.ask("question " * 20)
    for _ in range(4):
        _, last = await desk.ask("question " * 20, chat)
    sent = _prompts(engine)[-1]
    words = sum(len(message.split()) for message in sent)
    _, (*_, shown), _ = await desk.conversations.one(ANA, chat)

    assert first.data["dropped_messages"] == 0
    assert last.data["dropped_messages"] == 4 and last.data["dropped_turns"] == 2
    assert shown.turn.figures.dropped_messages == 4
    assert len(sent) == 1 + 4 + 1  # the person's instructions, two turns, the question
    assert words < CONTEXT_TOKENS and words + 240 > CONTEXT_TOKENS * 2 // 3  # no room was left unused


async def test_the_meter_says_what_will_be_sent(desk: Desk, engine: FakeEngine) -> None:
    """Counted by the engine, instructions included; what will be dropped is known before it is asked."""
    engine.behaviour.reply = "word " * 100
    chat, _ = await desk.ask("question " * 20)
    little = await desk.conversations.context(ANA, chat, "tiny")
    for _ in range(4):
        await desk.ask("question " * 20, chat)
    much = await desk.conversations.context(ANA, chat, "tiny")

    assert little.is_exact and little.limit_tokens == CONTEXT_TOKENS and little.dropped_turns == 0
    assert 120 <= little.used_tokens <= 200
    assert much.dropped_turns >= 2 and much.used_tokens <= CONTEXT_TOKENS * 2 // 3


async def test_the_meter_knows_what_a_pipeline_writes_with(desk: Desk) -> None:
    """Its context is that of the chat model behind it; a key that is not for it is told nothing."""
    pipelines = {"answer-with-sources": cast(Pipeline, object())}
    chat = Chat(desk.gateway.room.gate, pipelines, NoDocuments(), histories=FittedHistories())
    request = AnswerRequest([ChatMessage("user", "How many days?")], "answer-with-sources")

    use = await chat.context(ANA, request)
    with pytest.raises(NotPermitted):
        await chat.context(person("ana", Scopes(models=frozenset({"tiny"}))), request)

    assert (use.limit_tokens, use.is_exact, use.dropped_turns) == (CONTEXT_TOKENS, True, 0)


async def test_a_question_that_fits_nothing_is_refused_with_its_reason(desk: Desk) -> None:
    """The turn ends with the error's code; nothing was cut out of the question."""
    _, last = await desk.ask("question " * 700)

    assert (last.kind, last.data["code"]) == ("error", "context_length_exceeded")


async def test_the_person_s_instructions_lead_the_prompt(desk: Desk, engine: FakeEngine) -> None:
    """They go in front of every plain chat, and are no part of what is remembered."""
    chat, _ = await desk.ask("dogs")
    await desk.ask("cats", chat)

    assert _prompts(engine)[0] == ["Answer in verse.", "dogs"]
    assert _prompts(engine)[1] == ["Answer in verse.", "dogs", "Echo: dogs", "cats"]
