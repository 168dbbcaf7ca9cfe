"""Limits and weights that an operator set, as a client of /v1 meets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from appliance.fairness.admission import LimitKind
from appliance.fairness.limits.policy import EVERYONE, Limit, Policy, SubjectKind
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}], "max_tokens": 20}

Limited = Callable[..., Awaitable[Gateway]]


def limit(
    kind: LimitKind, most: int, subject_kind: SubjectKind = "everyone", subject: str = EVERYONE
) -> Limit:
    """A limit as an operator sets it."""
    return Limit(uuid4(), subject_kind, subject, kind, most)


@pytest.fixture
async def limited(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Limited]:
    """Starts a gateway under a policy; one slot, so that who comes first is seen."""
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with AsyncExitStack() as stack:

        async def start(
            *limits: Limit, slots: int = 1, weights: Mapping[str, float] | None = None
        ) -> Gateway:
            policy = Policy(
                user_weights={person(name).user_id: weight for name, weight in (weights or {}).items()},
                limits=limits,
            )
            engines = {"local": engine_settings(engine.base_url, max_running=slots)}
            running = running_gateway(engines, valkey_url=servers.valkey.url, database_url=url, policy=policy)
            return await stack.enter_async_context(running)

        yield start


async def ask(gateway: Gateway, key: str = "ana", **more: object) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers and body of one call that is not streamed."""
    async with gateway.post("chat/completions", {**QUESTION, **more}, key=key) as response:
        return response.status, response.headers, await response.json()


async def test_requests_a_minute_are_counted_down_in_the_headers_and_then_refused(limited: Limited) -> None:
    """As OpenAI counts: what is left is told with every answer, and a 429 says when to come back."""
    gateway = await limited(limit("requests_per_minute", 2))

    first, second, third = [await ask(gateway) for _ in range(3)]

    assert [status for status, _, _ in (first, second, third)] == [200, 200, 429]
    assert first[1]["x-ratelimit-limit-requests"] == "2" and first[1]["x-ratelimit-remaining-requests"] == "1"
    assert second[1]["x-ratelimit-remaining-requests"] == "0"
    assert third[2]["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(third[1]["retry-after"]) <= 60 and int(third[1]["retry-after-ms"]) <= 60_000


async def test_streams_tell_their_limits_too(limited: Limited) -> None:
    """The headers come before the first token."""
    gateway = await limited(limit("tokens_per_minute", 1000))

    async with gateway.post("chat/completions", {**QUESTION, "stream": True}) as response:
        await response.read()

    assert response.headers["x-ratelimit-limit-tokens"] == "1000"
    assert 900 < int(response.headers["x-ratelimit-remaining-tokens"]) < 1000


async def test_a_limit_counts_for_the_person_not_for_each_key(limited: Limited, engine: FakeEngine) -> None:
    """A second key is no second allowance; another person has an own one."""
    gateway = await limited(limit("requests_per_minute", 1))
    gateway.identity.callers["second"] = person("ana")

    statuses = [(await ask(gateway, key=key))[0] for key in ("ana", "second", "bea")]

    assert statuses == [200, 429, 200]


async def test_a_budget_that_is_used_up_is_not_worth_a_retry(limited: Limited, engine: FakeEngine) -> None:
    """openai's clients do not come back to an `insufficient_quota` that says so."""
    gateway = await limited(limit("tokens_per_day", 60))
    engine.behaviour.tokens = 20

    answers = [await ask(gateway, max_tokens=20) for _ in range(4)]

    status, headers, body = answers[-1]
    assert answers[0][0] == 200
    assert (status, body["error"]["code"]) == (429, "insufficient_quota")
    assert headers["x-should-retry"] == "false"


async def test_a_refused_request_costs_nothing_and_is_in_the_ledger(limited: Limited) -> None:
    """What a limit on tokens refused must not eat up the limit on requests."""
    gateway = await limited(limit("requests_per_minute", 2), limit("tokens_per_minute", 50))

    statuses = [(await ask(gateway, max_tokens=most))[0] for most in (10_000, 5, 5)]

    assert statuses == [429, 200, 200]


async def _order_of_service(
    gateway: Gateway, engine: FakeEngine, calls: Sequence[tuple[str, dict[str, Any]]]
) -> str:
    """The first letters of whom the engine served, in order; all of them wait behind one that holds the slot."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.03, 2_000
    holder = asyncio.create_task(ask(gateway, key="holder", max_tokens=2_000))
    await engine.until(lambda e: e.running == 1)
    tasks = []
    for key, more in calls:
        waiting = gateway.room.gate.leases.requests.waiting
        tasks.append(asyncio.create_task(ask(gateway, key=key, user=key, **{"max_tokens": 3, **more})))
        await until(lambda before=waiting: gateway.room.gate.leases.requests.waiting > before)  # type: ignore[misc]
    holder.cancel()  # not before: however long it took, everybody waits by now
    await asyncio.gather(*tasks)
    return "".join(request.payload["user"][0] for request in engine.requests[1:])


async def test_flex_requests_let_everybody_else_go_first(limited: Limited, engine: FakeEngine) -> None:
    """`service_tier: flex` is OpenAI's word for it, and the engine does not see it."""
    gateway = await limited()

    served = await _order_of_service(
        gateway, engine, [("flexible", {"service_tier": "flex"}), ("ana", {}), ("bea", {})]
    )

    assert served == "abf"
    assert all("service_tier" not in request.payload for request in engine.requests)


async def test_a_heavier_person_is_served_more_often(limited: Limited, engine: FakeEngine) -> None:
    """With three times the weight she gets three answers for each of his."""
    gateway = await limited(weights={"ana": 3.0})

    served = await _order_of_service(gateway, engine, [("ana", {})] * 6 + [("bea", {})] * 6)

    assert served[:8].count("a") == 6


async def test_one_persons_many_requests_do_not_hold_up_another(limited: Limited, engine: FakeEngine) -> None:
    """Twenty wait; who comes then is next."""
    gateway = await limited()

    served = await _order_of_service(gateway, engine, [("greedy", {})] * 20 + [("polite", {})])

    assert served.index("p") <= 1
