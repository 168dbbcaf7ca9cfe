"""What is measured: the modelled engine itself, the appliance before it, and LiteLLM's proxy before it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from appliance.demo.throwaway_box import throwaway_box
from appliance.supervisor.parting import ends_with_us
from bench.client import Target
from bench.engine import MODEL

_ENGINE = Path(__file__).resolve().parent / "engine.py"
_START_S = 120.0
_PARTS = ("gateway", "valkey", "postgres")
_CONFIGURATION = """
[server]
host = "127.0.0.1"
port = 0
run_page = false
drain_s = 0
workers = {workers}

[logging]
level = "warning"

[gate]
max_queue = 20000
max_queue_per_user = 5000
{reserved}

[engines.bench]
engine = "openai_compatible"
base_url = "{base_url}"
models = ["{model}"]
max_running = {slots}
"""
_LITELLM = """
model_list:
  - model_name: {model}
    litellm_params: {{model: openai/{model}, api_base: "{base_url}", api_key: any}}
general_settings: {{master_key: {key}}}
litellm_settings: {{telemetry: false, num_retries: 0, request_timeout: 300}}
router_settings: {{num_retries: 0}}
"""
_LITELLM_KEY = "sk-bench"


@dataclass(frozen=True, slots=True)
class Measured:
    """A target that answers, and the processes that it costs."""

    target: Target
    pids: Mapping[str, list[int]]

    @property
    def name(self) -> str:
        return self.target.name


@dataclass(frozen=True, slots=True)
class ModelledEngine:
    """The engine's process, seen from outside."""

    base_url: str
    session: aiohttp.ClientSession

    async def change(
        self, *, slots: int, ttft_ms: float, token_ms: float, tokens: int = 32, is_prose: bool = False
    ) -> None:
        """Another tempo for the requests that come. tokens: of an answer whose length nobody asked for."""
        times = {"ttft_s": ttft_ms / 1000, "token_s": token_ms / 1000}
        tempo = {"slots": slots, **times, "tokens": tokens, "is_prose": is_prose}
        async with self.session.post(f"{self._root}/bench/tempo", json=tempo) as response:
            response.raise_for_status()

    async def stats(self) -> dict[str, Any]:
        """Its counters."""
        async with self.session.get(f"{self._root}/bench/stats") as response:
            values: dict[str, Any] = await response.json(content_type=None)
            return values

    @property
    def _root(self) -> str:
        return self.base_url.removesuffix("/v1")


@asynccontextmanager
async def modelled_engine() -> AsyncIterator[ModelledEngine]:
    """In a process of its own, on a free port."""
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs yet
        [sys.executable, str(_ENGINE)], stdout=subprocess.PIPE, text=True, preexec_fn=ends_with_us()
    )
    assert process.stdout is not None
    try:
        base_url = (await asyncio.to_thread(process.stdout.readline)).strip()
        async with aiohttp.ClientSession() as session:
            yield ModelledEngine(base_url, session)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@asynccontextmanager
async def appliance(
    base_url: str,
    *,
    name: str = "appliance",
    slots: int = 512,
    people: int = 8,
    reserved: int | None = None,
    workers: int = 1,
) -> AsyncIterator[Measured]:
    """The whole gateway with its databases; a key for each of its people."""
    configuration = _CONFIGURATION.format(
        base_url=base_url,
        model=MODEL,
        slots=slots,
        workers=workers,
        reserved="" if reserved is None else f"reserved_slots = {reserved}",
    )
    async with throwaway_box(configuration) as box, aiohttp.ClientSession() as session:
        keys = [await box.new_key(session, f"person{number}") for number in range(people)]
        pids = {part: box.pids_of(part) for part in _PARTS}
        target = Target(name, f"{box.url}/v1", keys, MODEL)
        try:
            yield Measured(target, pids)
        finally:
            target.close()


@asynccontextmanager
async def litellm(python: Path, base_url: str) -> AsyncIterator[Measured]:
    """LiteLLM's proxy with one worker, without a database. python: of an environment that has `litellm[proxy]`."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-litellm-") as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_LITELLM.format(model=MODEL, base_url=base_url, key=_LITELLM_KEY), encoding="utf-8")
        output = (Path(folder) / "output.txt").open("wb")
        words = [str(python.parent / "litellm"), "--config", str(config), "--port", str(port)]
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs yet
            [*words, "--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"],
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=ends_with_us(),
        )
        try:
            await _until_alive(f"http://127.0.0.1:{port}/health/liveliness", process, Path(output.name))
            target = Target("LiteLLM", f"http://127.0.0.1:{port}/v1", [_LITELLM_KEY], MODEL)
            yield Measured(target, {"gateway": [process.pid]})
            target.close()
        finally:
            process.kill()
            process.wait()
            output.close()


async def _until_alive(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    async with asyncio.timeout(_START_S), aiohttp.ClientSession() as session:
        while True:
            if process.poll() is not None:
                said = output.read_text(encoding="utf-8", errors="replace")  # noqa: ASYNC240
                sys.exit(f"LiteLLM ended:\n{said[-2000:]}")
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
