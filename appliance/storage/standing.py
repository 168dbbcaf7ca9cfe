"""How things stand in the database, in numbers of nobody in particular."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from appliance.domain.people import Role, Viewer
from appliance.storage.database import Database

_NOBODY = Viewer(UUID(int=0), frozenset(), Role.AUDITOR)  # sees whose requests there were, and no document
_JOBS: LiteralString = """
SELECT count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing'),
       count(*) FILTER (WHERE status = 'failed'), min(id) FILTER (WHERE status = 'todo')
FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')
"""
_WAITS: LiteralString = (
    "SELECT extract(epoch FROM now() - min(at)) FROM procrastinate_events WHERE job_id = %s"
)
_ACTIVE: LiteralString = (
    "SELECT count(DISTINCT user_id) FROM requests WHERE started_at > now() - interval '5 minutes'"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """jobs: by state (waiting, running, failed). active_people: with a request in the last five minutes."""

    jobs: Mapping[str, int]
    oldest_wait_s: float
    active_people: int


async def standing(database: Database) -> Standing:
    """database: as the api role. Raises PartUnavailable."""
    async with database.viewing(_NOBODY) as connection:
        jobs = await (await connection.execute(_JOBS)).fetchone()
        waiting, running, failed, oldest = jobs or (0, 0, 0, None)
        waits = await (await connection.execute(_WAITS, (oldest,))).fetchone()
        active = await (await connection.execute(_ACTIVE)).fetchone()
    return Standing(
        {"waiting": waiting, "running": running, "failed": failed},
        float((waits and waits[0]) or 0),
        int(active[0]) if active else 0,
    )
