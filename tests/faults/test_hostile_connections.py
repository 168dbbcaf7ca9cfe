"""Connections that no honest client makes: refused in bounded time and memory, nothing smuggled, others unharmed."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import pytest
from redis.asyncio import Redis

from appliance.api.connections import MAX_HEADER_BYTES, MAX_HEADERS, Patience
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.observing import nothing_is_held
from tests.faults.raw_client import RawClient, get, post
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

CHAT = "/v1/chat/completions"
QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
STREAM = {**QUESTION, "stream": True}
SMUGGLED = get("/v1/models", key="victim")
SENDER_S = 4.0  # a machine that stands still for less than that has cut nobody off
OPEN_STREAMS = int(os.environ.get("OPEN_STREAMS", "200"))


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Room for every stream of this file."""
    async with FakeEngine(slots=20_000) as started:
        yield started


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """A request has a few seconds to arrive, instead of thirty."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=20_000)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        patience=Patience(sender_s=SENDER_S),
    ) as running:
        yield running


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[RawClient]:
    """A connection to it."""
    async with RawClient(port_of(gateway)) as connected:
        yield connected


def port_of(gateway: Gateway) -> int:
    """Where it listens."""
    return int(gateway.base_url.rpartition(":")[2])


async def is_well(gateway: Gateway) -> None:
    """Everybody else is answered."""
    async with gateway.post("chat/completions", QUESTION, key="bea") as response:
        assert response.status == 200


def raw(*lines: str, body: bytes = b"", path: str = CHAT) -> bytes:
    """A request of exactly these header lines."""
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines]).encode() + b"\r\n\r\n" + body


# slow-loris -----------------------------------------------------------------------------------------------


async def drip(client: RawClient, data: bytes) -> None:
    """A byte every tenth of the time that there is, until the other side has enough."""
    try:
        for at in range(len(data)):
            await client.send(data[at : at + 1])
            await asyncio.sleep(SENDER_S / 10)
    except OSError:
        return


@pytest.mark.parametrize(
    ("begun", "dripped"),
    [
        (b"", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 100),
        (b"POST /v1/chat/completions HTTP/1.1\r\n", b"x-a: b\r\n" * 100),
        (post(CHAT, QUESTION)[:-40], b" " * 1000),
    ],
    ids=["from the first byte", "in the headers", "in the body"],
)
async def test_a_request_that_drips_is_ended(
    gateway: Gateway, engine: FakeEngine, client: RawClient, begun: bytes, dripped: bytes
) -> None:
    """However busily it sends single bytes: its time is over, it is told so, and it never reached an engine."""
    await client.send(begun)
    dripping = asyncio.create_task(drip(client, dripped))

    answer = await asyncio.wait_for(client.read_to_end(), 60)

    dripping.cancel()
    assert client.status == 408 and b"request_timeout" in answer
    assert engine.requests == []
    await is_well(gateway)


@pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["nothing", "an empty line"])
async def test_a_connection_without_a_request_is_closed(
    gateway: Gateway, client: RawClient, sent: bytes
) -> None:
    """It holds a place for a while and no longer; nothing is said to it."""
    await client.send(sent)

    assert await asyncio.wait_for(client.read_to_end(), 60) == b""
    await is_well(gateway)


async def test_empty_lines_after_an_answer_do_not_keep_a_connection(
    gateway: Gateway, client: RawClient
) -> None:
    """The keep-alive time is not begun again by bytes that are no request."""
    await client.send(get("/v1/models"))
    await client.read_until(b'"object":"list"')

    async def send_empty_lines() -> None:
        while True:
            await client.send(b"\r\n")
            await asyncio.sleep(0.1)

    sending = asyncio.create_task(send_empty_lines())
    await asyncio.wait_for(client.read_to_end(), 60)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_body_that_keeps_coming_has_all_the_time_it_needs(
    gateway: Gateway, client: RawClient
) -> None:
    """Longer than the patience in all, but never slower than the least pace: it is read to its end and answered."""
    request = post(CHAT, {**QUESTION, "metadata": {"padding": "x" * 60_000}})
    for at in range(0, len(request), 2_000):
        await client.send(request[at : at + 2_000])
        await asyncio.sleep(SENDER_S / 20)

    await client.read_until(b"Echo: How are you?")
    assert client.status == 200


async def test_a_thousand_requests_on_one_connection_are_not_one_slow_one(
    gateway: Gateway, client: RawClient
) -> None:
    """A connection that is always in the middle of some request, but of another each time, is a busy one."""
    request = get("/v1/models")
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < 1.3 * SENDER_S:
        await client.send(request[:30])
        await asyncio.sleep(0.05)
        await client.send(request[30:])
        count += 1
        await client.read_until(b'"object":"list"', times=count)


async def test_many_dripping_connections_disturb_nobody(gateway: Gateway, engine: FakeEngine) -> None:
    """Three hundred at once; an honest request among them is answered."""
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RawClient(port_of(gateway))) for _ in range(300)]
        for client in clients:
            await client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        await is_well(gateway)
        answers = await asyncio.wait_for(asyncio.gather(*(client.read_to_end() for client in clients)), 60)
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)


# sizes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        raw("host: x", *(f"x-{n}: y" for n in range(MAX_HEADERS))),
        raw("host: x", "x-big: " + "y" * MAX_HEADER_BYTES),
        raw("host: x", *(f"x-{n}: {'y' * 4000}" for n in range(50))),
        get("/v1/models?" + "q" * MAX_HEADER_BYTES),
    ],
    ids=["too many", "one too large", "too large together", "address too long"],
)
async def test_headers_have_a_limit(gateway: Gateway, client: RawClient, request_bytes: bytes) -> None:
    """431 in OpenAI's error body, and the connection is closed."""
    await client.send(request_bytes)
    answer = await client.read_to_end()

    assert client.status == 431
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "headers_too_large"
    await is_well(gateway)


