"""A gateway that stops: what runs gets its time, what cannot end is told, what can be resumed is ended at once."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
from starlette.types import Receive, Scope, Send

from appliance.api.draining import Draining
from appliance.api.http_server import HttpServer
from appliance.supervisor.listening import listen
from inference.testing.fake_engine import FakeEngine
from tests.faults.engine_process import EngineProcess, engine_process
from tests.faults.raw_client import RawClient, events, get, post
from tests.gateway_harness import until
from tests.whole_box import WholeBox, temporary_box

MESSAGES = [{"role": "user", "content": "How are you?"}]
WHOLE = {"model": "fake", "messages": MESSAGES}
STREAM = {**WHOLE, "stream": True}
CHAT = "/v1/chat/completions"


# a whole box, with two gateway processes ------------------------------------------------------------------


@contextmanager
def box_before(engine: EngineProcess | FakeEngine, drain_s: float) -> Iterator[WholeBox]:
    """No sample; the engine is the stand-in."""
    configuration = f"""
[server]
workers = 2
drain_s = {drain_s}
[knowledge]
sample = false
[engines.fake]
engine = "openai_compatible"
base_url = "{engine.base_url}"
max_running = 64
"""
    with temporary_box(configuration) as box:
        yield box


def terminate(box: WholeBox) -> None:
    """SIGTERM, as by systemd or docker."""
    assert box.process is not None
    box.process.send_signal(signal.SIGTERM)


async def ended(box: WholeBox) -> int:
    """Its exit status."""
    assert box.process is not None
    return await asyncio.to_thread(box.process.wait, 120)


async def until_running(engine: EngineProcess, count: int) -> None:
    """So many requests have reached it."""

    async def they_run() -> bool:
        return await asyncio.to_thread(lambda: engine.running) >= count

    await until(they_run, 90)


@pytest.mark.slow
async def test_what_is_being_answered_is_answered_to_its_end() -> None:
    """SIGTERM to the box: streams reach their [DONE], whole answers come, a turn is finished; nothing is broken off."""
    async with FakeEngine() as engine, AsyncExitStack() as stack:
        engine.behaviour.tokens, engine.behaviour.go_on = 20, asyncio.Event()
        box = await asyncio.to_thread(stack.enter_context, box_before(engine, 300))
        clients = [await stack.enter_async_context(RawClient(box.port)) for _ in range(6)]
        for client in clients[:4]:
            await client.send(post(CHAT, STREAM, key=box.key))
        for client in clients[4:]:
            await client.send(post(CHAT, WHOLE, key=box.key))
        turn = await asyncio.to_thread(
            box.post_json, "/api/turns", {"question": "How are you?", "model": "fake"}
        )
        page = await stack.enter_async_context(RawClient(box.port))
        await page.send(get(f"/api/turns/{turn['id']}/events", key=box.key))
        await page.read_until(b"event: ")
        await engine.until(lambda now: now.running == 7)

        terminate(box)

        seen_by_page = await page.read_to_end()
        still_running = engine.running
        engine.behaviour.go_on.set()
        for client in clients:
            await client.read_to_end()
        code = await ended(box)

        assert code == 0
        # The page's stream was ended at once and cleanly, while its answer was still being written.
        assert still_running == 7 and seen_by_page.endswith(b"0\r\n\r\n")
        for client in clients[:4]:
            assert client.status == 200 and events(client.seen)[-1] == "[DONE]"
        for client in clients[4:]:
            assert client.status == 200 and client.seen.endswith(b"}")
        await asyncio.to_thread(box.start)
        await asyncio.to_thread(box.wait_ready)
        assert box.rows("SELECT status, count(*) FROM requests GROUP BY 1") == [("completed", 7)]
        conversation = await asyncio.to_thread(box.get_json, f"/api/conversations/{turn['conversation_id']}")
        assert conversation["turns"][0]["status"] == "done"
        await asyncio.to_thread(box.stop)


@pytest.mark.battery
@pytest.mark.slow
async def test_what_does_not_end_in_time_is_told() -> None:
    """A stream gets an `error` event and no [DONE], a whole call its 503; their rows say that the gateway stopped."""
    with engine_process("--tokens", "100000", "--pace-ms", "50") as engine, box_before(engine, 0.5) as box:
        async with (
            RawClient(box.port) as stream,
            RawClient(box.port) as whole,
            RawClient(box.port) as unfinished,
        ):
            await stream.send(post(CHAT, STREAM, key=box.key))
            await stream.read_until(b"data: ", times=3)
            await whole.send(post(CHAT, WHOLE, key=box.key))
            await unfinished.send(post(CHAT, WHOLE, key=box.key)[:-5])
            await until_running(engine, 2)

            terminate(box)

            told = events(await stream.read_to_end())
            refused = await whole.read_to_end()
            code = await ended(box)

        assert code == 0
        assert told[-1]["error"]["code"] == "part_unavailable" and "[DONE]" not in told
        assert whole.status == 503 and json.loads(refused.partition(b"\r\n\r\n")[2])["error"]["type"]
        box.start()
        box.wait_ready()
        rows = box.rows("SELECT status, error_code FROM requests")
        assert rows == [("broken", "gateway_stopping")] * 2


@pytest.mark.battery
@pytest.mark.slow
async def test_a_second_signal_hurries_in_order() -> None:
    """The time to drain is given up, nothing else: clients are told, and PostgreSQL closes its files."""
    with engine_process("--tokens", "100000", "--pace-ms", "50") as engine, box_before(engine, 3600) as box:
        async with RawClient(box.port) as stream:
            await stream.send(post(CHAT, STREAM, key=box.key))
            await stream.read_until(b"data: ", times=3)
            terminate(box)
            await stream.read_until(b"data: ", times=30)  # it drains

            before = time.monotonic()
            terminate(box)

            told = events(await stream.read_to_end())
            code = await ended(box)
            sys.stdout.write(f"\n  hurried: all is down after {time.monotonic() - before:.1f} s")

        assert code == 0
        assert told[-1]["error"]["code"] == "part_unavailable"
        assert not (box.data / "postgres" / "postmaster.pid").exists()
        assert box.processes() == {}


# one gateway process in this event loop ---------------------------------------------------------------------


async def test_whoever_comes_during_the_drain_waits_for_the_next_process() -> None:
    """The listening socket is somebody else's: it stays open, and its backlog is served by the successor."""
    go_on, answers = asyncio.Event(), [b"v1"]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await go_on.wait()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answers[-1]})

    with listen("127.0.0.1", 0) as held_by_supervisor:
        port = held_by_supervisor.getsockname()[1]
        old = HttpServer(application, Draining(), drain_s=60, lifespan=False)
        serving_old = asyncio.create_task(old.serve([held_by_supervisor.dup()]))
        await until(lambda: old.started)
        async with RawClient(port) as early, RawClient(port) as idle:
            await early.send(get("/slow"))
            await until(lambda: len(old.server_state.tasks) == 1)

            old.should_exit = True
            assert await idle.read_to_end() == b""  # closed at once: nothing was asked on it

            async with RawClient(port) as late:
                await late.send(get("/quick"))
                answers.append(b"v2")
                new = HttpServer(application, Draining(), drain_s=60, lifespan=False)
                serving_new = asyncio.create_task(new.serve([held_by_supervisor.dup()]))
                await late.read_until(b"v2")
            go_on.set()
            await early.read_until(b"\r\n\r\nv2")
        await serving_old
        new.should_exit = True
        await serving_new


