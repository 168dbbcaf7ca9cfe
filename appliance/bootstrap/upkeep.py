"""Joins what the worker does beside its jobs for documents: watched folders, and versions whose time is over."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.domain.people import Caller
from appliance.errors import PartUnavailable
from appliance.services.chat_files import ChatFiles
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.knowledge.retention import VersionRetention
from appliance.services.knowledge.watching import FolderWatch
from appliance.services.settings import KnowledgeSettings
from appliance.storage.blobs import BlobStore
from appliance.storage.chat_files import PostgresChatFiles
from appliance.storage.collections import PostgresCollections
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.retired import RetiredVersions, person
from rag.stores.pgvector import PgvectorStore

logger = logging.getLogger(__name__)

_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What runs for as long as the worker does. chat_files: for the removal of conversations."""

    folders: FolderWatch
    retention: VersionRetention
    version_days: int
    chat_files: ChatFiles

    async def remove_old_versions_forever(self) -> None:
        """At the start, and then once an hour."""
        while True:
            try:
                removed = await self.retention.remove_before(
                    datetime.now(UTC) - timedelta(days=self.version_days)
                )
            except PartUnavailable:
                logger.warning("old versions could not be removed; trying again in an hour", exc_info=True)
            else:
                if removed:
                    logger.info("%d old versions of documents were removed", removed)
            await asyncio.sleep(_EVERY_S)


def build_upkeep(database: Database, blobs: BlobStore, settings: KnowledgeSettings) -> Upkeep:
    """database: as the worker's role."""
    store, jobs = PgvectorStore(), PostgresJobQueue(database)
    files = PostgresFiles(database, store, jobs)
    collections = PostgresCollections(database, store, jobs)
    knowledge = Knowledge(files, collections, blobs, settings)

    async def find_caller(email: str) -> Caller | None:
        return await person(database, email)

    folders = FolderWatch(settings.folders, knowledge, find_caller, time.time)
    retention = VersionRetention(RetiredVersions(database), files, collections, blobs)
    chat_files = ChatFiles(PostgresChatFiles(database), knowledge)
    return Upkeep(folders, retention, settings.version_days, chat_files)
