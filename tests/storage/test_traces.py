"""What an old trace still says to somebody whose rights have changed since."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from appliance.domain.answers import Turn
from appliance.domain.people import Viewer
from appliance.storage.database import Database
from appliance.storage.turns import PostgresTurns
from rag.stores.pgvector import PgvectorStore
from rag.trace import Trace, Traced
from tests.library import Library

GROUP = UUID(int=7)


async def _kept(turns: PostgresTurns, viewer: Viewer, trace: Trace) -> UUID:
    turn = Turn(uuid4(), uuid4(), "How many?", "answer-with-sources", "running", datetime.now(UTC))
    await turns.begin(viewer, turn, "How many?")
    await turns.finish(viewer, turn.id, "done", "", [], trace.as_json())
    return turn.id


async def test_a_trace_names_only_what_its_reader_may_still_see(
    worker_database: Database, database: Database
) -> None:
    """With the right to a document its name, page and ids leave old traces; with the right back they return."""
    library = Library(worker_database, database, PgvectorStore())
    owner, member = Viewer(uuid4()), Viewer(uuid4(), group_ids=frozenset({GROUP}))
    async with database.viewing(Viewer(owner.user_id, group_ids=frozenset({GROUP}))) as connection:
        collection = uuid4()
        await connection.execute(
            "INSERT INTO collections (id, name, owner_group_id, created_by) VALUES (%s, 'Test', %s, %s)",
            (collection, GROUP, owner.user_id),
        )
    secret = await library.file(owner, "secret-plan.pdf")
    await library.link(Viewer(owner.user_id, group_ids=frozenset({GROUP})), secret, collection)
    own = await library.file(member, "mine.pdf")
    found = (Traced(11, secret, "secret-plan.pdf", 3, 0.8), Traced(12, own, "mine.pdf", 1, 0.7))
    left_out = (Traced(13, secret, "secret-plan.pdf", 4, 0.5, reason="beyond the number asked for"),)
    turns = PostgresTurns(database)
    turn = await _kept(turns, member, Trace(("How many?",), "en", found=found, dropped=left_out))

    before = await turns.trace(member, turn)
    after = await turns.trace(Viewer(member.user_id), turn)

    assert before is not None and after is not None
    assert [one["filename"] for one in before["found"]] == ["secret-plan.pdf", "mine.pdf"]
    assert "secret" not in str(after) and str(secret) not in str(after)
    assert after["found"] == [{"score": 0.8, "withheld": True}, before["found"][1]]
    assert after["dropped"] == [{"score": 0.5, "reason": "beyond the number asked for", "withheld": True}]
    assert await turns.trace(member, turn) == before
