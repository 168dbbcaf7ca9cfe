"""What is looked at after a fault, through the public faces: `/metrics`, the engine, and a person's own rows."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from appliance.storage.database import Database
from tests.gateway_harness import Gateway, person, until


async def metric(gateway: Gateway, name: str) -> float:
    """The sum of a metric over its labels."""
    headers = {"authorization": "Bearer operator"}
    async with gateway.session.get(f"{gateway.base_url}/metrics", headers=headers) as response:
        page = await response.text()
    return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)))


async def until_metric(gateway: Gateway, name: str, wanted: float, timeout_s: float = 60.0) -> None:
    """Look until it has that value."""

    async def has_it() -> bool:
        return await metric(gateway, name) == wanted

    await until(has_it, timeout_s)


async def nothing_is_held(gateway: Gateway) -> None:
    """No slot and no place in line."""
    await until_metric(gateway, "appliance_running_requests", 0)
    await until_metric(gateway, "appliance_waiting_requests", 0)


async def rows_of(database: Database, name: str = "ana", count: int = 1) -> list[dict[str, Any]]:
    """A person's rows, oldest first, once there are so many and none is open any more."""
    async with asyncio.timeout(60):
        while True:
            async with database.viewing(person(name).viewer) as connection:
                cursor = await connection.execute("SELECT to_jsonb(r) FROM requests r ORDER BY id")
                rows = [row[0] for row in await cursor.fetchall()]
            if len(rows) >= count and all(row["status"] != "started" for row in rows):
                return rows
            await asyncio.sleep(0.02)
