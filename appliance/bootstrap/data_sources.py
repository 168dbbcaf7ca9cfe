"""Data sources as administrators manage them, joined; and what reads their schemas, at night by itself."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from functools import partial

from fastapi import APIRouter

from appliance.api.data_sources import Connecting, data_source_routes
from appliance.api.identity import Identity
from appliance.bootstrap.box import Box
from appliance.bootstrap.canaries import seconds_until
from appliance.bootstrap.data_connecting import Places, connections_of, kept_settings
from appliance.errors import PartUnavailable
from appliance.ports.data import DataDesk
from appliance.services.data.connections import Connections
from appliance.services.data.looking import Looking
from appliance.services.data.refreshing import NightlyRefresh
from appliance.services.data.source_tables import SourceTables
from appliance.services.data.sources import Sources
from appliance.storage.data_sources import PostgresDataSources
from appliance.storage.database import Database
from appliance.storage.shares import PostgresShares
from inference.personal_data.patterns import PatternDetector
from querying.connectors import CONNECTORS
from querying.types import Caps

logger = logging.getLogger(__name__)


def build_source_routes(
    box: Box, database: Database, connections: Connections, desk: DataDesk, caps: Caps, identity: Identity
) -> APIRouter:
    """/api/data. database: of the api role. caps: of the configuration."""
    files = Places.of(box)
    files.prepare()
    repository, looking = PostgresDataSources(database), build_looking(connections)
    sources = Sources(
        repository, connections, looking, partial(kept_settings, files), PostgresShares(database)
    )
    told = Connecting(str(files.passwords), str(files.databases), tuple(CONNECTORS), caps)
    return data_source_routes(sources, SourceTables(sources, repository, looking), desk, told, identity)


def build_looking(connections: Connections) -> Looking:
    """What reads schemas, for administrators and for the worker at night."""
    return Looking(connections, PatternDetector(), lambda: datetime.now(UTC), time.monotonic)


async def refresh_nightly(box: Box, database: Database) -> None:
    """Once a day at `data.refresh_hour`, until cancelled. database: of the worker role."""
    hour = box.settings.data.refresh_hour
    if hour is None:
        return
    connections = connections_of(box)
    nightly = NightlyRefresh(PostgresDataSources(database), build_looking(connections))
    try:
        while True:
            await asyncio.sleep(seconds_until(hour, datetime.now().astimezone()))
            try:
                done = await nightly.refresh_all()
            except PartUnavailable:
                logger.warning("the data sources could not be read; trying again tomorrow", exc_info=True)
            else:
                logger.info(
                    "data sources: %d read, %d drifted, %d failed", done.read, done.drifted, done.failed
                )
    finally:
        await connections.close()
