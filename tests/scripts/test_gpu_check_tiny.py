"""The GPU check tried out on the processor: for machines where TORCH_PYTHON names an interpreter with torch.

TORCH_PYTHON=/opt/train/bin/python python -m pytest tests/scripts/test_gpu_check_tiny.py
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from scripts.gguf_to_transformers import convert
from scripts.gpu_check.options import ROOT
from tests.contracts.engines.rows import LONG_QUESTION, TAUGHT
from tests.waiting import until

SLOTS = 4


@pytest.fixture
def torch_python() -> Path:
    """An interpreter that has torch and transformers."""
    if not (named := os.environ.get("TORCH_PYTHON")):
        pytest.skip("TORCH_PYTHON: no interpreter with torch is named")
    return Path(named)


@pytest.fixture
async def base_url(torch_python: Path, tmp_path: Path) -> AsyncIterator[str]:
    """The small server with the small trained model, four slots."""
    convert(ROOT / "tests" / "models" / "tiny-llama.gguf", tmp_path / "tiny")
    process = await asyncio.create_subprocess_exec(
        *(str(torch_python), "-P", "-m", "scripts.gpu_check.engine_server", str(tmp_path / "tiny")),
        *("--device", "cpu", "--slots", str(SLOTS), "--piece-tokens", "8"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


def asking(question: str, **more: Any) -> dict[str, Any]:
    """A body for the taught model."""
    return {"model": "tiny", "messages": [{"role": "user", "content": question}], "max_tokens": 300, **more}


async def test_the_small_server_knows_every_answer_with_all_slots_busy(base_url: str) -> None:
    """22 questions at once on four slots, prompts read in pieces of eight tokens: each gets its own answer exactly."""

    async def ask(session: aiohttp.ClientSession, question: str) -> str:
        async with session.post(f"{base_url}/chat/completions", json=asking(question)) as response:
            return str((await response.json())["choices"][0]["message"]["content"])

    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(ask(session, question) for question in TAUGHT["chat"]))

    assert dict(zip(TAUGHT["chat"], answers, strict=True)) == TAUGHT["chat"]


async def test_whoever_leaves_the_small_server_frees_it(base_url: str) -> None:
    """Eight endless streams given up at their first event leave nothing running or waiting."""
    root = base_url.removesuffix("/v1")
    async with aiohttp.ClientSession() as session:

        async def glance() -> None:
            endless = asking(LONG_QUESTION, stream=True, ignore_eos=True) | {"max_tokens": 4000}
            async with session.post(f"{base_url}/chat/completions", json=endless) as response:
                await response.content.readany()
                response.close()

        async def is_idle() -> bool:
            async with session.get(f"{root}/metrics") as response:
                page = await response.text()
            return "running 0\n" in page and "waiting 0\n" in page

        await asyncio.gather(*(glance() for _ in range(2 * SLOTS)))
        await until(is_idle, 300)


async def test_the_whole_check_prints_its_table(torch_python: Path, tmp_path: Path) -> None:
    """Models, engine, appliance, fairness and memory in one command; nothing fails, and the figures are on file."""
    words = ["--device", "cpu", "--size", "tiny", "--quick", "--seconds", "20", "--engine", "own"]
    words += ["--torch-python", str(torch_python), "--folder", str(tmp_path / "models")]
    words += [word for part in ("speed", "fairness", "memory") for word in ("--part", part)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "scripts" / "gpu_check.py"), *words),
        env={**os.environ, "OUT": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert process.returncode == 0, err.decode()[-3000:]
    assert "| memory |" in out.decode()
    told = json.loads((tmp_path / "gpu_check.json").read_text(encoding="utf-8"))
    assert [one["streams"] for one in told["figures"]["speed"]] == [1, 16, 64]
    assert all(one["failed"] == 0 for one in told["figures"]["speed"])
    assert not any(one["ran_out"] for one in told["figures"]["memory"])
