"""A real llama.cpp server with a tiny model, and a door before it that lets answers out at a person's pace.

The model is so small that it writes thousands of tokens a second; nobody would ever wait. The door therefore holds
each first token back as long as a larger model reads a prompt, and each further one as long as it writes a token.
A request keeps its slot of the door until its last token has passed; one more than there are slots waits there, as it
would in an engine.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from appliance.errors import StartupError
from appliance.supervisor.parting import ends_with_us

MODEL = Path(__file__).resolve().parent / "tiny-llama.gguf"
NAME = "tiny"
_ROOT = Path(__file__).resolve().parent.parent.parent
_CONTEXT_TOKENS = 512
_START_S = 30.0


@dataclass(frozen=True, slots=True)
class Tempo:
    """How a larger engine would go: slots, seconds to the first token, seconds from token to token."""

    slots: int = 4
    first_token_s: float = 0.15
    token_s: float = 0.05


@asynccontextmanager
async def paced_engine(tempo: Tempo) -> AsyncIterator[str]:
    """The door's address, ending in /v1, once the model is loaded. Raises StartupError."""
    async with (
        _llama_cpp(tempo.slots) as upstream,
        aiohttp.ClientSession(
            upstream,
            timeout=aiohttp.ClientTimeout(total=None),
            # llama.cpp now and then drops a connection that it had kept
            connector=aiohttp.TCPConnector(force_close=True),
        ) as session,
    ):
        door = _Door(session, tempo)
        application = web.Application()
        application.add_routes(
            [web.get("/v1/models", door.list_models), web.post("/v1/chat/completions", door.complete)]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            await runner.cleanup()


class _Door:
    """The two routes."""

    def __init__(self, session: aiohttp.ClientSession, tempo: Tempo) -> None:
        self._session = session
        self._tempo = tempo
        self._slots = asyncio.Semaphore(tempo.slots)

    async def list_models(self, request: web.Request) -> web.Response:
        async with self._session.get("/v1/models") as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Events as they come, each when its time has come."""
        body = await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        async with self._slots:
            due = time.monotonic() + self._tempo.first_token_s
            headers = {"content-type": "application/json"}
            async with self._session.post("/v1/chat/completions", data=body, headers=headers) as answer:
                if answer.status != 200:
                    return web.Response(status=answer.status, body=await answer.read())
                async for event in _events(answer.content):
                    is_token = b'"content":"' in event
                    if is_token or not response.prepared:
                        await asyncio.sleep(due - time.monotonic())
                    if is_token:
                        due += self._tempo.token_s
                    if not response.prepared:
                        await response.prepare(request)
                    await response.write(event)
        return response


async def _events(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Server-sent events, each with its empty line."""
    event = b""
    async for line in stream:
        event += line
        if not line.strip():
            yield event
            event = b""


@asynccontextmanager
async def _llama_cpp(slots: int) -> AsyncIterator[str]:
    process = _start(slots)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            line = await asyncio.to_thread(process.stdout.readline)
        address = line.rpartition(" ")[2].strip()
        if not address.startswith("http://"):
            raise StartupError(f"llama.cpp did not start with {MODEL}. Run `appliance doctor`.")
        yield address
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _start(slots: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-P", "-m", "inference.engines.llama_cpp_server"),
            *("--model", str(MODEL), "--name", NAME, "--port", "0", "--slots", str(slots)),
            *("--context-tokens", str(_CONTEXT_TOKENS), "--threads", "1", "--cache-ram-mib", "0"),
        ],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=ends_with_us(),
    )
