"""How far a document is may be told at any moment, also while its end is being written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from appliance.domain.documents import ReadingProgress
from appliance.storage.database import Database
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.reading import PostgresReading
from tests.ingestion_desk import Desk, ana, document

ANA = ana()
PATIENCE_S = 120.0  # it would wait for ever


async def test_progress_waits_for_nobody_who_holds_the_document(
    database: Database, worker_database: Database, tmp_path: Path
) -> None:
    """Whoever writes the end holds the row; progress is left out meanwhile, and told again afterwards."""
    desk = Desk(database, worker_database, tmp_path)
    reading = PostgresReading(worker_database, PostgresJobQueue(worker_database))
    shelf = await desk.collection(ANA)
    file = await desk.add(ANA, shelf, document("a page"))
    half = ReadingProgress("embedding", 0.5, 1)

    async with reading.scope(ANA.viewer, shelf, file).connection(), asyncio.timeout(PATIENCE_S):
        await reading.advance(ANA.viewer, shelf, file, half)
    before = (await desk.knowledge.attached(ANA, shelf, file)).progress
    await reading.advance(ANA.viewer, shelf, file, half)

    assert (before, (await desk.knowledge.attached(ANA, shelf, file)).progress) == (0, 0.5)