@pytest.mark.parametrize(
    "path", ["/gradio_api/heartbeat/abc123", "/gradio_api/queue/data", f"/api/turns/{'0' * 36}/events"]
)
async def test_streams_that_resume_are_ended_at_once_and_whole(path: str) -> None:
    """They would never end by themselves: the browser sees an ordinary end, and what is no such stream goes on."""
    draining, go_on = Draining(), asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b" and done"})

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await draining.serve(endless, scope, receive, send)

    with listen("127.0.0.1", 0) as held_by_supervisor:
        port = held_by_supervisor.getsockname()[1]
        server = HttpServer(application, draining, drain_s=60, lifespan=False)
        serving = asyncio.create_task(server.serve([held_by_supervisor.dup()]))
        await until(lambda: server.started)
        async with RawClient(port) as resumable, RawClient(port) as other:
            await resumable.send(get(path))
            await other.send(get("/api/export"))
            await resumable.read_until(b"begun")
            await other.read_until(b"begun")

            server.should_exit = True

            assert (await resumable.read_to_end()).endswith(b"begun\r\n0\r\n\r\n")
            go_on.set()
            assert (await other.read_to_end()).endswith(b" and done\r\n0\r\n\r\n")
        await serving


async def test_a_route_that_does_not_end_in_time_is_a_503() -> None:
    """Not a 500 in plain text: clients that come back by themselves do so."""
    draining = Draining()

    async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await draining.serve(stuck, scope, receive, send)

    with listen("127.0.0.1", 0) as held_by_supervisor:
        port = held_by_supervisor.getsockname()[1]
        server = HttpServer(application, draining, drain_s=0, lifespan=False)
        serving = asyncio.create_task(server.serve([held_by_supervisor.dup()]))
        await until(lambda: server.started)
        async with RawClient(port) as client:
            await client.send(get("/api/users"))
            await until(lambda: len(server.server_state.tasks) == 1)

            server.should_exit = True

            answer = await client.read_to_end()
        await serving
    assert client.status == 503 and b"retry-after: " in answer and b"part_unavailable" in answer
