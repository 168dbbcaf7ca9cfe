"""A gateway process killed in the middle of an answer: what was written is there, and one click completes it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from redis.asyncio import Redis

from appliance.bootstrap.turns import join_turns
from appliance.domain.answers import Finished, TextDelta
from appliance.domain.people import Caller
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.turn_log import ValkeyTurnLog
from tests.conftest import ROLE_SECRET, Servers
from tests.page_box import ScriptedAnswerer
from tests.waiting import until

ANA = Caller(uuid4(), "ana@example.org")


@asynccontextmanager
async def _writing(
    servers: Servers, owner_url: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, UUID, UUID]]:
    """(process, turn, conversation)"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.writing_process",
        url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        servers.valkey.url,
        str(ANA.user_id),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        turn, conversation = (await process.stdout.readline()).decode().split()
        yield process, UUID(turn), UUID(conversation)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _text(log: ValkeyTurnLog, turn: UUID, least: int) -> str:
    async def is_there() -> bool:
        return len(await log.text(turn)) >= least

    await until(is_there)
    return await log.text(turn)


async def test_a_killed_writer_loses_no_word_that_was_shown(
    servers: Servers, owner_url: str, database: Database, valkey: Redis
) -> None:
    """Interrupted for every reader, with more than PostgreSQL had at that moment; continuing ends with the whole."""
    log = ValkeyTurnLog(valkey)
    rest = ScriptedAnswerer(lambda _request: [TextDelta("and the end."), Finished("written")])
    turns, conversations = join_turns(database, valkey, rest)
    async with _writing(servers, owner_url) as (process, turn, conversation):
        shown = await _text(log, turn, 60)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with asyncio.timeout(60):
        events = [event async for event in await turns.follow(ANA, turn) if event is not None]
    _, (interrupted,), _ = await conversations.one(ANA, conversation)
    resumed = await turns.resume(ANA, turn)
    async with asyncio.timeout(60):
        last = [event async for event in await turns.follow(ANA, resumed.id) if event is not None][-1]
    found, (completed,), _ = await conversations.one(ANA, conversation)

    assert events[-1].data == {"code": "turn_interrupted"}
    kept = interrupted.turn.answer
    assert interrupted.turn.status == "interrupted" and kept.startswith(shown)
    assert kept.split() == [f"word{number}" for number in range(1, len(kept.split()) + 1)]
    assert rest.asked[0][1].partial == kept
    assert last.kind == "done" and completed.turn.status == "done"
    assert completed.turn.answer == f"{kept}and the end."
    assert completed.version_ids == (turn, resumed.id) and found.current_turn_id == resumed.id


async def test_who_opens_the_conversation_first_finds_it_ended(
    servers: Servers, owner_url: str, database: Database, valkey: Redis
) -> None:
    """Nobody need follow the stream: opening the conversation, or continuing the answer, settles it as well."""
    turns, conversations = join_turns(
        database, valkey, ScriptedAnswerer(lambda _request: [Finished("written")])
    )
    async with _writing(servers, owner_url) as (process, turn, conversation):
        await _text(ValkeyTurnLog(valkey), turn, 20)
        process.kill()
        await process.wait()
    await valkey.delete(f"turn:{turn}:lease")  # as after its five seconds
    _, (shown,), _ = await conversations.one(ANA, conversation)

    assert shown.turn.status == "interrupted"
    assert (await turns.resume(ANA, turn)).answer == shown.turn.answer
    await turns.close()
