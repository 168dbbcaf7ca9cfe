"""Joins `/v1/responses`: the door on the fast path, the routes of what is kept, and the removal of what is old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from appliance.services.responses import Responses
from appliance.services.settings import ResponseSettings
from appliance.storage.database import Database
from appliance.storage.responses import PostgresResponses, ResponseRemoval


def build_responses(database: Database, settings: ResponseSettings) -> Responses:
    """database: as the api role, opened before the first call."""
    return Responses(PostgresResponses(database), retention_days=settings.retention_days)


async def remove_old_responses(database: Database, settings: ResponseSettings) -> int:
    """database: as the worker's role. Returns how many conversations were removed."""
    unused_since = datetime.now(UTC) - timedelta(days=settings.retention_days)
    return await ResponseRemoval(database).remove(unused_since, settings.max_mib_per_user * 2**20)
