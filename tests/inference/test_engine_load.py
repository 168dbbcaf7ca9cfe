"""What the engines tell of their load, and what is made of pages that make no sense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.engines.connections import Connections
from inference.engines.llama_cpp import LlamaCppEngine
from inference.engines.vllm import VllmEngine, read_load
from inference.errors import EngineUnavailable
from inference.settings import LlamaCppSettings, VllmSettings
from inference.testing.fake_engine import FakeEngine, Fault, MetricsFault
from inference.types import EngineLoad, EngineRequest
from tests.contracts.engines.rows import MODELS_FOLDER, llama_cpp_process

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "one two three"}], "stream": True}


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Closed at the end."""
    opened = Connections()
    yield opened
    await opened.close()


def vllm_at(server: FakeEngine, connections: Connections, page_s: float = 30.0) -> VllmEngine:
    """page_s: the time its page of numbers has."""
    settings = VllmSettings(engine="vllm", base_url=server.base_url, max_running=7, probe_timeout_s=page_s)
    return VllmEngine("v", settings, connections)


async def ask(engine: VllmEngine) -> None:
    """One answer, read to its end."""
    async with engine.relay(EngineRequest("chat/completions", QUESTION)) as response:
        async for _ in response.frames:
            pass


async def test_vllm_tells_what_slots_are_found_by(connections: Connections) -> None:
    """Requests, use and size of the KV cache, preemptions, and a number that grows while it works."""
    async with FakeEngine() as server:
        engine = vllm_at(server, connections)
        await ask(engine)
        first = await engine.load()
        server.metrics.running, server.metrics.waiting = 3, 2
        server.metrics.kv_use, server.metrics.preemptions = 0.93, 4
        await ask(engine)
        second = await engine.load()

    assert first == EngineLoad(0, 0, 0.0, 7, 0, 4096 * 16, first.steps, True)
    assert second == EngineLoad(3, 2, 0.93, 7, 4, 4096 * 16, second.steps, True)
    assert 0 < (first.steps or 0) < (second.steps or 0)


@pytest.mark.parametrize("fault", [MetricsFault.FAILING, MetricsFault.HANG])
async def test_answers_go_on_while_the_page_fails(fault: MetricsFault, connections: Connections) -> None:
    """No numbers is an error of its own, within the time a page has."""
    async with FakeEngine() as server:
        server.metrics.fault = fault
        engine = vllm_at(server, connections, page_s=0.2)
        await ask(engine)

        with pytest.raises(EngineUnavailable):
            await engine.load()
    assert server.finished == 1


async def test_a_frozen_page_says_what_it_said(connections: Connections) -> None:
    """The stand-in can play an engine whose numbers are no longer kept."""
    async with FakeEngine() as server:
        engine = vllm_at(server, connections)
        before = await engine.load()
        server.metrics.fault, server.behaviour.fault = MetricsFault.FROZEN, Fault.HANG
        task = asyncio.create_task(ask(engine))
        await server.until(lambda now: now.running == 1)

        assert await engine.load() == before
        task.cancel()
        await server.until(lambda now: now.aborted == 1)


def test_the_cores_of_a_data_parallel_server_are_added_up() -> None:
    """Several series of each number; of the caches the fullest counts."""
    page = """
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b, {c}"} 3.0
vllm:num_requests_running{engine="1",model_name="a b, {c}"} 4.0 1700000000
vllm:num_requests_waiting{engine="0"} 0.0
vllm:num_requests_waiting{engine="1"} 2.0
vllm:num_requests_waiting_by_reason{engine="1",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.75
vllm:num_preemptions_total{engine="0"} 1.0
vllm:num_preemptions_total{engine="1"} 2.0
vllm:num_preemptions_created{engine="1"} 1.7e9
vllm:cache_config_info{block_size="16",cpu_offload_gb="0",engine="0",num_gpu_blocks="100"} 1.0
vllm:cache_config_info{block_size="16",cpu_offload_gb="0",engine="1",num_gpu_blocks="100"} 1.0
"""

    load = read_load(page, None)

    assert load == EngineLoad(7, 2, 0.75, None, 3, 3200, None, True)


@pytest.mark.parametrize("value", ["NaN", "-1.0", "+Inf", "many", ""])
def test_what_is_no_number_is_not_told(value: str) -> None:
    """It is left out, and a page without what runs and waits is an error."""
    usable = "vllm:num_requests_running 1.0\nvllm:num_requests_waiting 0.0\n"
    broken = f'vllm:kv_cache_usage_perc {value}\nvllm:cache_config_info{{num_gpu_blocks="None"}} 1.0\n'

    assert read_load(usable + broken, 5) == EngineLoad(1, 0, None, 5, is_measured=True)
    with pytest.raises(EngineUnavailable, match="is base_url a vLLM server"):
        read_load(f"vllm:num_requests_running {value}\nvllm:num_requests_waiting 0.0\n", 5)


async def test_llama_cpp_tells_its_slots_and_works_visibly(
    connections: Connections, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """More than its slots it never gets; its counter of decodes grows with every answer."""
    socket = Path(tmp_path_factory.mktemp("l", numbered=True)) / "l.sock"
    settings = LlamaCppSettings(
        engine="llama_cpp",
        model_path=MODELS_FOLDER / "tiny-llama.gguf",
        model_name="fake",
        socket_path=socket,
        slots=3,
        context_tokens=512,
        cache_ram_mib=16,
        max_running=50,
    )
    async with llama_cpp_process(settings):
        engine = LlamaCppEngine("l", settings, connections)
        before = await engine.load()
        async for _ in engine.stream(EngineRequest("chat/completions", {**QUESTION, "max_tokens": 5})):
            pass
        later = await engine.load()

    assert (before.slots, before.kv_tokens, before.is_measured) == (3, 3 * 512, True)
    assert (later.steps or 0) > (before.steps or 0)
