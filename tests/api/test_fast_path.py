"""The door of /v1: what is passed on, what is counted, what is said while waiting."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.fairness.queue.script import state_prefix
from appliance.storage.database import Database
from inference.testing.fake_engine import FakeEngine, Fault
from tests.gateway_harness import Gateway, person, until

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}


def events(text: str) -> list[Any]:
    """The data of a stream's events, [DONE] as it is."""
    datas = [block.removeprefix("data: ") for block in text.split("\n\n") if block.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


async def test_an_answer_comes_back_with_who_gave_it(gateway: Gateway) -> None:
    """A plain call has OpenAI's shape, the request id that was sent, the engine's name and the time in the queue."""
    async with gateway.post("chat/completions", QUESTION, x_request_id="mine-1") as response:
        answer = await response.json()

    assert response.status == 200
    assert answer["choices"][0]["message"]["content"] == "Echo: How are you?"
    assert response.headers["x-request-id"] == "mine-1"
    assert response.headers["x-served-by"] == "local:local"
    assert int(response.headers["x-queue-wait-ms"]) >= 0


async def test_a_stream_ends_with_done_and_without_usage_nobody_asked_for(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """Usage is asked of the engine for the accounts, and taken out of the client's stream."""
    async with gateway.post("chat/completions", {**QUESTION, "stream": True}) as response:
        got = events(await response.text())

    assert got[-1] == "[DONE]"
    assert (
        "".join(event["choices"][0]["delta"].get("content", "") for event in got[:-1]) == "Echo: How are you?"
    )
    assert engine.requests[-1].payload["stream_options"] == {"include_usage": True}
    assert all("usage" not in event for event in got[:-1])


async def test_usage_asked_for_arrives(gateway: Gateway) -> None:
    """stream_options.include_usage of the client is honoured."""
    payload = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    async with gateway.post("chat/completions", payload) as response:
        got = events(await response.text())

    assert got[-2]["choices"] == [] and got[-2]["usage"]["completion_tokens"] > 0


async def test_what_an_engine_knows_passes_unchanged(gateway: Gateway, engine: FakeEngine) -> None:
    """Parameters the gateway does not know reach the engine as they were sent; an alias becomes the engine's name."""
    payload = {**QUESTION, "model": "gpt-4o-mini", "min_p": 0.05, "seed": 7, "n": 2, "logit_bias": {"5": -1}}
    async with gateway.post("chat/completions", payload) as response:
        answer = await response.json()

    assert len(answer["choices"]) == 2
    assert engine.requests[-1].payload == {**payload, "model": "fake"}


async def _rows(database: Database, user: str = "ana") -> list[dict[str, Any]]:
    """Her rows, oldest first, once none of them is open any more."""
    while True:
        async with database.viewing(person(user).viewer) as connection:
            cursor = await connection.execute("SELECT to_jsonb(r) FROM requests r ORDER BY id")
            rows = [row[0] for row in await cursor.fetchall()]
        if rows and all(row["status"] != "started" for row in rows):
            return rows
        await asyncio.sleep(0.02)


async def test_tokens_are_counted_as_the_engine_says(gateway: Gateway, database: Database) -> None:
    """Each request leaves one row with the engine's own counts, its timing and how it ended."""
    async with gateway.post("chat/completions", {**QUESTION, "stream": True}) as response:
        await response.read()

    (row,) = await _rows(database)

    assert (row["status"], row["engine"], row["finish_reason"]) == ("completed", "local", "stop")
    assert row["prompt_tokens"] == 3 and row["completion_tokens"] == 4 and not row["is_estimated"]
    assert row["ttft_ms"] <= row["total_ms"]


async def test_waiting_is_shown_in_the_stream_and_nowhere_else(gateway: Gateway, engine: FakeEngine) -> None:
    """A stream that waits gets its headers, its place, then the engine's name; clients see an ordinary stream."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 20
    first = [asyncio.create_task(_read(gateway)) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)

    waited = await _read(gateway)
    await asyncio.gather(*first)

    assert ": queue position=1" in waited and ": served-by local:local" in waited
    assert events(waited)[-1] == "[DONE]"
    assert ": queue" not in first[0].result()


async def _read(gateway: Gateway, key: str = "ana", **headers: str) -> str:
    async with gateway.post("chat/completions", {**QUESTION, "stream": True}, key, **headers) as response:
        return await response.text()


async def test_comments_can_be_switched_off(gateway: Gateway, engine: FakeEngine) -> None:
    """x-queue-comments: off keeps the headers back until the engine answers."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 20
    first = [asyncio.create_task(_read(gateway)) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)

    waited = await _read(gateway, x_queue_comments="off")
    await asyncio.gather(*first)

    assert ": " not in waited.replace("data: ", "").replace('": ', "") or ": queue" not in waited
    assert events(waited)[-1] == "[DONE]"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_frees_the_engine(
    gateway: Gateway, engine: FakeEngine, stream: bool
) -> None:
    """Streamed or not, the engine's request ends when nobody waits for it any more, and so does the slot."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    call = asyncio.create_task(_read(gateway) if stream else _whole(gateway))
    await engine.until(lambda e: e.running == 1)

    call.cancel()

    await engine.until(lambda e: e.running == 0)
    assert engine.aborted == 1


async def _whole(gateway: Gateway) -> Any:
    async with gateway.post("chat/completions", QUESTION) as response:
        return await response.json()


async def _waits(valkey: Redis, count: int) -> bool:
    return int(await valkey.hget(state_prefix() + "waiting", "") or 0) == count


async def test_a_client_that_leaves_the_queue_leaves_no_trace_in_it(
    gateway: Gateway, engine: FakeEngine, database: Database, valkey: Redis
) -> None:
    """Whoever goes while waiting is out of the queue at once; the engine never hears of it."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
    running = [asyncio.create_task(_read(gateway, key="bea")) for _ in range(2)]
    await engine.until(lambda e: e.running == 2)
    waiting = asyncio.create_task(_whole(gateway))
    await until(lambda: _waits(valkey, 1))

    waiting.cancel()

    (row,) = await _rows(database)
    await until(lambda: _waits(valkey, 0))
    assert row["status"] == "client_gone" and row["engine"] is None and row["prompt_tokens"] == 0
    assert len(engine.requests) == 2
    for task in running:
        task.cancel()


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.NO_DONE, Fault.ERROR_EVENT])
async def test_a_stream_that_breaks_says_so(
    gateway: Gateway, engine: FakeEngine, database: Database, fault: Fault
) -> None:
    """Whatever the engine does, a stream ends with [DONE] or an error event, and the row says it broke."""
    engine.behaviour.fault = fault
    engine.behaviour.tokens = 10

    got = events(await _read(gateway))

    assert sum("error" in event for event in got) == 1 and "error" in got[-1]
    (row,) = await _rows(database)
    assert row["status"] == "broken" and row["is_estimated"] == (fault is not Fault.NO_DONE)


