"""Turns on real PostgreSQL and Valkey: an answer is written whoever reads, and read whoever wrote it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from appliance.domain import AnswerRequest, Caller, Finished, TextDelta, TurnEvent, Waiting
from appliance.errors import NotFound
from appliance.services.turns import NewTurn, Turns, as_state
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from appliance.storage.turns import PostgresTurns
from inference.errors import EngineUnavailable
from tests.page_box import ScriptedAnswerer

ANA = Caller(uuid4(), "ana@example.org")
LUIS = Caller(uuid4(), "luis@example.org")
END = Finished("written", model="tiny")


def _turns(database: Database, valkey: Redis, answerer: ScriptedAnswerer) -> Turns:
    return Turns(PostgresTurns(database), ValkeyTurnLog(valkey), answerer)


async def _all(turns: Turns, turn_id: Any, after: int = 0, caller: Caller = ANA) -> list[TurnEvent]:
    async with asyncio.timeout(30):
        return [event async for event in await turns.follow(caller, turn_id, after) if event is not None]


def _script(*steps: Any) -> ScriptedAnswerer:
    return ScriptedAnswerer(lambda _request: steps)


async def test_an_answer_ends_with_done_and_its_blocks(database: Database, valkey: Redis) -> None:
    """A page that follows from the beginning can draw the whole answer."""
    turns = _turns(
        database, valkey, _script(TextDelta("One.\n\nTw"), TextDelta("o **bold**.\n\nThree\n"), END)
    )

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert events[-1].kind == "done"
    assert as_state(events)["blocks"] == [
        "<p>One.</p>\n",
        "<p>Two <strong>bold</strong>.</p>\n",
        "<p>Three</p>\n",
    ]


async def test_a_long_answer_ends_though_chores_run_beside_it(database: Database, valkey: Redis) -> None:
    """Flushing, saving and renewing leases never keep an answer from ending."""
    words = [step for number in range(60) for step in (asyncio.sleep(0.01), TextDelta(f"word {number}. "))]
    turns = _turns(database, valkey, ScriptedAnswerer(lambda _request: [*words, END]))

    turn = await turns.begin(ANA, NewTurn("Why?", "tiny"))
    events = await _all(turns, turn.id)

    assert events[-1].kind == "done"
    assert "word 59." in as_state(events)["blocks"][0]
