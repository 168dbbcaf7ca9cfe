"""What an answer was made from goes with it: through every pipeline, and from turn to turn of a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
import pytest
from redis.asyncio import Redis

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Finished, Searched, TextDelta, Turn
from appliance.domain.origins import (
    OWN_WORDS,
    Origins,
    collections_in,
    of_collection,
    of_conversation,
    of_passages,
    together,
)
from appliance.domain.people import Caller
from appliance.pipelines import FOR_FILES, PIPELINES, load_pipeline
from appliance.ports import PipelineParts
from appliance.services.turns import NewTurn, NewVersion, Turns
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from appliance.storage.turns import PostgresTurns
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.files_of_a_chat import CALLER, COLLECTION, Answering, ShelfOf, document
from tests.appliance.test_answer_with_sources import NoMeaning
from tests.appliance.test_summarise import NOTICE, RENT, page
from tests.page_box import ScriptedAnswerer

HERE = of_collection(COLLECTION)
EARLIER = "collection:00000000-0000-0000-0000-0000000000ee"
SAID = (
    ChatMessage("user", "What does the contract of the warehouse say?"),
    ChatMessage("assistant", "That items are delivered. [1]"),
)


# Pipelines ------------------------------------------------------------------------------------------------


def _parts(shelf: ShelfOf) -> PipelineParts:
    analyzer = Analyzer(("en", "es"))
    return PipelineParts(Quoter(NoMeaning(), analyzer), analyzer, shelf)


SHORT = (RENT, NOTICE)
# tables have their own test, beside their pipeline
OF_DOCUMENTS = {name: row for name, row in PIPELINES.items() if name != "answer-from-data"}
LONG = tuple(page(number) for number in range(1, 31))


@pytest.mark.parametrize(
    "origins", [frozenset({EARLIER}), OWN_WORDS, None], ids=["earlier", "own", "unknown"]
)
@pytest.mark.parametrize("pages", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("question", ["And when is it due?", "Summarise it"], ids=["follow-up", "summary"])
@pytest.mark.parametrize("row", [*OF_DOCUMENTS.values(), FOR_FILES], ids=[*OF_DOCUMENTS, "for-files"])
async def test_every_call_of_every_pipeline_says_what_it_was_made_from(
    row: str, question: str, pages: Sequence[str], origins: Origins
) -> None:
    """Rewritten questions, notes on parts, the last prompt: documents are named where they stand; unknown stays so."""
    book = document(*pages)
    shelf = ShelfOf(book)
    shelf.found = list(book.passages[:3])
    engine = Answering(lambda _: "The rent is due on the fifth day. [1]")
    pipeline = load_pipeline(row, _parts(shelf))
    said = (*SAID, ChatMessage("user", question))
    request = AnswerRequest(said, pipeline.name, attached=COLLECTION, origins=origins)

    events = [event async for event in pipeline.answer(CALLER, request, engine, shelf)]

    assert engine.requests
    for call in engine.requests:
        if origins is None:
            assert call.origins is None
            continue
        prompt = "\n".join(message["content"] for message in call.payload["messages"])
        holds_documents = any(text in prompt for passage in book.passages for text in [passage.text])
        assert call.origins is not None and origins <= call.origins
        assert not holds_documents or HERE in call.origins
    assert origins is None or HERE in (engine.requests[-1].origins or ())
    told = [event for event in events if isinstance(event, Searched)]
    assert told and HERE in frozenset().union(*(of_passages(one.passages) | one.origins for one in told))


async def test_notes_on_a_long_text_are_no_author_s_own_words() -> None:
    """The reduce step holds no passage any more, but what was said of them."""
    shelf = ShelfOf(document(*LONG))
    engine = Answering(lambda _: "Many items are delivered.")
    pipeline = load_pipeline(PIPELINES["summarise"], _parts(shelf))
    request = AnswerRequest(
        (ChatMessage("user", "Summarise"),), "summarise", collection_ids=(COLLECTION,), origins=OWN_WORDS
    )

    async for _ in pipeline.answer(CALLER, request, engine, shelf):
        pass

    assert len(engine.requests) > 2
    assert {call.origins for call in engine.requests} == {frozenset({HERE})}


async def test_files_that_an_answer_only_names_count_too() -> None:
    """That a file could not be read says that there is one, and how it is called."""
    shelf = ShelfOf(unread=[("merger.pdf", "failed")])
    pipeline = load_pipeline(PIPELINES["summarise"], _parts(shelf))
    request = AnswerRequest((ChatMessage("user", "Summarise"),), "summarise", attached=COLLECTION)

    events = [event async for event in pipeline.answer(CALLER, request, None, shelf)]

    assert [event.origins for event in events if isinstance(event, Searched)] == [frozenset({HERE})]


def test_labels_that_nobody_knows_are_unknown() -> None:
    """One of them among known ones is enough; nothing at all is one's own words."""
    assert collections_in(OWN_WORDS) == frozenset()
    assert collections_in(frozenset({HERE, of_conversation(COLLECTION)})) == frozenset({COLLECTION})
    for label in ("", "collection:", "collection:x", "file:" + str(COLLECTION), str(COLLECTION)):
        assert collections_in(frozenset({HERE, label})) is None
    assert collections_in(None) is None
    assert together() == frozenset()
    assert together(OWN_WORDS, None, frozenset({HERE})) is None


