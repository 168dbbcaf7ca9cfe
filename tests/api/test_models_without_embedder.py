"""The list of models while the embedding process is still starting, or is gone for good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from appliance.storage.roles import DatabaseRole, url_as
from inference.embedding.client import EmbedderClient
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str, tmp_path: Path
) -> AsyncIterator[Gateway]:
    """An engine answers; the embedding process never did."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=2)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        embedder=EmbedderClient(tmp_path / "nobody.sock", passages_patience_s=0.0),
    ) as running:
        yield running


async def test_the_list_of_models_leaves_out_what_has_not_answered(gateway: Gateway) -> None:
    """The engines' models are listed all the same."""
    headers = {"authorization": "Bearer ana"}
    async with gateway.session.get(f"{gateway.base_url}/v1/models", headers=headers) as response:
        assert response.status == 200
        assert [model["id"] for model in (await response.json())["data"]] == ["fake", "fake-embedder"]


async def test_an_unknown_model_stays_a_404(gateway: Gateway) -> None:
    """And not a 503 about a part that has nothing to do with it."""
    async with gateway.post("chat/completions", {"model": "gone", "messages": []}) as response:
        assert response.status in (400, 404)
    question = {"model": "gone", "messages": [{"role": "user", "content": "x"}]}
    async with gateway.post("chat/completions", question) as response:
        assert response.status == 404
        assert "fake" in (await response.json())["error"]["message"]


async def test_an_engine_embeds_without_the_embedding_process(gateway: Gateway) -> None:
    """Only the embedded model itself needs it."""
    async with gateway.post("embeddings", {"model": "fake-embedder", "input": "a"}) as response:
        assert response.status == 200
