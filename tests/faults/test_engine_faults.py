"""Engines that die, hang, stall and talk nonsense: every stream ends as promised, every slot comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.fairness.settings import GateSettings
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.cutting_proxy import CuttingProxy, Tcp
from tests.faults.engine_process import engine_process
from tests.faults.observing import nothing_is_held, rows_of, until_metric
from tests.faults.raw_client import RawClient, events, post
from tests.faults.scripted_engine import (
    END_OF_CHUNKS,
    STREAM_HEAD,
    Script,
    ScriptedEngine,
    chunk,
    frame,
    whole,
)
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

CHAT = "/v1/chat/completions"
QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
STREAM = {**QUESTION, "stream": True}

Run = Callable[..., Any]


@pytest.fixture
def gateway_before(servers: Servers, valkey: Redis, owner_url: str) -> Run:
    """Makes a gateway before the engine at an address; as patient as it is told to be."""

    @asynccontextmanager
    async def made(base_url: str, **values: object) -> AsyncIterator[Gateway]:
        limits: dict[str, Any] = {
            "max_running": 1,
            "first_byte_timeout_s": 120.0,
            "chunk_timeout_s": 120.0,
            **values,
        }
        async with running_gateway(
            {"local": engine_settings(base_url, models=["fake"], **limits)},
            valkey_url=servers.valkey.url,
            database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
            settings=GateSettings(comment_after_s=0.1),
        ) as running:
            yield running

    return made


def port_of(gateway: Gateway) -> int:
    """Where it listens."""
    return int(gateway.base_url.rpartition(":")[2])


async def read_stream(gateway: Gateway, key: str = "ana") -> bytes:
    """A stream's raw bytes to its end."""
    async with RawClient(port_of(gateway)) as client:
        await client.send(post(CHAT, STREAM, key, connection="close"))
        return await client.read_to_end()


def breaks_off_visibly(stream: bytes) -> None:
    """Exactly one error event, last, and no [DONE]; the HTTP answer itself is complete."""
    got = events(stream)
    assert "error" in got[-1] and sum("error" in event for event in got) == 1
    assert "[DONE]" not in got
    assert stream.endswith(END_OF_CHUNKS)


# 1, 2: it dies --------------------------------------------------------------------------------------------


async def test_killed_in_the_middle_of_streams(gateway_before: Run, database: Database) -> None:
    """`kill -9` of the engine: its streams end with an error, a whole call with a 5xx, and nothing stays held."""
    with engine_process("--tokens", "5000", "--pace-ms", "20") as engine:
        async with gateway_before(engine.base_url, max_running=8) as gateway:
            async with RawClient(port_of(gateway)) as client, RawClient(port_of(gateway)) as other:
                await client.send(post(CHAT, STREAM, connection="close"))
                await other.send(post(CHAT, QUESTION, key="bea", connection="close"))
                await client.read_until(b"data: ", times=5)
                await until_metric(gateway, "appliance_running_requests", 2)

                engine.kill()

                breaks_off_visibly(await client.read_to_end())
                delivered = sum("choices" in event for event in events(client.seen))
                await other.read_to_end()
            assert other.status in (502, 503)
            await nothing_is_held(gateway)
    (row,) = await rows_of(database)
    assert row["status"] == "broken" and abs(row["completion_tokens"] - delivered) <= 1
    (row,) = await rows_of(database, "bea")
    assert row["status"] in ("broken", "failed") and row["completion_tokens"] == 0


