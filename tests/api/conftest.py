"""A gateway before a stand-in engine, for the tests of the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from appliance.fairness.settings import GateSettings
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """A stand-in that runs two requests at once."""
    async with FakeEngine(models=("fake", "fake-embedder"), slots=8) as started:
        yield started


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """Two slots on the stand-in, places shown after a tenth of a second."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=2)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.1),
        aliases={"gpt-4o-mini": "fake"},
    ) as running:
        yield running
