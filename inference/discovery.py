"""Find a vLLM or Ollama that already listens on its usual port of this machine.

An open port proves nothing, and ours may be 8000 too: each is told by answers only it gives, without a key. Our own
gateway gives neither of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from inference.bodies import read_at_most

PROBE_TIMEOUT_S = 0.3
VLLM_ADDRESS = "http://127.0.0.1:8000"
OLLAMA_ADDRESS = "http://127.0.0.1:11434"
_MAX_ANSWER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FoundEngine:
    """An engine that answered. kind: its row of the engine table; base_url as that row's settings want it."""

    kind: str
    base_url: str
    models: tuple[str, ...]

    def sentence(self) -> str:
        """What is printed at the start."""
        offered = ", ".join(self.models) or "no models yet"
        return f"Found {self.kind} at {self.base_url} ({offered}). Name it in appliance.toml to change how it is used."


async def find_local(
    *, vllm: str = VLLM_ADDRESS, ollama: str = OLLAMA_ADDRESS, timeout_s: float = PROBE_TIMEOUT_S
) -> list[FoundEngine]:
    """Every engine that answers within timeout_s; nobody there is an empty list, never an error."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        probes = (
            _within(timeout_s, _probe_vllm(session, vllm)),
            _within(timeout_s, _probe_ollama(session, ollama)),
        )
        found = await asyncio.gather(*probes)
    return [engine for engine in found if engine is not None]


async def _within(timeout_s: float, probe: Awaitable[FoundEngine | None]) -> FoundEngine | None:
    try:
        async with asyncio.timeout(timeout_s):
            return await probe
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None


async def _probe_vllm(session: aiohttp.ClientSession, address: str) -> FoundEngine | None:
    """vLLM: a list of models without a key, owned by `vllm` or beside metrics of that name."""
    rows = _rows(await _get(session, f"{address}/v1/models"), "data")
    names = tuple(str(row["id"]) for row in rows or () if row.get("id"))
    if rows is None:
        return None
    if not any(row.get("owned_by") == "vllm" for row in rows):
        page = await _get(session, f"{address}/metrics")
        if page is None or b"\nvllm:" not in b"\n" + page:
            return None
    return FoundEngine("vllm", f"{address}/v1", names)


async def _probe_ollama(session: aiohttp.ClientSession, address: str) -> FoundEngine | None:
    """Ollama: its own list of models, and its greeting where that list is still empty."""
    rows = _rows(await _get(session, f"{address}/api/tags"), "models")
    if rows is None or not all(isinstance(row.get("name"), str) for row in rows):
        return None
    if not rows and b"Ollama is running" not in (await _get(session, f"{address}/") or b""):
        return None
    return FoundEngine("ollama", address, tuple(row["name"].removesuffix(":latest") for row in rows))


async def _get(session: aiohttp.ClientSession, url: str) -> bytes | None:
    """The body of a 200, else None. Redirects are somebody else's house."""
    async with session.get(url, allow_redirects=False) as response:
        return await read_at_most(response, _MAX_ANSWER_BYTES) if response.status == 200 else None


def _rows(body: bytes | None, field: str) -> Sequence[dict[str, Any]] | None:
    parsed = orjson.loads(body) if body is not None else None
    rows = parsed.get(field) if isinstance(parsed, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    return rows
