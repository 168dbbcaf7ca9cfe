"""Two clouds behind the gateway, when nothing here answers: what a client sees of it, and what it costs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.bootstrap.inference import clouds_of
from appliance.bootstrap.ladder import LadderPlan
from appliance.domain.people import Caller
from appliance.fairness.accounting.cloud_prices import with_clouds
from appliance.fairness.accounting.pricing import ModelPrice, Prices
from appliance.fairness.ladder.settings import LadderSettings
from appliance.fairness.leaving.port import Leave, Reason, Stay
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.egress import Departure, Egress
from inference.testing.fake_cloud import FakeCloud, Trouble
from inference.testing.fake_engine import FakeEngine
from inference.types import EngineRequest, LeavePermit
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.observing import rows_of
from tests.gateway_harness import Gateway, engine_settings, running_gateway

ASKED = {"model": "big", "messages": [{"role": "user", "content": "One two three"}]}
PERMIT = LeavePermit("decision-1", "ana@example.com", "nothing here answers")


class EverythingLeaves:
    """A policy that permits."""

    async def decide(
        self, caller: Caller, model: str, request: EngineRequest, reason: Reason, waited_s: float = 0
    ) -> Leave | Stay:
        return Leave(PERMIT, replace(request, permit=PERMIT))

    def patience_s(self, caller: Caller, model: str) -> float | None:
        return None

    def could_leave(self, caller: Caller, model: str, reason: Reason = "asked_for") -> bool:
        return True


@dataclass
class World:
    """The gateway and two clouds; the engine of the box is off."""

    gateway: Gateway
    anthropic: FakeCloud
    openai: FakeCloud
    ledger: list[Departure]

    async def asked(self, **more: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer."""
        async with self.gateway.post("chat/completions", {**ASKED, **more}) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return response.status, headers, await response.read()


@pytest.fixture
async def world(servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[World]:
    """Anthropic's cloud first, OpenAI's kept for when that one cannot."""
    async with AsyncExitStack() as stack:
        off = FakeEngine(["big"])
        async with off:
            base_url = off.base_url
        anthropic = await stack.enter_async_context(FakeCloud("anthropic"))
        openai = await stack.enter_async_context(FakeCloud("openai"))
        ledger: list[Departure] = []
        engines = {
            "here": engine_settings(base_url, models=["big"]),
            "first": _cloud(anthropic, "claude-haiku-4-5"),
            "second": _cloud(openai, "gpt-5.4-mini", fallback_only=True),
        }
        own = Prices({"big": ModelPrice(input=1000, output=1000)}, "EUR")
        inside = [f"127.0.0.1:{cloud.port}" for cloud in (anthropic, openai)]
        gateway = await stack.enter_async_context(
            running_gateway(
                engines,
                valkey_url=servers.valkey.url,
                database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
                prices=with_clouds(own, clouds_of(engines), us_dollar=0.5),
                plan=LadderPlan(LadderSettings(), {}, EverythingLeaves()),
                egress=Egress([], ledger.append, inside=inside),
            )
        )
        yield World(gateway, anthropic, openai, ledger)


def _cloud(cloud: FakeCloud, theirs: str, **more: Any) -> Any:
    return engine_settings(
        cloud.base_url,
        kind="cloud",
        provider=cloud.provider,
        api_key=cloud.api_key,
        model_map={"big": theirs},
        **more,
    )


async def test_a_client_sees_who_answered_as_what_and_what_was_changed(world: World) -> None:
    """The answer names the cloud's own model, as OpenAI's own answers name the one behind an alias."""
    status, headers, body = await world.asked(top_k=5, temperature=1.5)

    answer = json.loads(body)
    assert (status, headers["x-served-by"]) == (200, "cloud:first")
    assert headers["x-parameters-changed"] == "temperature limited to 1, top_k dropped"
    assert answer["model"] == "claude-haiku-4-5"
    assert answer["choices"][0]["message"]["content"] == "Echo: One two three"


async def test_who_cannot_keep_the_promise_leaves_it_to_who_can(world: World) -> None:
    """Anthropic's routes ignore response_format, so it is not asked; OpenAI's is."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    status, headers, body = await world.asked(response_format=wanted)

    assert (status, headers["x-served-by"]) == (200, "cloud:second")
    assert json.loads(json.loads(body)["choices"][0]["message"]["content"]) == {"n": 1}
    assert world.anthropic.requests == []


async def test_a_cloud_that_is_ill_leaves_it_to_another_and_its_key_to_nobody(world: World) -> None:
    """Overloaded, or a key that is no longer good: the client gets an answer, and never hears of either."""
    world.anthropic.trouble = Trouble.OVERLOADED
    _, overloaded, _ = await world.asked()
    world.anthropic.trouble, world.anthropic.api_key = Trouble.NONE, "another"
    _, refused, body = await world.asked()

    assert overloaded["x-served-by"] == refused["x-served-by"] == "cloud:second"
    assert b"key" not in body


async def test_an_answer_costs_what_the_cloud_s_list_says(world: World, database: Database) -> None:
    """Streamed or whole, by the provider's own count, in the box's currency and not at the price of the box."""
    await world.asked()
    _, _, stream = await world.asked(stream=True)

    rows = await rows_of(database, count=2)
    for row in rows:
        prompt, cached, answer = row["prompt_tokens"], row["cached_tokens"], row["completion_tokens"]
        assert (prompt, answer, row["engine"]) == (3, 4, "first")
        dollars = ((prompt - cached) * 1 + cached * 0.1 + answer * 5) / 1e6
        assert float(row["cost"]) == pytest.approx(dollars * 0.5)
    assert len(rows) == 2
    assert stream.endswith(b"data: [DONE]\n\n")