async def test_killed_while_others_wait_for_it(gateway_before: Run, database: Database) -> None:
    """Who stands in line is refused or told when the turn comes, nobody waits for ever; then it comes back."""
    with engine_process("--tokens", "5000", "--pace-ms", "20") as engine:
        async with gateway_before(engine.base_url) as gateway:
            async with RawClient(port_of(gateway)) as holder:
                await holder.send(post(CHAT, STREAM, key="bea", connection="close"))
                await holder.read_until(b"data: ")
                streams = [asyncio.create_task(read_stream(gateway)) for _ in range(3)]
                wholes = [asyncio.create_task(_whole(gateway)) for _ in range(3)]
                await until_metric(gateway, "appliance_waiting_requests", 6)

                engine.kill()

                breaks_off_visibly(await holder.read_to_end())
                for stream in await asyncio.gather(*streams):
                    assert stream.startswith(b"HTTP/1.1 503 ") or "error" in events(stream)[-1]
                assert {status for status, _ in await asyncio.gather(*wholes)} == {503}
            await nothing_is_held(gateway)

            engine.words = ()
            engine.start_again()
            await gateway.roster.refresh()
            await until(lambda: gateway.room.circuits.breakers.is_closed("local", "fake"))
            assert (await _whole(gateway))[0] == 200
    rows = await rows_of(database, count=7)
    assert [row["status"] for row in rows] == ["failed"] * 6 + ["completed"]


async def _whole(gateway: Gateway) -> tuple[int, Any]:
    async with gateway.post("chat/completions", QUESTION) as response:
        return response.status, await response.json()


# 3, 4: it is silent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_frozen_before_its_first_token(gateway_before: Run, database: Database, stream: bool) -> None:
    """It took the request and says nothing: after first_byte_timeout_s a 503, and the slot is another's."""
    with engine_process() as engine:
        async with gateway_before(engine.base_url, first_byte_timeout_s=1.0) as gateway:
            engine.freeze()
            try:
                async with gateway.post("chat/completions", {**QUESTION, "stream": stream}) as response:
                    error = (await response.json())["error"]
                assert response.status == 503 and error["code"] == "engine_unavailable"
                await nothing_is_held(gateway)
            finally:
                engine.thaw()
    (row,) = await rows_of(database)
    assert row["status"] == "failed"


async def test_frozen_in_the_middle(gateway_before: Run, database: Database) -> None:
    """After chunk_timeout_s of silence the stream ends with an error; what had come is billed, give or take one."""
    with engine_process("--tokens", "5000", "--pace-ms", "20") as engine:
        async with gateway_before(engine.base_url, chunk_timeout_s=4.0) as gateway:
            async with RawClient(port_of(gateway)) as client:
                await client.send(post(CHAT, STREAM, connection="close"))
                await client.read_until(b"data: ", times=5)

                engine.freeze()
                try:
                    breaks_off_visibly(await client.read_to_end())
                finally:
                    engine.thaw()
                delivered = sum("choices" in event for event in events(client.seen))
            await nothing_is_held(gateway)
    (row,) = await rows_of(database)
    assert row["status"] == "broken" and abs(row["completion_tokens"] - delivered) <= 1


# the link to it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_bytes", [100, 400, 415, 430, 445, 460, 600, 1000])
async def test_the_link_breaks_at_any_byte(gateway_before: Run, database: Database, after_bytes: int) -> None:
    """In the headers, between events, in the middle of one: no half event reaches the client, and it is told."""
    async with FakeEngine() as engine:
        engine.behaviour.tokens, engine.behaviour.pace_s = 50, 0.002
        async with (
            CuttingProxy(Tcp(engine.host, engine.port)) as proxy,
            gateway_before(f"{proxy.url}/v1") as gateway,
        ):
            proxy.cut()
            proxy.cut_down_after = after_bytes
            stream = await read_stream(gateway)
            if stream.startswith(b"HTTP/1.1 200 "):
                breaks_off_visibly(stream)  # parses every event: a half one would fail
            else:
                assert stream.startswith(b"HTTP/1.1 503 ")
            await engine.until(lambda e: e.running == 0)
            await nothing_is_held(gateway)
    (row,) = await rows_of(database)
    assert row["status"] in ("broken", "failed")


async def test_the_link_stalls_and_goes_on(gateway_before: Run) -> None:
    """A pause shorter than the limit is only a pause."""
    async with FakeEngine() as engine, CuttingProxy(Tcp(engine.host, engine.port)) as proxy:
        engine.behaviour.tokens, engine.behaviour.pace_s = 40, 0.005
        async with (
            gateway_before(f"{proxy.url}/v1") as gateway,
            RawClient(port_of(gateway)) as client,
        ):
            await client.send(post(CHAT, STREAM, connection="close"))
            await client.read_until(b"data: ", times=3)
            proxy.down.stall()
            await engine.until(lambda e: e.finished == 1)
            proxy.down.go_on()
            await client.read_to_end()
    assert events(client.seen)[-1] == "[DONE]"


