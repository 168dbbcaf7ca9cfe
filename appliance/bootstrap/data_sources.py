"""Data sources as administrators manage them, joined; and what reads their schemas."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial

from fastapi import APIRouter

from appliance.api.data_sources import Connecting, data_source_routes
from appliance.api.identity import Identity
from appliance.bootstrap.box import Box
from appliance.bootstrap.data_connecting import Places, kept_settings
from appliance.ports.data import DataDesk
from appliance.services.data.connections import Connections
from appliance.services.data.looking import Looking
from appliance.services.data.source_tables import SourceTables
from appliance.services.data.sources import Sources
from appliance.storage.data_sources import PostgresDataSources
from appliance.storage.database import Database
from appliance.storage.shares import PostgresShares
from inference.personal_data.patterns import PatternDetector
from querying.connectors import CONNECTORS
from querying.types import Caps


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