# Turns ----------------------------------------------------------------------------------------------------

ANA = Caller(uuid4(), "ana@example.org")
END = Finished("written", model="tiny")
FOUND = Searched(tuple(document(RENT).passages))


class Desk:
    """Turns over a scripted answerer, PostgreSQL and Valkey."""

    def __init__(self, database: Database, valkey: Redis, owner_url: str) -> None:
        self.script: Sequence[Any] = ()
        self.answerer = ScriptedAnswerer(lambda _request: self.script)
        self.valkey, self.owner_url = valkey, owner_url
        self.files = Dropped()
        self.turns = Turns(
            PostgresTurns(database),
            PostgresConversations(database),
            ValkeyTurnLog(valkey),
            self.answerer,
            files=self.files,
        )

    async def ended(self, turn: Turn) -> Turn:
        """It, once it has ended."""
        async with asyncio.timeout(60):
            async for _ in await self.turns.follow(ANA, turn.id):
                pass
        return (await self.turns.trace(ANA, turn.id))[0]

    async def ask(self, after: Turn | None, *events: Any, previous: UUID | None = None) -> Turn:
        """A question in the same conversation, and what is said to it."""
        self.script = events
        conversation = None if after is None else after.conversation_id
        new = NewTurn("And?", "tiny", conversation, previous_id=previous)
        return await self.ended(await self.turns.begin(ANA, new))

    @property
    def told(self) -> Origins:
        """What the last request said that it was made from."""
        return self.answerer.asked[-1][1].origins

    def set_origins(self, turn: Turn, origins: list[str] | None) -> None:
        """As if it had been kept so."""
        with psycopg.connect(self.owner_url) as connection:
            connection.execute("UPDATE turns SET origins = %s WHERE id = %s", (origins, turn.id))


class Dropped:
    """Fulfils turn_ports.AttachedFiles. collection: of the chat's files; None: it has none."""

    collection: UUID | None = None

    async def attached(self, caller: Caller, conversation_id: UUID) -> UUID | None:
        return self.collection

    async def forget(
        self, caller: Caller, conversation_id: UUID, *, leaves_receipts: bool = True
    ) -> Mapping[str, int]:
        return {}


@pytest.fixture
def desk(database: Database, valkey: Redis, owner_url: str) -> Desk:
    """One gateway process's turns."""
    return Desk(database, valkey, owner_url)


WRITTEN = (TextDelta("Yes."), Cited(()), END)


@pytest.mark.parametrize("from_valkey", [True, False], ids=["valkey", "postgres"])
async def test_later_turns_inherit_what_earlier_ones_were_made_from(desk: Desk, from_valkey: bool) -> None:
    """Wherever the conversation's memory is read; also when nothing is searched any more."""
    first = await desk.ask(None, FOUND, *WRITTEN)
    assert desk.told == OWN_WORDS
    assert first.origins == frozenset({HERE})

    for _ in range(2):
        if not from_valkey:
            await desk.valkey.flushall()
        second = await desk.ask(first, *WRITTEN)
        assert desk.told == frozenset({HERE, of_conversation(first.conversation_id)})
        assert second.origins == desk.told


