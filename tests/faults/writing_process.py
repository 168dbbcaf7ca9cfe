"""A process that writes one answer until it is killed: `python -m tests.faults.writing_process DATABASE VALKEY USER`.

Prints the turn's and the conversation's id, then adds a numbered word to the answer every few milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from itertools import count
from uuid import UUID

from redis.asyncio import Redis

from appliance.bootstrap.turns import join_turns
from appliance.domain.answers import AnswerEvent, AnswerRequest, TextDelta
from appliance.domain.people import Caller
from appliance.services.turns import NewTurn
from appliance.storage.database import Database


class Endless:
    """An answerer that never ends."""

    async def answer(self, caller: Caller, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        for number in count(1):
            yield TextDelta(f"word{number} ")
            await asyncio.sleep(0.005)


async def main(database_url: str, valkey_url: str, user: str) -> None:
    """Until somebody kills it."""
    database = Database(database_url, pool_size=2)
    await database.open()
    turns, _ = join_turns(database, Redis.from_url(valkey_url), Endless())
    turn = await turns.begin(Caller(UUID(user), ""), NewTurn("Talk.", "tiny"))
    sys.stdout.write(f"{turn.id} {turn.conversation_id}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
