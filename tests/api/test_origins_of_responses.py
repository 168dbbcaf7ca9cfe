"""What goes to an engine says what it was made from: raw calls, pipelines, /v1/responses and its chains."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis

from appliance.domain.origins import of_collection
from appliance.domain.people import Caller
from appliance.fairness.purpose import Purpose
from appliance.fairness.rungs import Climb, Ladder
from inference.testing.fake_engine import FakeEngine
from inference.types import EngineRequest
from tests.api.test_responses_file_search import SEARCH, STORE, AnasHandbook, gateway, handbook
from tests.conftest import Servers
from tests.gateway_harness import Gateway

__all__ = ["gateway", "handbook"]

HANDBOOK = of_collection(STORE)
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "How many days of holiday?"}]}


class Noting:
    """A ladder that notes what it is asked for, and lets the gate's own climb."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self.requests: list[EngineRequest] = []

    def begin(self, caller: Caller, model: str, request: EngineRequest, purpose: Purpose) -> Climb:
        self.requests.append(request)
        return self._ladder.begin(caller, model, request, purpose)

    @property
    def labels(self) -> set[str] | None:
        """Of the last request, without its conversation's; None: unknown."""
        origins = self.requests[-1].origins
        return None if origins is None else {one for one in origins if not one.startswith("conversation:")}


@pytest.fixture
async def noted(gateway: Gateway) -> AsyncIterator[Noting]:
    """What reaches the gate."""
    noting = Noting(gateway.room.gate.ladder)
    gateway.room.gate.ladder = noting
    yield noting


async def post(gateway: Gateway, route: str, body: object) -> dict[str, Any]:
    """The JSON of an answer that has to be 200."""
    async with gateway.post(route, body) as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


async def response(gateway: Gateway, text: str, **more: object) -> str:
    """Its id."""
    return str((await post(gateway, "responses", {"model": "fake", "input": text, **more}))["id"])


async def test_raw_calls_are_their_author_s_own_words(gateway: Gateway, noted: Noting) -> None:
    """Nothing of ours is in them."""
    await post(gateway, "chat/completions", CHAT)
    await post(gateway, "completions", {"model": "fake", "prompt": "Once upon"})
    await response(gateway, "Hello", store=False)

    assert [request.origins for request in noted.requests] == [frozenset()] * 3


async def test_a_pipeline_names_its_documents(gateway: Gateway, noted: Noting) -> None:
    """Through /v1/chat/completions and through /v1/responses."""
    body = {**CHAT, "model": "answer-with-sources", "vector_store_ids": [f"vs_{STORE.hex}"]}
    await post(gateway, "chat/completions", body)
    assert noted.labels == {HANDBOOK}

    first = await response(gateway, "How many days of holiday?", model="answer-with-sources", tools=[SEARCH])
    assert noted.labels == {HANDBOOK}
    await response(gateway, "Tell me a joke.", previous_response_id=first)
    assert noted.labels == {HANDBOOK}


async def test_a_chain_inherits_what_was_searched(gateway: Gateway, noted: Noting) -> None:
    """Three responses later, without the tool; and for whoever refers to one of its items."""
    first = await response(gateway, "How many days of holiday?", tools=[SEARCH])
    assert noted.labels == {HANDBOOK}
    previous = first
    for text in ("And in August?", "Thanks.", "Bye."):
        previous = await response(gateway, text, previous_response_id=previous)
        assert noted.labels == {HANDBOOK}
    async with gateway.session.get(
        f"{gateway.base_url}/v1/responses/{previous}", headers={"authorization": "Bearer ana"}
    ) as answer:
        (item,) = (await answer.json())["output"]

    reference = [{"type": "item_reference", "id": item["id"]}, {"role": "user", "content": "Say it again."}]
    await post(gateway, "responses", {"model": "fake", "input": reference, "store": False})

    assert noted.labels == {HANDBOOK}


async def test_a_search_that_found_nothing_good_counts_all_the_same(
    gateway: Gateway, noted: Noting, handbook: AnasHandbook
) -> None:
    """Thin evidence is not put into the prompt; to be sure, what was read does not leave either, or names nothing."""
    handbook.is_relevant = False
    await response(gateway, "How many days of holiday?", tools=[SEARCH])

    assert noted.labels is not None and noted.labels <= {HANDBOOK}


async def test_a_follow_up_is_rewritten_with_what_came_before(gateway: Gateway, noted: Noting) -> None:
    """The short call that makes a question of it carries the chain's origins too."""
    first = await response(gateway, "How many days of holiday?", tools=[SEARCH])
    before = len(noted.requests)
    await response(gateway, "And when do they expire?", tools=[SEARCH], previous_response_id=first)

    rewriting = noted.requests[before:]
    assert len(rewriting) == 2
    assert all(request.origins is not None and HANDBOOK in request.origins for request in rewriting)


async def test_a_chain_from_before_is_unknown(
    gateway: Gateway, noted: Noting, engine: FakeEngine, owner_url: str, servers: Servers, valkey: Redis
) -> None:
    """What was kept without its origins stays, and so does all that goes on from it."""
    first = await response(gateway, "Hello")
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE responses SET origins = NULL")
    second = await response(gateway, "And?", previous_response_id=first)
    assert noted.labels is None
    await response(gateway, "And?", previous_response_id=second)
    assert noted.labels is None