async def test_what_is_asked_again_forgets_only_what_was_said_after(desk: Desk) -> None:
    """Versions, edits and branches inherit from the turns before them, not from those beside them."""
    first = await desk.ask(None, *WRITTEN)
    second = await desk.ask(first, FOUND, *WRITTEN)
    conversation = of_conversation(first.conversation_id)
    desk.script = WRITTEN

    edited = await desk.ended(await desk.turns.begin_version(ANA, second.id, NewVersion("Once more?")))
    assert edited.origins == frozenset({conversation})
    again = await desk.ended(await desk.turns.begin_version(ANA, first.id, NewVersion()))
    assert again.origins == OWN_WORDS
    branch = await desk.ask(first, *WRITTEN, previous=second.id)
    assert branch.origins == frozenset({HERE, conversation})


async def test_an_answer_that_is_gone_on_with_keeps_what_its_beginning_was_made_from(desk: Desk) -> None:
    """It goes into the prompt, searched again or not."""
    broken = await desk.ask(None, FOUND, TextDelta("The rent "), RuntimeError("it broke"))
    assert broken.origins == frozenset({HERE})
    desk.script = WRITTEN

    resumed = await desk.ended(await desk.turns.resume(ANA, broken.id))

    assert desk.told == frozenset({HERE})
    assert resumed.origins == frozenset({HERE})


async def test_unknown_origins_stay_unknown(desk: Desk) -> None:
    """A turn from before there were any, or one whose process died: all that follows it stays on the box."""
    first = await desk.ask(None, *WRITTEN)
    desk.set_origins(first, None)
    await desk.valkey.flushall()

    second = await desk.ask(first, *WRITTEN)
    assert desk.told is None and second.origins is None
    third = await desk.ask(second, FOUND, *WRITTEN)
    assert desk.told is None and third.origins is None


async def test_a_memory_of_an_older_version_is_unknown(desk: Desk) -> None:
    """Valkey may still hold one that says nothing of origins."""
    first = await desk.ask(None, *WRITTEN)
    memory = f"turn:{ANA.user_id}:{first.id}:memory"
    assert await desk.valkey.exists(memory)
    await desk.valkey.set(memory, orjson.dumps([0, [["user", "Well?"], ["assistant", "Yes."]]]))

    await desk.ask(first, *WRITTEN)

    assert desk.told is None


async def test_a_turn_that_nobody_ended_is_unknown(desk: Desk) -> None:
    """Its process was killed: the words are found in Valkey, what they were made from is not."""
    first = await desk.ask(None, *WRITTEN)
    with psycopg.connect(desk.owner_url) as connection:
        connection.execute(
            "UPDATE turns SET status = 'running', finished_at = NULL, origins = NULL WHERE id = %s",
            (first.id,),
        )
    await desk.turns.settling.settle(ANA.viewer, first.id)
    await desk.valkey.delete(f"turn:{ANA.user_id}:{first.id}:memory")

    await desk.ask(first, *WRITTEN)

    assert desk.told is None


async def test_files_of_the_chat_count_from_the_first_question_on(desk: Desk) -> None:
    """Before anything of them is read; and they go on counting when they are taken out again."""
    first = await desk.ask(None, *WRITTEN)
    desk.files.collection = COLLECTION
    second = await desk.ask(first, *WRITTEN)
    assert HERE in (desk.told or ())
    desk.files.collection = None

    await desk.ask(second, *WRITTEN)

    assert HERE in (desk.told or ())


async def test_documents_that_an_answer_names_without_using_count(desk: Desk) -> None:
    """Such as those whose versions differ."""
    turn = await desk.ask(None, replace(FOUND, passages=(), origins=frozenset({EARLIER})), *WRITTEN)
    assert turn.origins == frozenset({EARLIER})


def test_every_event_of_an_answer_is_known_here() -> None:
    """A new event that brings text from elsewhere has to be thought of: TurnWriter joins what Searched tells."""
    names = {kind.__name__ for kind in AnswerEvent.__args__}
    assert names == {
        "TextDelta",
        "Reached",
        "Reasoned",
        "Restarted",
        "Waiting",
        "Searched",
        "Tabled",
        "ToolCalled",
        "ConsentAsked",
        "Stepped",
        "Progressed",
        "Cited",
        "Finished",
    }
