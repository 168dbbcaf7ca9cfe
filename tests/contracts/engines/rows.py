"""The servers the contract suite runs against: one for every row of the engine table, and a real vLLM where one is.

llama.cpp is real; the others are stand-ins, but for the battery, which starts a real vLLM (tests/real_vllm.py).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.egress import Egress
from inference.engines import load_engine_class
from inference.engines.connections import Connections
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.settings import LlamaCppSettings
from inference.testing.fake_cloud import FakeCloud
from inference.testing.fake_engine import Behaviour, FakeEngine
from inference.testing.fake_ollama import FakeOllama
from inference.types import LeavePermit

MODELS_FOLDER = Path(__file__).resolve().parents[2] / "models"
TAUGHT = json.loads((MODELS_FOLDER / "qa.json").read_text(encoding="utf-8"))
QUESTION = "What is the capital of Japan?"
LONG_QUESTION = "Count to sixty."
PERMIT = LeavePermit("decision-1", "ana@example.com", "the contract suite asks")


@dataclass
class Subject:
    """An engine under test. running: what its server has running now, as the server itself counts."""

    engine: OpenAiCompatibleEngine
    model: str
    running: Callable[[], Any]
    expected: str
    """What it answers to QUESTION; empty where nobody can know."""
    slow_down: Callable[[], None] = field(default=lambda: None)
    """Makes answers so slow that one can be given up half-way."""
    endless_tokens: int = 100_000
    """A limit for an answer that is to be given up; some servers refuse more than their context."""

    @property
    def served_by(self) -> str:
        """As its answers say it."""
        return f"{'cloud' if self.engine.kind == 'cloud' else 'local'}:subject"


def _reply(payload: Any) -> str:
    question = payload["messages"][-1]["content"] if payload.get("messages") else payload.get("prompt")
    return str(TAUGHT["chat"].get(question, "I do not know."))


def _slow(behaviour: Behaviour) -> None:
    behaviour.tokens, behaviour.pace_s = 10_000, 0.01


@asynccontextmanager
async def _stand_in(kind: str) -> AsyncIterator[Subject]:
    behaviour = Behaviour(reply=_reply)
    server = (
        FakeOllama(behaviour=behaviour, slots=8)
        if kind == "ollama"
        else FakeEngine(["tiny"], behaviour=behaviour)
    )
    connections = Connections()
    async with server:
        engine_type = load_engine_class(kind)
        base_url = server.base_url if isinstance(server, FakeEngine) else server.root_url
        engine = engine_type(
            "subject", engine_type.settings_type(engine=kind, base_url=base_url), connections
        )

        async def running() -> int:
            return server.running

        model = "tiny" if isinstance(server, FakeEngine) else "llama3.1:8b"
        yield Subject(engine, model, running, TAUGHT["chat"][QUESTION], lambda: _slow(behaviour))
        await engine.close()
        await connections.close()


@asynccontextmanager
async def _cloud() -> AsyncIterator[Subject]:
    behaviour = Behaviour(reply=_reply)
    async with FakeCloud("openai", ["gpt-4o-mini"], behaviour=behaviour, slots=8) as server:
        connections = Connections(egress=door_to(server.port))
        engine_type = load_engine_class("cloud")
        settings = engine_type.settings_type.model_validate(
            {
                "engine": "cloud",
                "provider": "openai",
                "base_url": server.base_url,
                "api_key": server.api_key,
                "model_map": {"tiny": "gpt-4o-mini"},
                "context_tokens": 32_768,
            }
        )
        engine = engine_type("subject", settings, connections)

        async def running() -> int:
            return server.running

        yield Subject(engine, "gpt-4o-mini", running, TAUGHT["chat"][QUESTION], lambda: _slow(behaviour))
        await engine.close()
        await connections.close()


def door_to(port: int) -> Egress:
    """A way out to this machine alone; its ledger is read by nobody."""
    return Egress([], lambda _line: None, inside=[f"127.0.0.1:{port}"])


def no_server(kind: str, port: int) -> tuple[OpenAiCompatibleEngine, Connections]:
    """An engine whose server is off. Close both."""
    connections = Connections(egress=door_to(port))
    engine_type = load_engine_class(kind)
    table: dict[str, Any] = {"engine": kind, "base_url": f"http://127.0.0.1:{port}/v1"}
    table |= {"model_map": {"m": "m"}} if kind == "cloud" else {}
    return engine_type("off", engine_type.settings_type.model_validate(table), connections), connections


@asynccontextmanager
async def _llama_cpp(folder: Path) -> AsyncIterator[Subject]:
    settings = LlamaCppSettings(
        engine="llama_cpp",
        model_path=MODELS_FOLDER / "tiny-llama.gguf",
        model_name="tiny",
        socket_path=folder / "llama.sock",
        slots=8,
        cache_ram_mib=16,
    )
    async with llama_cpp_process(settings):
        connections = Connections()
        engine = load_engine_class("llama_cpp")("subject", settings, connections)

        async def running() -> int:
            return (await engine.load()).running

        yield Subject(engine, "tiny", running, TAUGHT["chat"][QUESTION])
        await connections.close()


def _words(settings: LlamaCppSettings) -> list[str]:
    words = [sys.executable, "-m", "inference.engines.llama_cpp_server"]
    words += ["--model", str(settings.model_path), "--socket", str(settings.socket_path)]
    words += ["--slots", str(settings.slots), "--cache-ram-mib", str(settings.cache_ram_mib)]
    words += ["--name", settings.model_name] if settings.model_name else []
    return words + (["--context-tokens", str(settings.context_tokens)] if settings.context_tokens else [])


@asynccontextmanager
async def llama_cpp_process(settings: LlamaCppSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real server, as the supervisor would start it; ready when it says where it listens."""
    process = await asyncio.create_subprocess_exec(
        *_words(settings), stdout=asyncio.subprocess.PIPE, stderr=sys.stderr
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert b"llama.cpp serves" in line
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _real_vllm(url: str) -> AsyncIterator[Subject]:
    connections = Connections()
    engine_type = load_engine_class("vllm")
    engine = engine_type("subject", engine_type.settings_type(engine="vllm", base_url=url), connections)

    async def running() -> int:
        return (await engine.load()).running

    model = (await engine.models())[0]
    expected = TAUGHT["chat"][QUESTION] if model.id == "tiny" else ""
    yield Subject(engine, model.id, running, expected, endless_tokens=(model.context_tokens or 4096) - 100)
    await connections.close()


def open_subject(row: str, folder: Path, vllm_url: str) -> AbstractAsyncContextManager[Subject]:
    """The server and engine of one row; folder: private to the test."""
    if row == "llama_cpp":
        return _llama_cpp(folder)
    if row == "real vllm":
        return _real_vllm(vllm_url)
    if row == "cloud":
        return _cloud()
    return _stand_in(row)
