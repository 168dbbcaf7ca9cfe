"""What only a real vLLM can show: run by name, `VLLM_BIN=… ./setup.sh test --battery vllm`.

The engine contract (test_engine_contract.py) runs against the same server in the same battery.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.engines import load_engine_class
from inference.engines.connections import Connections
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.errors import EngineRefused
from inference.types import EngineRequest
from tests.conftest import ROLE_SECRET, Servers
from tests.contracts.engines.rows import LONG_QUESTION, QUESTION, TAUGHT
from tests.gateway_harness import engine_settings, person, running_gateway
from tests.real_vllm import CONTEXT_TOKENS, SLOTS
from tests.taught_answers import TAUGHT_CALLS, sdk_answers
from tests.waiting import until

pytestmark = pytest.mark.battery


@pytest.fixture
async def vllm(vllm_url: str) -> AsyncIterator[OpenAiCompatibleEngine]:
    """The engine as the roster makes it, with priority scheduling on."""
    connections = Connections()
    settings = engine_settings(vllm_url, kind="vllm", priority_scheduling=True)
    yield load_engine_class("vllm")("gpu", settings, connections)
    await connections.close()


def asking(question: str = QUESTION, *, is_batch: bool = False, **more: Any) -> EngineRequest:
    """A request for the taught model."""
    messages = [{"role": "user", "content": question}]
    payload = {"model": "tiny", "messages": messages, "temperature": 0, "max_tokens": 300, **more}
    return EngineRequest("chat/completions", payload, "req-1", is_batch=is_batch)


async def whole(engine: OpenAiCompatibleEngine, request: EngineRequest) -> dict[str, Any]:
    """The answer, parsed."""
    async with engine.relay(request) as response:
        answer: dict[str, Any] = json.loads(b"".join([frame async for frame in response.frames]))
    return answer


async def test_the_sdk_gets_every_taught_answer_through_the_gate(
    vllm_url: str, servers: Servers, valkey: Redis, owner_url: str, database: Database
) -> None:
    """22 answers and each tool call exactly, streamed and not, counted by the engine's own usage."""
    gateway_database = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    engines = {"gpu": engine_settings(vllm_url, kind="vllm", priority_scheduling=True, max_running=SLOTS)}
    async with running_gateway(
        engines, valkey_url=servers.valkey.url, database_url=gateway_database
    ) as gateway:
        seen = await sdk_answers(gateway.base_url, "ana", "tiny")

        async def all_counted() -> bool:
            async with database.viewing(person("ana").viewer) as connection:
                cursor = await connection.execute(
                    "SELECT count(*) FROM requests WHERE status = 'completed' AND NOT is_estimated"
                    " AND prompt_tokens > 0 AND completion_tokens > 0 AND engine = 'gpu'"
                )
                return await cursor.fetchone() == (TAUGHT_CALLS,)

        await until(all_counted)

    assert seen["whole"] == seen["streamed"] == TAUGHT["chat"]
    assert seen["called"] == TAUGHT["tool_calls"]


async def test_its_metrics_tell_cache_steps_and_preemptions(vllm: OpenAiCompatibleEngine) -> None:
    """Load is read off the page of the release that runs, no field of it missing."""
    before = await vllm.load()
    answer = await whole(vllm, asking(max_tokens=40, ignore_eos=True))

    made = int(answer["usage"]["total_tokens"])

    async def has_counted() -> bool:
        return ((await vllm.load()).steps or 0) >= (before.steps or 0) + made

    await until(has_counted)
    load = await vllm.load()
    assert load.is_measured
    assert load.kv_use is not None
    assert load.preemptions is not None
    assert (load.kv_tokens or 0) >= CONTEXT_TOKENS


async def test_several_choices_are_counted_together(vllm: OpenAiCompatibleEngine) -> None:
    """With n=3 three answers come, and the usage is of all of them; vLLM refuses n > 1 at temperature 0."""
    answer = await whole(vllm, asking(n=3, temperature=1, top_k=1))

    texts = [choice["message"]["content"] for choice in answer["choices"]]
    one = await whole(vllm, asking())
    assert texts == [TAUGHT["chat"][QUESTION]] * 3
    assert answer["usage"]["completion_tokens"] == 3 * one["usage"]["completion_tokens"]


