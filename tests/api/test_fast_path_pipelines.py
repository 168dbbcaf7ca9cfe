"""Pipelines under /v1/chat/completions: one more model name, with citations beside the words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Citation,
    Cited,
    Finished,
    Searched,
    TextDelta,
)
from appliance.domain.people import Caller, Scopes
from appliance.fairness.settings import GateSettings
from appliance.ports import Search
from appliance.services.accounts.live_requests import Withdrawal
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.ports import ChatEngine
from inference.testing.fake_engine import FakeEngine
from inference.types import EngineRequest, Usage
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

FILE = UUID("01890000-0000-7000-8000-000000000001")
ASKED = {"model": "cited", "messages": [{"role": "user", "content": "Since when?"}]}


class CitedAnswer:
    """Says what the engine says, or quotes without one, and cites one page."""

    name = "cited"

    def __init__(self) -> None:
        self.requests: list[AnswerRequest] = []

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields all kinds of events."""
        self.requests.append(request)
        yield Searched(())
        written, usage = "", Usage()
        if engine is not None:
            messages = [{"role": "user", "content": request.question}]
            payload = {"model": engine.name, "messages": messages, "stream": True}
            call = EngineRequest("chat/completions", payload, request.request_id)
            async with aclosing(engine.stream(call)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    usage = chunk.usage or usage
                    written += chunk.text
                    yield TextDelta(chunk.text)
        else:
            written = "> Since 1987 [1]"
            yield TextDelta(written)
        yield Cited((Citation(1, FILE, "handbook.pdf", "Since 1987", page=3, start=2, end=12),))
        yield Finished("written" if engine else "quoted", usage=usage, model=self.name)


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


async def test_the_answer_carries_its_citations(gateway: Gateway) -> None:
    """`annotations` of the message hold file_citation objects with file, page and the words."""
    async with gateway.post("chat/completions", ASKED, x_request_id="r-1") as response:
        answer = await response.json()

    message = answer["choices"][0]["message"]
    assert message["content"] == "Echo: Since when?"
    (citation,) = message["annotations"]
    assert citation["type"] == "file_citation" and citation["file_id"] == f"file-{FILE.hex}"
    assert (citation["filename"], citation["page"], citation["quote"]) == ("handbook.pdf", 3, "Since 1987")
    assert (citation["start"], citation["end"]) == (2, 12)
    assert response.headers["x-served-by"] == "local:local" and response.headers["x-request-id"] == "r-1"
    assert answer["usage"]["completion_tokens"] > 0


async def test_a_stream_carries_them_in_its_last_delta(gateway: Gateway) -> None:
    """Text first, then annotations with the finish reason, then usage where asked for, then [DONE]."""
    payload = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
    async with gateway.post("chat/completions", payload) as response:
        text = await response.text()

    datas = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    chunks = [json.loads(data) for data in datas[:-1]]
    assert datas[-1] == "[DONE]"
    assert (
        "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
        == "Echo: Since when?"
    )
    last = chunks[-2]["choices"][0]
    assert last["finish_reason"] == "stop" and last["delta"]["annotations"][0]["page"] == 3
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"


async def test_both_the_question_and_its_engine_call_are_recorded(
    gateway: Gateway, database: Database
) -> None:
    """Two rows of one request: tokens stand in the engine's, which names the other as its whole."""
    async with gateway.post("chat/completions", ASKED, x_request_id="r-2") as response:
        await response.read()

    async def rows() -> list[dict[str, Any]]:
        async with database.viewing(person("ana").viewer) as connection:
            cursor = await connection.execute("SELECT to_jsonb(r) FROM requests r ORDER BY id")
            return [row[0] for row in await cursor.fetchall()]

    async def are_ended() -> bool:
        found = await rows()
        return len(found) == 2 and all(row["status"] == "completed" for row in found)

    await until(are_ended)
    whole, part = await rows()
    assert (whole["model"], part["model"]) == ("cited", "fake")
    assert whole["request_id"] == part["request_id"] == "r-2" and part["part_of"] == whole["id"]
    assert whole["completion_tokens"] == 0 and part["completion_tokens"] > 0


async def test_without_an_engine_that_is_up_the_pipeline_goes_without(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """It quotes instead, and says so."""
    await engine.stop()
    await gateway.roster.refresh()

    async with gateway.post("chat/completions", ASKED) as response:
        answer = await response.json()

    assert response.status == 200 and answer["appliance"]["kind"] == "quoted"
    assert response.headers["x-served-by"] == "local:documents"


async def test_a_pipeline_waits_its_turn_like_everybody(gateway: Gateway, engine: FakeEngine) -> None:
    """Its engine call stands in the queue, and its stream shows the place."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 20
    other = asyncio.create_task(_text(gateway, {**ASKED, "model": "fake"}, "bea"))
    await engine.until(lambda e: e.running == 1)

    text = await _text(gateway, {**ASKED, "stream": True})
    await other

    assert ": queue position=1" in text and text.rstrip().endswith("data: [DONE]")


async def _text(gateway: Gateway, payload: object, key: str = "ana") -> str:
    async with gateway.post("chat/completions", payload, key) as response:
        return await response.text()


@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_stops_the_pipelines_engine_call(
    gateway: Gateway, engine: FakeEngine, stream: bool
) -> None:
    """The engine's request ends with the client's, through the pipeline."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    call = asyncio.create_task(_text(gateway, {**ASKED, "stream": stream}))
    await engine.until(lambda e: e.running == 1)

    call.cancel()

    await engine.until(lambda e: e.running == 0)
    await until(lambda: gateway.room.gate.leases.requests.running.total() == 0)


@pytest.mark.parametrize("model", ["cited", "fake"])
async def test_a_withdrawn_key_ends_what_runs(gateway: Gateway, engine: FakeEngine, model: str) -> None:
    """An open stream gets an error event, a call that is not streamed a 401; the engine is freed at once."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    async with gateway.post("chat/completions", {**ASKED, "model": model, "stream": True}) as response:
        await response.content.readany()
        gateway.live.withdraw(Withdrawal(user_id=person("ana").user_id))
        text = await response.text()

    assert '"code":"credential_withdrawn"' in text and "[DONE]" not in text
    await engine.until(lambda e: e.running == 0)
    whole = asyncio.create_task(_status(gateway, {**ASKED, "model": model}))
    await engine.until(lambda e: e.running == 1)
    gateway.live.withdraw(Withdrawal(user_id=person("ana").user_id))
    assert await whole == 401


async def _status(gateway: Gateway, payload: object) -> int:
    async with gateway.post("chat/completions", payload) as response:
        return response.status


async def test_collections_are_handed_on(gateway: Gateway, pipeline: CitedAnswer) -> None:
    """`vector_store_ids` choose where to look; what is no id is refused by name."""
    vs_id = f"vs_{FILE.hex}"
    assert await _status(gateway, {**ASKED, "vector_store_ids": [vs_id]}) == 200
    assert pipeline.requests[-1].collection_ids == (FILE,)

    async with gateway.post("chat/completions", {**ASKED, "vector_store_ids": "all"}) as response:
        assert (response.status, (await response.json())["error"]["param"]) == (400, "vector_store_ids")


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("n", {"n": 2}),
        ("tools", {"tools": [{"type": "function", "function": {"name": "x"}}]}),
        ("language", {"language": "fr"}),
    ],
)
async def test_what_a_pipeline_cannot_do_is_refused(
    gateway: Gateway, param: str, fields: dict[str, Any]
) -> None:
    """Rather than ignored."""
    async with gateway.post("chat/completions", {**ASKED, **fields}) as response:
        assert (response.status, (await response.json())["error"]["param"]) == (400, param)


async def test_a_key_for_the_pipeline_alone_may_use_its_engine_through_it(gateway: Gateway) -> None:
    """Scopes name what is asked for; the engine behind a permitted pipeline is not asked for."""
    gateway.identity.callers["narrow"] = person("ana", Scopes(models=frozenset({"cited"})))

    async with gateway.post("chat/completions", ASKED, key="narrow") as response:
        assert response.status == 200
    async with gateway.post("chat/completions", {**ASKED, "model": "fake"}, key="narrow") as response:
        assert response.status == 403
