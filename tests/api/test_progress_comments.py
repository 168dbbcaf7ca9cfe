"""How far documents are read, on the routes of `/v1`: comments that clients ignore and that keep a stream alive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Finished, Progressed, TextDelta
from appliance.domain.people import Caller
from appliance.ports import Search
from appliance.storage.roles import DatabaseRole, url_as
from inference.ports import ChatEngine
from inference.testing.fake_engine import FakeEngine
from rag.coverage import Coverage
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway

COVERAGE = Coverage(UUID(int=5), "lease.pdf", 8, 10, 0.8, (("9–10", "too_long"),))


class Slowly:
    """Reads forty parts and says what it covered."""

    name = "summarise"

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields progress, text and the end."""
        yield Progressed("summarising", 12, 40)
        yield TextDelta("A lease.")
        yield Cited(())
        yield Finished("written", model=self.name, coverage=(COVERAGE,))


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """With that pipeline."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"])},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        pipelines={"summarise": Slowly()},
    ) as running:
        yield running


@pytest.mark.parametrize(
    ("route", "asked"),
    [
        ("chat/completions", {"messages": [{"role": "user", "content": "Summarise"}]}),
        ("responses", {"input": "Summarise"}),
    ],
)
async def test_streams_tell_how_far_it_is_and_answers_what_was_covered(
    gateway: Gateway, route: str, asked: dict[str, object]
) -> None:
    """A comment before the first word, none for whoever switched them off; the coverage beside both kinds of answer."""
    body = {"model": "summarise", **asked}
    async with gateway.post(route, {**body, "stream": True}) as response:
        told = await response.text()
    async with gateway.post(route, {**body, "stream": True}, x_queue_comments="off") as response:
        silent = await response.text()
    async with gateway.post(route, body) as response:
        whole = await response.json()

    assert told.index(": summarising 12 of 40") < told.index("A lease.")
    assert "summarising" not in silent and '"coverage"' in told and '"coverage"' in silent
    (coverage,) = whole["appliance"]["coverage"]
    assert coverage == {
        "file_id": f"file-{COVERAGE.file_id.hex}",
        "filename": "lease.pdf",
        "pages_read": 8,
        "pages": 10,
        "share": 0.8,
        "left_out": [{"pages": "9–10", "reason": "too_long"}],
    }
