"""Which parts are asked how they are, and how."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import AsyncConnection
from redis.asyncio import Redis

from appliance.bootstrap.box import Box
from appliance.bootstrap.entry import enter
from appliance.bootstrap.speech import speech_folder
from appliance.services.health import READY, HealthCheck, Probe
from appliance.services.watchdog import Found
from appliance.storage.database import Database
from appliance.storage.jobs import WORKER_LIVES, WORKER_LOCK_CLASS
from appliance.storage.roles import DatabaseRole
from inference.embedding.client import EmbedderClient

if TYPE_CHECKING:  # the worker's container looks with this module every few seconds, and needs no gate
    from appliance.bootstrap.gate import GateRoom


def build_health(
    box: Box,
    database: Database,
    valkey: Redis,
    embedder: EmbedderClient,
    room: GateRoom,
    found: Callable[[], Found] = Found,
) -> HealthCheck:
    """`/v1` needs PostgreSQL, Valkey, the embedder and the worker; the others are listed apart.

    found: what the watchdog found last.
    """
    recording, leases = room.gate.ledger.recording, room.gate.leases

    is_engine = box.settings.embedding.source == "engine"

    async def postgresql() -> str:
        async with database.connection() as connection:
            await connection.execute("SELECT 1")
        return READY

    async def answering() -> str:
        await valkey.ping()
        return READY

    async def embedding() -> str:
        wanted = (await embedder.served())[0]
        if not is_engine:  # one that is away is told below; search goes on by words
            await embedder.embed_query("ready", wanted.card.model_id if wanted.card else None)
        return READY

    async def embedding_engine() -> str:
        return (await embedder.served())[0].problem or READY

    async def worker() -> str:
        async with database.connection() as connection:
            row = await (await connection.execute(WORKER_LIVES, (WORKER_LOCK_CLASS,))).fetchone()
        return READY if row is not None and row[0] else "starting"

    async def ui() -> str:
        return await _listens(box.page_socket)

    async def speech() -> str:
        return await _listens(box.speech_socket)

    async def ledger() -> str:
        if not recording.is_spooling:
            return READY
        left_s = recording.contact.left_s
        return f"spooling, {recording.spooled_rows} rows; known callers are served for {left_s:.0f} s more"

    async def queue() -> str:
        return READY if leases.is_shared else "alone: this process serves a share of the slots by itself"

    async def circuits() -> str:
        out = [f"{one.engine} is out of rotation for {one.model}" for one in room.circuits.out()]
        return ", ".join(out) or READY

    async def watchdog() -> str:
        return ", ".join(f"{one.kind} {one.subject}" for one in found().findings) or READY

    required: dict[str, Probe] = {
        "postgresql": postgresql,
        "valkey": answering,
        "embedder": embedding,
        "worker": worker,
    }
    others: dict[str, Probe] = {
        "ledger": ledger,
        "queue": queue,
        "circuits": circuits,
        "watchdog": watchdog,
    }
    if is_engine:
        others["embedding_engine"] = embedding_engine
    if box.settings.server.run_page:
        others["ui"] = ui
    if speech_folder(box) is not None:
        others["speech"] = speech
    return HealthCheck(required, others)


async def _listens(socket: Path) -> str:
    with suppress(OSError):
        _, writer = await asyncio.open_unix_connection(str(socket))
        writer.close()
        return READY
    return "starting"


async def is_worker_alive(box: Box) -> bool:
    """For the worker's container, whose process alone says little."""
    async with await AsyncConnection.connect(box.database_url(DatabaseRole.WORKER)) as connection:
        row = await (await connection.execute(WORKER_LIVES, (WORKER_LOCK_CLASS,))).fetchone()
    return row is not None and bool(row[0])


if __name__ == "__main__":
    sys.exit(enter("health", lambda box, _options: 0 if asyncio.run(is_worker_alive(box)) else 1))
