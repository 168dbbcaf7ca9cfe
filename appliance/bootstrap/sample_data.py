"""The sample sales as a source that everybody may ask, with its saved questions; made at the very first start."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from appliance.bootstrap.box import Box
from appliance.bootstrap.data import build_data
from appliance.bootstrap.data_connecting import Places, kept_settings
from appliance.bootstrap.data_sources import build_looking
from appliance.domain.data import SavedQuestion
from appliance.domain.data_sources import NewSource
from appliance.domain.people import Caller
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.services.data.sample_sales import (
    DESCRIPTION,
    QUESTIONS,
    SAMPLE_SALES,
    TABLES,
    write_sample_sales,
)
from appliance.services.data.source_tables import SourceTables
from appliance.services.data.sources import EVERYBODY, Sources
from appliance.storage.data_sources import PostgresDataSources
from appliance.storage.database import Database
from appliance.storage.shares import PostgresShares
from inference.ports import Embedder

logger = logging.getLogger(__name__)

FILE = "tramontel.sqlite"


async def ensure_sample_sales(
    box: Box, database: Database, embedder: Embedder, administrator: Caller, today: date
) -> None:
    """A second call changes nothing. database: of the api role."""
    room = build_data(box, database, CollectorRegistry(), embedder)
    try:
        repository, looking = PostgresDataSources(database), build_looking(room.connections)
        files = Places.of(box)
        files.prepare()
        sources = Sources(
            repository, room.connections, looking, partial(kept_settings, files), PostgresShares(database)
        )
        if any(one.source.name == SAMPLE_SALES for one in await sources.overviews(administrator)):
            return
        await asyncio.to_thread(_write, Path(files.databases) / FILE, today)
        new = NewSource(SAMPLE_SALES, "sqlite", {"path": FILE}, DESCRIPTION)
        added = (await sources.add(administrator, new)).source
        await SourceTables(sources, repository, looking).choose(
            administrator, added.id, dict.fromkeys(TABLES)
        )
        await sources.give(administrator, added.id, EVERYBODY)
        for one in QUESTIONS:
            draft = SavedQuestion(
                uuid7(), added.id, one.question, one.sql, one.language, one.wordings, one.parameters
            )
            kept = await room.saved_room.book.save(administrator, draft, is_proposed=False)
            await room.saved_room.book.verify(administrator, kept.saved.id, is_good=True)
    finally:
        await room.close()


def _write(path: Path, today: date) -> None:
    """Whole or not at all: an interrupted start may have left a part of it."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    write_sample_sales(part, today)
    part.chmod(0o400)
    part.replace(path)
