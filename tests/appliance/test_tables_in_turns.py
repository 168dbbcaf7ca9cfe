"""Results of the company's tables in turns, in the memory of a conversation and in exports."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis

from appliance.domain.answers import (
    AnswerRequest,
    Conversation,
    Finished,
    ShownTurn,
    Tabled,
    TextDelta,
    TurnEvent,
)
from appliance.domain.data import QueryRun
from appliance.domain.people import Caller
from appliance.services.exports import as_markdown
from appliance.services.turns import NewTurn, Turns, as_state
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from appliance.storage.turns import PostgresTurns
from querying.types import ResultColumn, Rows
from tests.page_box import ScriptedAnswerer

ANA = Caller(uuid4(), "ana@example.org")
END = Finished("written", model="tiny")
NOON = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TALK = Conversation(uuid4(), "Ventas", NOON, NOON)


def _turns(database: Database, valkey: Redis, answerer: ScriptedAnswerer) -> Turns:
    return Turns(PostgresTurns(database), PostgresConversations(database), ValkeyTurnLog(valkey), answerer)


async def _all(turns: Turns, turn_id: UUID) -> list[TurnEvent]:
    async with asyncio.timeout(60):
        return [event async for event in await turns.follow(ANA, turn_id, 0) if event is not None]


def tabled() -> Tabled:
    """Two rows with what no Markdown, JSON and PostgreSQL like."""
    columns = (ResultColumn("producto", "text"), ResultColumn("importe", "float"))
    rows = Rows(columns, (("Café | \0", 1.5), (None, 2.0)))
    return Tabled(QueryRun(uuid4(), uuid4(), "Ventas", "SELECT 1", ("ventas",), rows, NOON))


async def test_a_result_is_kept_with_its_turn_and_its_query_is_remembered(
    database: Database, valkey: Redis
) -> None:
    """The page finds it again, the export shows it, and "and by month?" can go on from the SQL, Valkey or not."""
    asked: list[AnswerRequest] = []

    def script(request: AnswerRequest) -> list[Any]:
        asked.append(request)
        return [TextDelta("3 rows."), tabled(), END]

    turns = _turns(database, valkey, ScriptedAnswerer(script))
    turn = await turns.begin(ANA, NewTurn("How many?", "tiny"))
    events = await _all(turns, turn.id)
    again = _turns(database, valkey, ScriptedAnswerer(script))
    await valkey.flushall()
    following = await again.begin(ANA, NewTurn("And by month?", "tiny", turn.conversation_id))
    await _all(again, following.id)

    (table,) = as_state(events)["tables"]
    assert table["rows"] == [["Café | \ufffd", 1.5], [None, 2]] and table["row_count"] == 2
    assert asked[1].messages[1].content == "3 rows.\n\n```sql\nSELECT 1\n```"
    assert asked[0].via == "chat" and asked[0].turn_id == turn.id
    shown = ShownTurn(turn, events)
    markdown = as_markdown(replace(TALK, current_turn_id=turn.id), [shown], "es")
    assert "| producto | importe |\n| --- | --- |\n| Café \\| \ufffd | 1.5 |\n|  | 2.0 |" in markdown
    assert "_2 de 2 filas de Ventas, leídas el 2026-11-20 09:30_" in markdown
