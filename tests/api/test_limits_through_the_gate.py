"""Limits as a client meets them: through the real gateway, queue and ledger, on a stand-in engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.fairness.admission import AppliedLimit, LimitKind
from appliance.fairness.limits.budget_seeding import CountersInValkey
from appliance.fairness.limits.policy import EVERYONE, Limit, Policy, SubjectKind
from appliance.fairness.queue.script import PREFIX
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

ASK = {"model": "fake", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 20}


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """Four slots, and an alias."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=4)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        aliases={"gpt-4o-mini": "fake"},
    ) as running:
        yield running


def decide(
    gateway: Gateway, kind: LimitKind, most: int, on: SubjectKind = "everyone", subject: str = EVERYONE
) -> None:
    """What the operator decides from now on."""
    policy = Policy(limits=[Limit(UUID(int=1), on, subject, kind, most)])
    gateway.room.gate.policy = lambda: policy


async def test_an_answer_tells_what_is_left(gateway: Gateway) -> None:
    """Whole or streamed, in OpenAI's headers."""
    decide(gateway, "requests_per_minute", 10)

    async with gateway.post("chat/completions", ASK) as whole:
        await whole.read()
    async with gateway.post("chat/completions", {**ASK, "stream": True}) as streamed:
        await streamed.read()

    assert (whole.status, streamed.status) == (200, 200)
    assert whole.headers["x-ratelimit-limit-requests"] == "10"
    assert whole.headers["x-ratelimit-remaining-requests"] == "9"
    assert streamed.headers["x-ratelimit-remaining-requests"] == "8"


async def test_a_response_tells_what_is_left(gateway: Gateway) -> None:
    """The same headers on /v1/responses, whole or streamed."""
    decide(gateway, "requests_per_minute", 10)
    ask = {"model": "fake", "input": "one two three", "max_output_tokens": 20, "store": False}

    async with gateway.post("responses", ask) as whole:
        await whole.read()
    async with gateway.post("responses", {**ask, "stream": True}) as streamed:
        await streamed.read()

    assert (whole.status, streamed.status) == (200, 200)
    assert whole.headers["x-ratelimit-limit-requests"] == "10"
    assert whole.headers["x-ratelimit-remaining-requests"] == "9"
    assert streamed.headers["x-ratelimit-remaining-requests"] == "8"


async def test_without_limits_nothing_is_told(gateway: Gateway) -> None:
    """No header is made up."""
    async with gateway.post("chat/completions", ASK) as answer:
        assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


async def test_one_persons_limit_is_no_others(gateway: Gateway) -> None:
    """Everyone's limit is each person's own; whoever has reached it is told when to come back."""
    decide(gateway, "requests_per_minute", 1)
    async with gateway.post("chat/completions", ASK) as first:
        assert first.status == 200

    async with gateway.post("chat/completions", ASK) as second:
        refused = await second.json()
    async with gateway.post("chat/completions", ASK, key="eva") as other:
        assert other.status == 200

    assert second.status == 429
    assert refused["error"]["code"] == "rate_limit_exceeded"
    assert 0 < int(second.headers["retry-after-ms"]) <= 60_000
    assert 0 < int(second.headers["retry-after"]) <= 60
    assert second.headers["x-ratelimit-remaining-requests"] == "0"


async def test_unused_tokens_are_given_back(gateway: Gateway, valkey: Redis) -> None:
    """What counts in the end is what the engine says was used."""
    decide(gateway, "tokens_per_day", 10_000)
    scope = f"user:{person('ana').user_id}"
    counters = CountersInValkey(valkey, PREFIX)

    async with gateway.post("chat/completions", {**ASK, "max_tokens": 4000}) as answer:
        usage = (await answer.json())["usage"]

    async def is_settled() -> bool:
        (state,) = await counters.states([AppliedLimit(scope, "tokens_per_day", 10_000)])
        return bool(state.remaining == 10_000 - usage["total_tokens"])

    await until(is_settled)


@pytest.mark.parametrize("kind", ["tokens_per_minute", "tokens_per_month"])
async def test_a_request_that_never_fits_is_told_so_and_holds_up_nobody(
    gateway: Gateway, kind: LimitKind
) -> None:
    """It is refused at once, not to be tried again; what fits goes on."""
    decide(gateway, kind, 300)
    long = {**ASK, "messages": [{"role": "user", "content": "word " * 2000}]}

    async with gateway.post("chat/completions", long) as never:
        refused = await never.json()
    async with gateway.post("chat/completions", ASK) as fits:
        assert fits.status == 200

    assert (never.status, never.headers["x-should-retry"]) == (429, "false")
    assert "retry-after" not in never.headers
    assert refused["error"]["code"] == "insufficient_quota"


@pytest.mark.parametrize("subject", ["fake", "gpt-4o-mini"])
async def test_a_limit_on_a_model_counts_under_all_its_names(gateway: Gateway, subject: str) -> None:
    """On its own name or the alias that was asked for, for all people together."""
    decide(gateway, "requests_per_minute", 1, "model", subject)
    asked = {**ASK, "model": "gpt-4o-mini"}

    async with gateway.post("chat/completions", asked) as first:
        assert first.status == 200
    async with gateway.post("chat/completions", asked, key="eva") as second:
        assert second.status == 429


async def test_concurrent_requests_come_free_when_one_is_over(gateway: Gateway, engine: FakeEngine) -> None:
    """Also when its client just leaves."""
    decide(gateway, "concurrent_requests", 1)
    engine.behaviour.pace_s = 0.05
    long = {**ASK, "stream": True, "max_tokens": 500, "messages": [{"role": "user", "content": "w " * 500}]}
    running = await gateway.post("chat/completions", long)
    await running.content.readany()

    async with gateway.post("chat/completions", ASK) as second:
        assert second.status == 429
    running.close()

    async def is_free() -> bool:
        async with gateway.post("chat/completions", ASK) as answer:
            return answer.status == 200

    await until(is_free)
