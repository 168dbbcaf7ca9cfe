"""Which parts are asked how they are, and how."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from redis.asyncio import Redis

from appliance.bootstrap.box import Box
from appliance.services.health import READY, HealthCheck, Probe
from appliance.storage.database import Database
from appliance.supervisor.state import read_state
from inference.embedding.client import EmbedderClient

_WORKER_BEAT = (
    "SELECT coalesce(max(last_heartbeat) > now() - interval '40 seconds', false) FROM procrastinate_workers"
)


def build_health(box: Box, database: Database, valkey: Redis, embedder: EmbedderClient) -> HealthCheck:
    """`/v1` needs PostgreSQL, Valkey, the embedder and the worker; the page is listed apart."""

    async def postgresql() -> str:
        async with database.connection() as connection:
            await connection.execute("SELECT 1")
        return READY

    async def answering() -> str:
        await valkey.ping()
        return READY

    async def embedding() -> str:
        await embedder.embed_query("ready")
        return READY

    async def worker() -> str:
        supervised = await asyncio.to_thread(_supervised, box, "worker")
        if supervised is not None:
            return supervised
        async with database.connection() as connection:
            row = await (await connection.execute(_WORKER_BEAT)).fetchone()
        return READY if row is not None and row[0] else "starting"

    async def ui() -> str:
        with suppress(OSError):
            _, writer = await asyncio.open_unix_connection(str(box.page_socket))
            writer.close()
            return READY
        return "starting"

    required: dict[str, Probe] = {
        "postgresql": postgresql,
        "valkey": answering,
        "embedder": embedding,
        "worker": worker,
    }
    return HealthCheck(required, {"ui": ui} if box.settings.server.run_page else {})


def _supervised(box: Box, child: str) -> str | None:
    """What the supervisor of this box says of a child; None where there is no supervisor."""
    state = read_state(box.data)
    status = state.children.get(child) if state is not None else None
    return None if status is None else str(status.state.value)