# 5: it talks nonsense -------------------------------------------------------------------------------------

EMOJI = "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": "día 🎉"}}]}, ensure_ascii=False)


def says(*pieces: bytes, head: bytes = STREAM_HEAD, end: bytes = END_OF_CHUNKS) -> Script:
    """A script: these chunks one by one."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for piece in pieces:
            writer.write(chunk(piece) if head is STREAM_HEAD else piece)
            await writer.drain()
            await asyncio.sleep(0.005)
        writer.write(end)
        await writer.drain()

    return script


BROKEN = {
    "garbage instead of an event": says(frame("one"), b"\x00\xff\xfe garbage \r\n\r\n" * 5),
    "half an event at the end": says(frame("one"), frame("two")[:-20]),
    "no [DONE]": says(frame("one"), frame("two")),
    "nothing at all": says(),
    "an error event": says(frame("one"), b'data: {"error": {"message": "CUDA error", "code": 500}}\n\n'),
    "chunks that end too soon": says(frame("one"), end=b"ff\r\nshort"),
    "a chunk of a strange size": says(frame("one"), end=b"zz\r\n"),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
async def test_a_stream_of_nonsense_ends_with_an_error(
    gateway_before: Run, database: Database, script: Script
) -> None:
    """Never [DONE], never half an event, never more than the slot's worth of harm."""
    async with ScriptedEngine(script) as engine, gateway_before(engine.base_url) as gateway:
        stream = await read_stream(gateway)

        if stream.startswith(b"HTTP/1.1 200 "):
            breaks_off_visibly(stream)
        else:
            assert stream.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 503 "))
        await nothing_is_held(gateway)
        engine.script = says(frame("fine"), b"data: [DONE]\n\n")
        assert events(await read_stream(gateway, "bea"))[-1] == "[DONE]"
    (row,) = await rows_of(database)
    assert row["status"] in ("broken", "failed")


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_events_in_pieces_arrive_whole(gateway_before: Run, size: int) -> None:
    """Cut anywhere, also inside a letter's bytes: the client's words are the engine's."""
    text = f"{EMOJI}\n\ndata: [DONE]\n\n".encode()
    script = says(*(text[at : at + size] for at in range(0, len(text), size)))
    async with ScriptedEngine(script) as engine, gateway_before(engine.base_url) as gateway:
        stream = await read_stream(gateway)

    got = events(b"".join(_dechunked(stream)))
    assert got[0]["choices"][0]["delta"]["content"] == "día 🎉" and got[-1] == "[DONE]"


def _dechunked(stream: bytes) -> list[bytes]:
    rest, pieces = stream.partition(b"\r\n\r\n")[2], []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        pieces.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return pieces


@pytest.mark.parametrize(
    ("answer", "statuses"),
    [
        (whole(b"<html>It works!</html>", "text/html"), {502}),
        (whole(b'{"choices": [{"mess'), {502}),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{", {502, 503}),
        (b"SSH-2.0-OpenSSH_9.9\r\n", {502, 503}),
        (b"", {502, 503}),
        (whole(b"out of memory", "text/plain", "500 Internal Server Error"), {502, 503}),
        (b"HTTP/1.1 302 Found\r\nlocation: http://203.0.113.1/\r\ncontent-length: 0\r\n\r\n", {502, 503}),
    ],
    ids=["a web page", "half JSON", "half an answer", "another protocol", "nothing", "500", "a redirect"],
)
async def test_a_whole_call_has_a_true_status(gateway_before: Run, answer: bytes, statuses: set[int]) -> None:
    """What is cut off, no HTTP or no JSON is a 5xx in our body: no client is left to parse it."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with ScriptedEngine(script) as engine, gateway_before(engine.base_url) as gateway:
        async with gateway.post("chat/completions", QUESTION) as response:
            body = await response.read()
        assert response.status in statuses
        assert json.loads(body)["error"]["type"] == "server_error"
        await nothing_is_held(gateway)
