"""What the worker removes by itself: deleted conversations after two minutes, silent temporary ones after an hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from appliance.bootstrap.upkeep import Upkeep, build_upkeep
from appliance.domain.answers import Conversation, Feedback, Turn
from appliance.domain.people import Viewer
from appliance.errors import NotFound
from appliance.services.conversation_removal import ConversationRemoval
from appliance.services.settings import KnowledgeSettings
from appliance.storage.blobs import BlobStore
from appliance.storage.chat_files import PostgresChatFiles
from appliance.storage.conversation_removal import PostgresConversationRemoval
from appliance.storage.conversations import PostgresConversations
from appliance.storage.database import Database
from appliance.storage.receipts import PostgresReceipts
from appliance.storage.turns import PostgresTurns
from rag.stores.pgvector import PgvectorStore
from tests.library import Library

START = datetime.now(UTC)


class Clock:
    """Says what it was told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Desk:
    """The gateway's side and the worker's, on one clock."""

    def __init__(self, database: Database, worker_database: Database, upkeep: Upkeep) -> None:
        self.database, self.clock = database, Clock()
        self.turns, self.conversations = PostgresTurns(database), PostgresConversations(database)
        self.receipts = PostgresReceipts(database)
        self.gateway = ConversationRemoval(PostgresConversationRemoval(database), None, now=self.clock)
        self.worker = ConversationRemoval(
            PostgresConversationRemoval(worker_database), upkeep.chat_files, now=self.clock
        )

    async def person(self) -> Viewer:
        """Somebody with an account."""
        user_id = uuid4()
        async with self.database.connection() as connection:
            await connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
                (user_id, f"{user_id}@example.org", f"{user_id}@example.org"),
            )
        return Viewer(user_id)

    async def chat(self, viewer: Viewer, *, is_temporary: bool = False) -> UUID:
        """A conversation of one answered question."""
        chat = uuid4()
        turn = Turn(uuid4(), chat, "dogs", "tiny", "running", START)
        await self.turns.begin(viewer, turn, "dogs", is_temporary=is_temporary)
        await self.turns.finish(viewer, turn.id, "done", "About dogs.", [])
        await self.turns.rate(viewer, turn.id, Feedback("up"))
        return chat

    async def is_there(self, viewer: Viewer, chat: UUID) -> bool:
        async with self.database.viewing(viewer) as connection:
            rows = await connection.execute("SELECT count(*) FROM conversations WHERE id = %s", (chat,))
            return await rows.fetchone() == (1,)


@pytest.fixture
async def desk(database: Database, worker_database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """Both sides, and a folder for contents."""
    blobs = BlobStore(tmp_path / "blobs", worker_database)
    blobs.open()
    yield Desk(database, worker_database, build_upkeep(worker_database, blobs, KnowledgeSettings()))


async def test_a_deleted_conversation_goes_after_two_minutes(desk: Desk) -> None:
    """Not before; then for good, and its person finds a receipt with what went."""
    ana = await desk.person()
    chat, kept = await desk.chat(ana), await desk.chat(ana)
    undo_until = await desk.gateway.hide(ana, chat)

    assert await desk.worker.remove_due() == 0
    desk.clock.now = undo_until
    assert await desk.worker.remove_due() == 1
    with pytest.raises(NotFound):
        await desk.gateway.show(ana, chat)

    (receipt,) = await desk.receipts.receipts(ana, None, 10)
    assert (receipt.kind, receipt.subject_id) == ("conversation", chat)
    assert {name: receipt.removed[name] for name in ("conversations", "turns", "feedback")} == {
        "conversations": 1,
        "turns": 1,
        "feedback": 1,
    }
    assert not await desk.is_there(ana, chat) and await desk.is_there(ana, kept)


async def test_what_was_had_back_is_not_removed(desk: Desk) -> None:
    """The undo is complete: the worker leaves it alone from then on."""
    ana = await desk.person()
    chat = await desk.chat(ana)
    await desk.gateway.hide(ana, chat)
    await desk.gateway.show(ana, chat)
    desk.clock.now += timedelta(days=1)

    assert await desk.worker.remove_due() == 0
    assert (await desk.conversations.conversation(ana, chat)).title == "dogs"


async def test_a_temporary_chat_is_forgotten_after_an_hour_of_silence(desk: Desk) -> None:
    """Without a receipt: nothing says that it ever was. Others stay."""
    ana = await desk.person()
    chat, kept = await desk.chat(ana, is_temporary=True), await desk.chat(ana)
    empty = Conversation(uuid4(), "", START, START, is_temporary=True)
    await desk.conversations.begin(ana, empty)

    desk.clock.now = START + timedelta(minutes=59)
    assert await desk.worker.remove_due() == 0
    desk.clock.now = datetime.now(UTC) + timedelta(hours=1, seconds=1)
    assert await desk.worker.remove_due() == 2

    assert await desk.receipts.receipts(ana, None, 10) == []
    assert not await desk.is_there(ana, chat) and not await desk.is_there(ana, empty.id)
    assert await desk.is_there(ana, kept)


@pytest.mark.parametrize("is_temporary", [False, True])
async def test_files_of_a_chat_go_with_it(
    desk: Desk, database: Database, worker_database: Database, is_temporary: bool
) -> None:
    """Hidden from their owner as long as the chat is; then rows, index and collection are gone."""
    ana = await desk.person()
    chat = await desk.chat(ana, is_temporary=is_temporary)
    library = Library(worker_database, database, PgvectorStore())
    file = await library.file(ana, "contract.pdf")
    collection = await PostgresChatFiles(database).make_collection(ana, chat, uuid4())
    await library.link(ana, file, collection)

    async def seen() -> list[int]:
        async with database.viewing(ana) as connection:
            return [
                (
                    await (await connection.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
                    or (0,)
                )[0]
                for table in ("files", "collections")
            ]

    assert await seen() == [1, 1]
    if not is_temporary:
        await desk.gateway.hide(ana, chat)
        assert await seen() == [0, 0]
        await desk.gateway.show(ana, chat)
        assert await seen() == [1, 1]
        await desk.gateway.hide(ana, chat)
    desk.clock.now = datetime.now(UTC) + timedelta(hours=2)
    assert await desk.worker.remove_due() == 1

    assert await seen() == [0, 0]
    kinds = {receipt.kind for receipt in await desk.receipts.receipts(ana, None, 10)}
    assert kinds == (set() if is_temporary else {"file", "conversation"})


async def test_a_removal_that_was_cut_off_is_finished(desk: Desk) -> None:
    """Deleting at once marks it first: killed behind that, the worker does the rest."""
    ana = await desk.person()
    chat = await desk.chat(ana)
    await PostgresConversationRemoval(desk.database).hide(ana, chat, None)

    assert await desk.worker.remove_due() == 1
    assert not await desk.is_there(ana, chat)