async def test_a_begun_answer_is_continued(vllm: OpenAiCompatibleEngine) -> None:
    """What a person's stopped answer said already is not said again: only its rest comes."""
    begun = "The capital of"
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": begun}]
    payload = {"model": "tiny", "messages": messages, "temperature": 0, "max_tokens": 100}
    request = EngineRequest("chat/completions", payload, "req-1", is_continuing=True)

    said = "".join([chunk.text async for chunk in vllm.stream(request)])

    assert begun + said == TAUGHT["chat"][QUESTION]


async def test_its_tokenizer_counts_as_its_usage_does(vllm: OpenAiCompatibleEngine) -> None:
    """For every taught question the prompt has as many tokens more than its text: the template's."""
    template = set()
    for question in TAUGHT["chat"]:
        counted = await vllm.count_tokens("tiny", question)
        answer = await whole(vllm, asking(question, max_tokens=1))
        template.add(answer["usage"]["prompt_tokens"] - (counted or 0))

    assert len(template) == 1


async def test_a_person_goes_before_a_batch_that_waits_longer(vllm: OpenAiCompatibleEngine) -> None:
    """With every slot taken, the question that came last but is a person's begins before the batch's."""
    begun: list[str] = []

    async def ask(who: str, request: EngineRequest) -> None:
        async with vllm.relay(request) as response:
            begun.append(who)
            async for _ in response.frames:
                pass

    async def waiting(count: int) -> None:
        async def is_so() -> bool:
            load = await vllm.load()
            return load.running == SLOTS and load.waiting == count

        await until(is_so)

    long: dict[str, Any] = {"max_tokens": CONTEXT_TOKENS - 200, "ignore_eos": True, "stream": True}
    async with asyncio.TaskGroup() as group:
        fill = [group.create_task(ask("fill", asking(LONG_QUESTION, **long))) for _ in range(SLOTS)]
        await waiting(0)
        group.create_task(ask("batch", asking(is_batch=True, stream=True)))
        await waiting(1)
        group.create_task(ask("person", asking(stream=True)))
        await waiting(2)
        fill[0].cancel()

    assert [who for who in begun if who != "fill"] == ["person", "batch"]


async def test_a_prompt_beyond_the_context_is_refused_in_numbers(vllm: OpenAiCompatibleEngine) -> None:
    """A prompt that cannot fit comes back as a client's error that names the context, and nothing runs."""
    async with asyncio.timeout(120):
        answer = await refused(vllm, asking("word " * CONTEXT_TOKENS))

    assert answer["status"] == 400
    assert str(CONTEXT_TOKENS) in answer["message"]
    assert (await vllm.load()).running == 0


async def refused(engine: OpenAiCompatibleEngine, request: EngineRequest) -> dict[str, Any]:
    """Status and message of a refusal."""
    with pytest.raises(EngineRefused) as told:
        await whole(engine, request)
    return {"status": told.value.status, "message": json.loads(told.value.body)["error"]["message"]}


async def test_many_who_leave_free_everything(vllm: OpenAiCompatibleEngine) -> None:
    """Forty streams given up at their first token, five times more than there are slots, leave nothing behind."""

    async def glance() -> None:
        endless: dict[str, Any] = {"max_tokens": CONTEXT_TOKENS - 200, "ignore_eos": True, "stream": True}
        async with vllm.relay(asking(LONG_QUESTION, **endless)) as response:
            await anext(aiter(response.frames))

    await asyncio.gather(*(glance() for _ in range(5 * SLOTS)))

    async def is_idle() -> bool:
        load = await vllm.load()
        return (load.running, load.waiting) == (0, 0)

    await until(is_idle)
    assert (await vllm.load()).kv_use == 0