async def test_an_engine_that_dies_before_its_answer_is_a_502(gateway: Gateway, engine: FakeEngine) -> None:
    """A call that is not streamed has its true status and never half an answer."""
    engine.behaviour.fault = Fault.DIE
    async with gateway.post("chat/completions", QUESTION) as response:
        answer = await response.json()

    assert response.status in (502, 503)
    assert answer["error"]["type"] == "server_error"


async def test_an_unknown_model_is_a_404_that_lists_the_known(gateway: Gateway) -> None:
    """The message says which models there are and how to add one."""
    async with gateway.post("chat/completions", {**QUESTION, "model": "gpt-9"}) as response:
        error = (await response.json())["error"]

    assert response.status == 404
    assert error["param"] == "model" and "fake" in error["message"] and "[engines." in error["message"]


async def test_nobody_gets_in_without_a_key(gateway: Gateway, engine: FakeEngine) -> None:
    """Without a credential there is a 401 and the engine hears nothing."""
    async with gateway.post("chat/completions", QUESTION, key="nobody") as response:
        assert response.status == 401
    assert engine.requests == []


async def test_embeddings_of_an_engine_pass(gateway: Gateway) -> None:
    """A model that is not the embedded one is the engine's."""
    payload = {"model": "fake-embedder", "input": ["one", "two"]}
    async with gateway.post("embeddings", payload) as response:
        answer = await response.json()

    assert response.status == 200 and len(answer["data"]) == 2


async def test_metrics_count_what_ended_and_need_a_key(gateway: Gateway) -> None:
    """Requests, tokens and times by model and engine, never by person."""
    async with gateway.post("chat/completions", QUESTION) as response:
        await response.read()
    url = f"{gateway.base_url}/metrics"

    async with gateway.session.get(url) as response:
        assert response.status == 401
    async with gateway.session.get(url, headers={"authorization": "Bearer ana"}) as response:
        page = await response.text()

    labels = 'engine="local",model="fake",route="/v1/chat/completions",status="completed"'
    assert f"appliance_requests_total{{{labels}}} 1.0" in page
    assert (
        'appliance_tokens_total{counted_by="engine",engine="local",kind="completion",model="fake"} 4.0'
        in page
    )
    assert 'appliance_engine_slots{engine="local"} 2.0' in page and "ana" not in page