async def test_headers_without_end_are_not_kept(gateway: Gateway, client: RawClient) -> None:
    """A header that never ends is refused at the limit, not when memory is."""

    async def pour() -> None:
        await client.send(b"GET / HTTP/1.1\r\nx-endless: ")
        while True:
            await client.send(b"y" * 16_384)

    pouring = asyncio.create_task(pour())
    answer = await asyncio.wait_for(client.read_to_end(), 60)
    pouring.cancel()
    await asyncio.gather(pouring, return_exceptions=True)

    assert answer == b"" or client.status == 431  # a reset may overtake the answer
    server = gateway.servers[0].server_state
    await until(lambda: all(one.received < 1024 * 1024 for one in server.connections))  # type: ignore[union-attr]
    await is_well(gateway)


# two readings of one request ------------------------------------------------------------------------------

BODY = json.dumps(QUESTION).encode()
KEY = "authorization: Bearer ana"
LENGTH = f"content-length: {len(BODY)}"
JSON = "content-type: application/json"
AMBIGUOUS = {
    "length and chunks": raw(
        "host: x", KEY, "content-length: 6", "transfer-encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "chunks and length": raw(
        "host: x", KEY, "transfer-encoding: chunked", "content-length: 6", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "two lengths": raw("host: x", KEY, LENGTH, "content-length: 0", body=BODY + SMUGGLED),
    "the same length twice": raw("host: x", KEY, LENGTH, LENGTH, body=BODY),
    "a list of lengths": raw("host: x", KEY, f"content-length: {len(BODY)}, 0", body=BODY),
    "a signed length": raw("host: x", KEY, f"content-length: +{len(BODY)}", body=BODY),
    "a negative length": raw("host: x", KEY, "content-length: -1", body=SMUGGLED),
    "a length in hexadecimal": raw("host: x", KEY, "content-length: 0x10", body=BODY),
    "a blank before the colon": raw("host: x", KEY, f"content-length : {len(BODY)}", body=BODY),
    "a folded line": raw("host: x", KEY, "transfer-encoding:", " chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunks that are not last": raw(
        "host: x", KEY, "transfer-encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "an unknown coding": raw("host: x", KEY, "transfer-encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunks said twice": raw(
        "host: x",
        KEY,
        "transfer-encoding: chunked",
        "transfer-encoding: identity",
        body=b"0\r\n\r\n" + SMUGGLED,
    ),
    "a chunk of a strange size": raw("host: x", KEY, "transfer-encoding: chunked", body=b"-1\r\n" + SMUGGLED),
    "a huge chunk": raw("host: x", KEY, "transfer-encoding: chunked", body=b"f" * 20 + b"\r\n" + SMUGGLED),
    "bare line feeds": b"POST /v1/chat/completions HTTP/1.1\nhost: x\n\n" + SMUGGLED,
    "a NUL in a header": raw("host: x", KEY, "x-a: b\0c", LENGTH, body=BODY),
    "a bare carriage return": raw("host: x", KEY, "x-a: b\rcontent-length: 0", LENGTH, body=BODY),
    "no host": raw(KEY, LENGTH, body=BODY),
    "two hosts": raw("host: x", "host: y", KEY, LENGTH, body=BODY),
    "two keys": raw("host: x", KEY, "authorization: Bearer bea", LENGTH, body=BODY),
    "two types": raw("host: x", KEY, JSON, "content-type: text/plain", LENGTH, body=BODY),
    "another version": b"POST /v1/chat/completions HTTP/3.7\r\nhost: x\r\n\r\n",
    "no version": b"GET /v1/models\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_can_be_read_in_two_ways_is_refused(
    gateway: Gateway, engine: FakeEngine, client: RawClient, request_bytes: bytes
) -> None:
    """One refusal, then the connection is closed: what follows is never taken for a request of its own."""
    await client.send(request_bytes)
    answer = await asyncio.wait_for(client.read_to_end(), 60)

    assert client.status in (400, 408), answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"object":"list"' not in answer and engine.requests == []
    await is_well(gateway)


async def test_what_follows_a_close_is_not_answered(gateway: Gateway, client: RawClient) -> None:
    """`connection: close` means it: bytes behind such a request are nobody's."""
    await client.send(get("/v1/models").replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + SMUGGLED)
    answer = await client.read_to_end()

    assert answer.count(b"HTTP/1.1 ") == 1


async def test_pipelined_requests_are_answered_in_their_order(
    gateway: Gateway, engine: FakeEngine, client: RawClient
) -> None:
    """One after the other, each with its own caller: a slow first one holds the rest back, and mixes with none."""
    engine.behaviour.pace_s = 0.01
    await client.send(
        post(CHAT, STREAM, x_request_id="one")
        + post(CHAT, QUESTION, key="nobody", x_request_id="two")
        + post(CHAT, QUESTION, key="bea", x_request_id="three")
    )
    await client.read_until(b"x-request-id: three")
    await client.read_until(b"Echo: How are you?", times=1)

    heads = [part.split(b"\r\n\r\n")[0] for part in client.seen.split(b"HTTP/1.1 ")[1:]]
    assert [head[:3] for head in heads] == [b"200", b"401", b"200"]
    ids = [head.partition(b"x-request-id: ")[2].split(b"\r\n")[0] for head in heads]
    assert ids == [b"one", b"two", b"three"]
    assert client.seen.index(b"[DONE]") < client.seen.index(b"x-request-id: two")


async def test_garbage_behind_a_stream_does_not_end_up_in_it(
    gateway: Gateway, engine: FakeEngine, client: RawClient
) -> None:
    """A second request that is refused must not write its refusal into the first one's answer."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.01, 500
    await client.send(post(CHAT, STREAM))
    await client.read_until(b"data: ", times=3)

    await client.send(AMBIGUOUS["length and chunks"])

    answer = await client.read_to_end()
    assert answer.count(b"HTTP/1.1 ") == 1
    await engine.until(lambda e: e.running == 0)
    await nothing_is_held(gateway)


async def test_half_closed_connections_are_given_up(
    gateway: Gateway, engine: FakeEngine, client: RawClient
) -> None:
    """Whoever says that it sends no more has left: we do not guess whether it still reads."""
    engine.behaviour.ttft_s = 1000
    await client.send(post(CHAT, QUESTION))
    await engine.until(lambda e: e.running == 1)

    client.half_close()

    await engine.until(lambda e: e.running == 0)


async def test_tcp_gives_up_machines_that_vanished(gateway: Gateway, client: RawClient) -> None:
    """Every accepted connection is asked now and then, and holds little that was not sent."""
    await client.send(get("/v1/models"))
    await client.read_until(b'"object":"list"')

    server = gateway.servers[0].server_state
    accepted = next(iter(server.connections)).transport.get_extra_info("socket")

    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 65_536
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


# many -----------------------------------------------------------------------------------------------------


def _has_running(engine: FakeEngine, count: int) -> bool:
    return engine.running >= count


@pytest.mark.slow
async def test_many_open_streams(gateway: Gateway, engine: FakeEngine) -> None:
    """So many streams at once (OPEN_STREAMS sets another number); everybody else is still answered, all end well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = OPEN_STREAMS * 4 + 500
    if needed > soft:
        if needed > hard:
            pytest.skip(f"{OPEN_STREAMS} streams need {needed} open files; this machine allows {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    engine.behaviour.tokens, engine.behaviour.go_on = 1, asyncio.Event()
    async with AsyncExitStack() as stack:
        clients = []
        began = time.perf_counter()
        for number in range(1, OPEN_STREAMS + 1):
            client = await stack.enter_async_context(RawClient(port_of(gateway)))
            clients.append(client)
            await client.send(post(CHAT, STREAM))
            if number % 100 == 0 or number == OPEN_STREAMS:  # the stand-in's backlog holds 128
                await until(partial(_has_running, engine, number), 120)
        opened_s = time.perf_counter() - began
        took = []
        for _ in range(50):
            before = time.perf_counter()
            async with gateway.session.get(
                f"{gateway.base_url}/v1/models", headers={"authorization": "Bearer bea"}
            ) as response:
                assert response.status == 200
                await response.read()
            took.append((time.perf_counter() - before) * 1000)
        took.sort()
        sys.stdout.write(
            f"\n  {OPEN_STREAMS} streams open after {opened_s:.1f} s; others' requests meanwhile: "
            f"p50 {took[25]:.1f} ms, slowest {took[-1]:.1f} ms (engine and clients in the same process)"
        )
        assert engine.running == OPEN_STREAMS
        engine.behaviour.go_on.set()
        await asyncio.gather(*(client.read_until(b"data: [DONE]") for client in clients))
    await nothing_is_held(gateway)
