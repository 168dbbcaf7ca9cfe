"""Pipelines under /v1/responses: any model name on any route, with citations as annotations of the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import AnswerEvent, AnswerRequest, Citation, Cited, Finished, TextDelta
from appliance.domain.people import Caller
from appliance.fairness.settings import GateSettings
from appliance.ports import Search
from appliance.storage.roles import DatabaseRole, url_as
from inference.ports import ChatEngine
from inference.testing.fake_engine import FakeEngine
from inference.types import EngineRequest, Usage
from tests.api.test_responses import answered, asked, events, refused, streamed
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway

FILE = UUID("01890000-0000-7000-8000-000000000001")


class CitedAnswer:
    """Says what the engine says, and cites one page."""

    name = "cited"

    def __init__(self) -> None:
        self.requests: list[AnswerRequest] = []

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields text, citations and the end."""
        assert engine is not None
        self.requests.append(request)
        usage = Usage()
        payload = {
            "model": engine.name,
            "messages": [{"role": "user", "content": request.question}],
            "stream": True,
        }
        call = EngineRequest("chat/completions", payload, request.request_id)
        async with aclosing(engine.stream(call)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                usage = chunk.usage or usage
                yield TextDelta(chunk.text)
        yield Cited((Citation(1, FILE, "handbook.pdf", "Since 1987", page=3, start=2, end=12),), ((0, 2),))
        yield Finished("written", usage=usage, model=self.name, notes=("a_note",))


@pytest.fixture
def pipeline() -> CitedAnswer:
    """The pipeline behind the gateway."""
    return CitedAnswer()


@pytest.fixture
async def gateway(
    engine: FakeEngine, pipeline: CitedAnswer, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """One slot, one pipeline."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"], max_running=1)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.1),
        pipelines={"cited": pipeline},
    ) as running:
        yield running


def check(response: dict[str, Any]) -> None:
    """The text, its citation, and what OpenAI's shape has no place for."""
    (part,) = response["output"][0]["content"]
    (citation,) = part["annotations"]
    assert part["text"] == "Echo: Since when?" and response["usage"]["output_tokens"] > 0
    assert (citation["type"], citation["file_id"]) == ("file_citation", f"file-{FILE.hex}")
    assert (citation["filename"], citation["page"], citation["quote"]) == ("handbook.pdf", 3, "Since 1987")
    assert response["appliance"]["kind"] == "written" and response["appliance"]["served_by"] == "local:local"
    assert response["appliance"]["notes"] == ["a_note"] and response["appliance"]["unsupported"] == [[0, 2]]


async def test_citations_are_annotations_of_the_text(gateway: Gateway) -> None:
    """Whole and streamed, each told by an event of its own; kept with the response."""
    whole = await answered(gateway, model="cited", input="Since when?")
    told = events(await streamed(gateway, model="cited", input="Since when?"))

    check(whole)
    check(told[-1]["response"])
    (added,) = [event for event in told if event["type"] == "response.output_text.annotation.added"]
    assert added["annotation"] == whole["output"][0]["content"][0]["annotations"][0]
    assert (await asked(gateway, "GET", whole["id"]))[1] == whole


async def test_a_conversation_goes_on_from_it(gateway: Gateway, pipeline: CitedAnswer) -> None:
    """With everything that was said before, and with instructions."""
    first = await answered(gateway, model="cited", input="One", max_output_tokens=100)
    await answered(
        gateway, model="cited", input="Two", previous_response_id=first["id"], instructions="Be brief."
    )

    assert pipeline.requests[0].options == {"max_tokens": 100}
    assert [(m.role, m.content) for m in pipeline.requests[1].messages] == [
        ("system", "Be brief."),
        ("user", "One"),
        ("assistant", "Echo: One"),
        ("user", "Two"),
    ]


async def test_collections_can_be_named(gateway: Gateway, pipeline: CitedAnswer) -> None:
    """`vector_store_ids`, as on /v1/chat/completions."""
    await answered(gateway, model="cited", vector_store_ids=[f"vs_{FILE.hex}"])

    assert pipeline.requests[-1].collection_ids == (FILE,)
    assert await refused(gateway, model="cited", vector_store_ids="all") == (400, "vector_store_ids")


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("tools", {"tools": [{"type": "function", "name": "x"}]}),
        ("text.format", {"text": {"format": {"type": "json_object"}}}),
        (
            "input",
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_image", "image_url": "data:image/png;base64,A"}],
                    }
                ]
            },
        ),
    ],
)
async def test_what_a_pipeline_cannot_do_is_refused(
    gateway: Gateway, param: str, fields: dict[str, Any]
) -> None:
    """By the field's own name here, and never ignored."""
    assert await refused(gateway, **{"model": "cited", **fields}) == (400, param)


async def test_a_pipeline_waits_its_turn_and_shows_it(gateway: Gateway, engine: FakeEngine) -> None:
    """Its engine call stands in the queue like any other."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 20
    other = asyncio.create_task(streamed(gateway, "bea"))
    await engine.until(lambda e: e.running == 1)

    text = await streamed(gateway, model="cited")
    await other

    assert ": queue position=1" in text
    assert [event["type"] for event in events(text)][:3] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]


@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_stops_the_pipelines_engine_call(
    gateway: Gateway, engine: FakeEngine, stream: bool
) -> None:
    """The engine's request ends with the client's, through the pipeline."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    call = asyncio.create_task((streamed if stream else answered)(gateway, model="cited"))
    await engine.until(lambda e: e.running == 1)

    call.cancel()

    await engine.until(lambda e: e.running == 0)
