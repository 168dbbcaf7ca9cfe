"""Documents while the embedding model is away: they wait as long as it takes, say so, and go on by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.services.knowledge.ingestion import MAX_ATTEMPTS
from appliance.storage.database import Database
from inference.errors import EmbedderUnavailable
from tests.ingestion_desk import CountingEmbedder, Desk, ana, document

ANA = ana()


@pytest.fixture
def desk(database: Database, worker_database: Database, tmp_path: Path) -> Desk:
    """Nothing in it."""
    return Desk(database, worker_database, tmp_path)


async def test_documents_wait_for_the_embedding_model_and_say_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often than a document is ever tried: it is never given up, and read once the model answers."""
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, document("one apple"))

    async def away(*_: object) -> None:
        raise EmbedderUnavailable("The engine is being moved.")

    with monkeypatch.context() as moved:
        moved.setattr(CountingEmbedder, "embed_passages", away)
        for _ in range(MAX_ATTEMPTS + 2):
            assert await desk.work() == 0
        waiting = await desk.knowledge.attached(ANA, shelf, file)
    await desk.work()
    read = await desk.knowledge.attached(ANA, shelf, file)

    assert (waiting.status, waiting.stage) == ("in_progress", "waiting")
    assert ["embedding model" in note for note in waiting.notes] == [True]
    assert (read.status, list(read.notes)) == ("completed", [])
    assert await desk.found(ANA, shelf, "apple") == ["a.json"]
