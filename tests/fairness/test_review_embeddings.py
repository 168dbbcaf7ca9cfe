"""The embedding model of the box is no way around turns and limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray
from redis.asyncio import Redis

from appliance.fairness.limits.policy import Limit, Policy
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, person, running_gateway, until

MODEL = "small-embedder"
LIMITED = person("limited")


class HeldEmbedder:
    """Embeds when it is let; remembers the order in which it was asked and how many at once."""

    model_id, dimension, max_tokens = MODEL, 3, 256

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.running = self.peak = 0
        self.may_end = asyncio.Semaphore(0)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return np.ones(3, dtype=np.float32)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(texts[0])
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await self.may_end.acquire()
        finally:
            self.running -= 1
        return np.ones((len(texts), 3), dtype=np.float32)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def embedder() -> HeldEmbedder:
    """One that holds everything."""
    return HeldEmbedder()


@pytest.fixture
async def gateway(
    servers: Servers, valkey: Redis, owner_url: str, embedder: HeldEmbedder
) -> AsyncIterator[Gateway]:
    """No engine; one person may ask twice a minute."""
    limit = Limit(uuid4(), "user", str(LIMITED.user_id), "requests_per_minute", 2)
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            running_gateway(
                {},
                valkey_url=servers.valkey.url,
                database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
                embedder=embedder,
                policy=Policy(limits=[limit]),
            )
        )


async def ask(gateway: Gateway, text: str, key: str) -> int:
    """The status."""
    async with gateway.post("embeddings", {"model": MODEL, "input": text}, key=key) as response:
        await response.read()
        return response.status


async def test_somebody_else_does_not_wait_behind_a_crowd_of_one(
    gateway: Gateway, embedder: HeldEmbedder
) -> None:
    """Of fifty requests of one person fifteen are in the process; the sixteenth place is kept for another."""
    flood = [asyncio.create_task(ask(gateway, f"flood {n}", "ana")) for n in range(50)]
    await until(lambda: (len(embedder.asked), gateway.room.gate.leases.requests.waiting) == (15, 35))
    polite = asyncio.create_task(ask(gateway, "polite", "bea"))
    await until(lambda: len(embedder.asked) == 16)

    assert embedder.asked[15] == "polite"
    for _ in range(51):
        embedder.may_end.release()
    assert {*await asyncio.gather(*flood), await polite} == {200}
    assert embedder.peak <= 16


async def test_limits_count_embeddings_too(gateway: Gateway, embedder: HeldEmbedder) -> None:
    """The third request within the minute is refused, and its body says so."""
    for _ in range(3):
        embedder.may_end.release()

    assert [await ask(gateway, "text", "limited") for _ in range(3)] == [200, 200, 429]
    embedder.may_end.release()
    assert await ask(gateway, "text", "ana") == 200


async def test_who_leaves_gives_the_place_back(gateway: Gateway, embedder: HeldEmbedder) -> None:
    """In the process or in line."""
    asked = [asyncio.create_task(ask(gateway, f"{n}", "ana")) for n in range(20)]
    await until(lambda: gateway.room.gate.leases.requests.waiting == 5)

    for one in asked:
        one.cancel()

    await until(
        lambda: (
            gateway.room.gate.leases.requests.waiting == 0 and not gateway.room.gate.leases.requests.running
        )
    )
    assert embedder.running == 0
