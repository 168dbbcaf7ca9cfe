"""What is held of a conversation beside the database goes with it, and the receipt says so."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from appliance.services.conversation_removal import ConversationRemoval
from appliance.storage.conversation_removal import PostgresConversationRemoval
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from tests.api.conversing import Browser, ana, box, luis
from tests.page_box import PageBox
from tests.waiting import until

__all__ = ["ana", "box", "luis"]


async def held(valkey: Redis, *, memories: bool) -> set[bytes]:
    """Names of what Valkey holds of turns: prompts' memories, or streams and texts of answers."""
    names = {name async for name in valkey.scan_iter("turn:*")}
    return {name for name in names if name.endswith(b":memory") == memories and not name.endswith(b":lease")}


async def remembered(valkey: Redis, count: int) -> None:
    """Returns once so many memories are held: they are written behind the end of an answer."""

    async def are_there() -> bool:
        return len(await held(valkey, memories=True)) == count

    await until(are_there)


async def test_memory_and_live_copies_go_with_the_conversation(
    ana: Browser, luis: Browser, valkey: Redis
) -> None:
    """Deleted for good: as many as there were are counted, and none is left; somebody else's stay."""
    turn = await ana.ask("dogs")
    await ana.ask("cats", conversation_id=turn["conversation_id"])
    await luis.ask("birds")
    await remembered(valkey, 2)  # one a person: the newest turn's
    memories, live = await held(valkey, memories=True), await held(valkey, memories=False)

    told = await ana.ok("DELETE", f"/conversations/{turn['conversation_id']}?now=true")

    left = await held(valkey, memories=True), await held(valkey, memories=False)
    removed = told["receipt"]["removed"]
    assert (removed["conversations"], removed["turns"]) == (1, 2)
    assert removed["memories"] == len(memories) - len(left[0]) == 1
    assert removed["live_texts"] == len(live) - len(left[1]) > 0
    assert len(left[0]) == 1 and left[1]


@pytest.mark.parametrize("comes_back", [False, True])
async def test_what_went_when_it_was_hidden_is_told_at_the_end(
    box: PageBox,
    ana: Browser,
    valkey: Redis,
    database: Database,
    worker_database: Database,
    comes_back: bool,
) -> None:
    """Hidden: nothing is held from that moment. Removed by the worker later: the receipt counts both times."""
    turn = await ana.ask("dogs")
    chat = turn["conversation_id"]
    await remembered(valkey, 1)
    await ana.ok("DELETE", f"/conversations/{chat}")
    assert await held(valkey, memories=True) == await held(valkey, memories=False) == set()
    if comes_back:
        await ana.ok("POST", f"/conversations/{chat}/restore")
        await ana.ask("cats", conversation_id=chat)
        await remembered(valkey, 1)
        await ana.ok("DELETE", f"/conversations/{chat}")
    async with database.viewing(box.people.by_email["ana@example.org"].viewer) as connection:
        await connection.execute("UPDATE conversations SET deleted_at = now() - interval '1 hour'")
    await _account(database, box)
    removal = ConversationRemoval(PostgresConversationRemoval(worker_database), None, ValkeyTurnLog(valkey))

    assert await removal.remove_due() == 1

    async with database.viewing(box.people.by_email["ana@example.org"].viewer) as connection:
        row = await (await connection.execute("SELECT removed FROM receipts")).fetchone()
    assert row is not None
    assert row[0]["memories"] == (2 if comes_back else 1)
    assert row[0]["live_texts"] > 0


async def _account(database: Database, box: PageBox) -> None:
    """The worker removes with an account's eyes."""
    user = box.people.by_email["ana@example.org"].user_id
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, 'ana@example.org', 'ana@example.org', 'user')",
            (user,),
        )
