"""Two gateway processes on one port, started by `appliance up`: one queue, one set of limits, one page of metrics.

Either may be killed or restarted without harm to the other. That withdrawn credentials end what runs in both is
tests/faults/test_revocation.py.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.engine_process import EngineProcess, engine_process
from tests.faults.raw_client import RawClient, post
from tests.supervisor.conftest import wait_until
from tests.waiting import until
from tests.whole_box import WholeBox, temporary_box

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WORKERS = ("gateway-1", "gateway-2")
SLOTS = 4
CHAT = "/v1/chat/completions"
LONG, SHORT = 50_000, 4  # tokens, at 20 ms each: what is long outlasts any test
_CONFIGURATION = """
[server]
workers = 2
[knowledge]
sample = false
[engines.fake]
engine = "openai_compatible"
base_url = "{base_url}"
max_running = {slots}
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    """It would run more at once than we let it."""
    with engine_process("--tokens", str(LONG), "--pace-ms", "20", "--slots", "64") as started:
        yield started


@pytest.fixture(scope="module")
def box(engine: EngineProcess) -> Iterator[WholeBox]:
    """One for all tests here."""
    with temporary_box(_CONFIGURATION.format(base_url=engine.base_url, slots=SLOTS)) as running:
        yield running


def chat(tokens: int, *, is_stream: bool = False) -> dict[str, Any]:
    """A question whose answer has so many tokens."""
    question = [{"role": "user", "content": "How are you?"}]
    return {"model": "fake", "messages": question, "max_tokens": tokens, "stream": is_stream}


def worker_of(box: WholeBox) -> dict[int, str]:
    """Which gateway process has accepted the connection from a client's port."""
    sockets: dict[str, int] = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, *rest = line.split()
        if state == "01" and int(local.rpartition(":")[2], 16) == box.port:
            sockets[f"socket:[{rest[5]}]"] = int(remote.rpartition(":")[2], 16)
    found = {}
    for name in WORKERS:
        for descriptor in Path(f"/proc/{box.pid_of(name)}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:
                continue
            if target in sockets:
                found[sockets[target]] = name
    return found


def is_accepted(box: WholeBox, port: int) -> bool:
    """The connection from this port of a client."""
    return port in worker_of(box)


def has_returned(box: WholeBox, name: str, pid: int) -> bool:
    """The worker that had this process id."""
    state = box.state  # read once: the next look may be at another moment
    child = state.children.get(name) if state is not None else None
    return child is not None and child.state == "ready" and child.pid not in (None, pid)


def one_on_each(box: WholeBox, stack: ExitStack) -> dict[str, http.client.HTTPConnection]:
    """A connection to every worker; as many are opened as it takes."""
    found: dict[str, http.client.HTTPConnection] = {}
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=120)
        stack.callback(connection.close)
        connection.connect()
        port = connection.sock.getsockname()[1]
        wait_until(partial(is_accepted, box, port), "the connection is accepted")
        found.setdefault(worker_of(box)[port], connection)
        if len(found) == len(WORKERS):
            return found
    pytest.fail(f"only {sorted(found)} accept connections")


def ask(
    connection: http.client.HTTPConnection, path: str, key: str, body: object = None
) -> tuple[int, bytes]:
    """One request on a connection that stays open."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    method = "GET" if body is None else "POST"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, response.read()


@asynccontextmanager
async def clients(box: WholeBox, name: str, count: int) -> AsyncIterator[list[RawClient]]:
    """Open connections to one worker."""
    async with AsyncExitStack() as stack:
        found: list[RawClient] = []
        while len(found) < count:
            client = await stack.enter_async_context(RawClient(box.port))
            port = client._socket.getsockname()[1]
            await until(partial(is_accepted, box, port))
            if worker_of(box)[port] == name:
                found.append(client)
        yield found


def engine_is_idle(engine: EngineProcess, box: WholeBox) -> bool:
    """Nothing runs, and the queue knows it."""
    return engine.running == 0 and box.get_json("/api/queue")["total"] == 0


def test_connections_spread_over_the_workers(box: WholeBox) -> None:
    """Clients that keep their connections are not all served by one; the kernel decides, none is left out."""
    with ExitStack() as stack:
        connections = [http.client.HTTPConnection("127.0.0.1", box.port, timeout=120) for _ in range(64)]
        for connection in connections:
            stack.callback(connection.close)
            assert ask(connection, "/v1/models", box.key)[0] == 200

        accepted = Counter(worker_of(box).values())

    assert sum(accepted.values()) >= len(connections)
    assert min(accepted[name] for name in WORKERS) >= 4


async def test_the_flood_of_one_person_is_one_flow_through_all_workers(
    box: WholeBox, engine: EngineProcess
) -> None:
    """Both workers together never run more than the slots, and somebody else is served before half the flood is."""
    polite = await asyncio.to_thread(box.new_person, "polite@box.example")
    seen = [0]
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with (
        clients(box, "gateway-1", 2) as some,
        clients(box, "gateway-2", 2) as others,
        aiohttp.ClientSession(box.url, connector=connector) as session,
    ):

        async def asked(key: str, name: str) -> int:
            headers = {"authorization": f"Bearer {key}", "x-request-id": name}
            async with session.post(CHAT, json=chat(SHORT), headers=headers) as response:
                await response.read()
            return response.status

        async def watch() -> None:
            while True:
                seen.append(await asyncio.to_thread(lambda: engine.running))
                await asyncio.sleep(0.02)

        for client in [*some, *others]:
            await client.send(post(CHAT, chat(LONG, is_stream=True), key=box.key))
            await client.read_until(b"data: ")
        watching = asyncio.create_task(watch())
        flood = [asyncio.create_task(asked(box.key, f"flood-{number}")) for number in range(80)]
        await until(lambda: _in_queue(box) == SLOTS + 80, 90)
        theirs = [asyncio.create_task(asked(polite, f"polite-{number}")) for number in range(3)]
        await until(lambda: _in_queue(box, polite) == 3, 90)
        for client in [*some, *others]:
            client.leave()
        statuses = Counter(await asyncio.gather(*flood, *theirs))
        watching.cancel()

    await until(lambda: len(_in_their_order(box)) == 83, 90)
    order = _in_their_order(box)
    assert max(order.index(f"polite-{number}") for number in range(3)) < 40
    assert statuses == {200: 83}
    assert max(seen) == SLOTS


def _in_queue(box: WholeBox, key: str | None = None) -> int:
    """Requests of that person that run or wait."""
    return int(box.get_json("/api/queue", key)["total"])


def _in_their_order(box: WholeBox) -> list[str]:
    """The names of what is over, by when it came to the engine."""
    query = """
        SELECT request_id FROM requests WHERE request_id ~ '^(flood|polite)-' AND status = 'completed'
        ORDER BY started_at + wait_ms * interval '1 millisecond'
    """
    return [str(row[0]) for row in box.rows(query)]


def _asker(page: dict[str, Any]) -> dict[str, Any]:
    """The one person who asks; whoever asked before may still be listed."""
    return max(
        page["people"], key=lambda person: int(person["running"]), default={"running": 0, "waiting": 0}
    )


def _stands(page: dict[str, Any]) -> bool:
    """All seven have arrived, and the slots are taken, by every part of the page."""
    has_arrived = page["total"] == 7 and page["pools"][0]["running"] == SLOTS
    return bool(has_arrived and {"running": SLOTS, "waiting": 3}.items() <= _asker(page).items())


async def test_the_queue_is_seen_whole_from_every_worker(box: WholeBox, engine: EngineProcess) -> None:
    """Requests that came through one worker, asked about through the other, by the ids that were sent with them."""
    async with clients(box, "gateway-1", 3) as some, clients(box, "gateway-2", 4) as others:
        for number, client in enumerate([*some, *others]):
            question = post(CHAT, chat(LONG, is_stream=True), key=box.key, x_request_id=f"seen-{number}")
            await client.send(question)
        with ExitStack() as stack:
            doors = one_on_each(box, stack)

            def told_by(door: http.client.HTTPConnection) -> dict[str, Any]:
                page: dict[str, Any] = json.loads(ask(door, "/api/queue", box.key)[1])
                return page

            for door in doors.values():  # what each has told is up to a second old, part by part
                await until(lambda door=door: _stands(told_by(door)), 90)  # type: ignore[misc]
            told = [told_by(door) for door in doors.values()]
            last = told[0]["data"][-1]
            one = [ask(door, f"/api/queue/{last['request_id']}", box.key) for door in doors.values()]
        shown = await asyncio.to_thread(box.command, "queue")

    for page in told:
        assert {row["request_id"] for row in page["data"]} == {f"seen-{number}" for number in range(7)}
        assert [row["status"] for row in page["data"]] == ["running"] * SLOTS + ["waiting"] * 3
        assert {"running": SLOTS, "waiting": 3}.items() <= _asker(page).items()
        assert (page["pools"][0]["slots"], page["pools"][0]["running"]) == (SLOTS, SLOTS)
    assert [json.loads(body)["position"] for _, body in one] == [3, 3]
    assert shown.returncode == 0 and "seen-6" in shown.stdout and "waiting" in shown.stdout
    await until(lambda: engine_is_idle(engine, box), 90)


def test_limits_and_metrics_are_those_of_the_box(box: WholeBox) -> None:
    """A limit counts what came through either worker, and each tells the metrics of both."""
    key = box.new_person("limited@box.example")
    limits = box.command("limit", "set", "requests-per-minute", "5", "--user", "limited@box.example")
    assert limits.returncode == 0, limits.stderr
    with ExitStack() as stack:
        doors = list(one_on_each(box, stack).values())

        def is_known(door: http.client.HTTPConnection) -> bool:
            return len(json.loads(ask(door, "/api/limits/mine", key)[1])["data"]) == 1

        for door in doors:
            wait_until(partial(is_known, door), "the worker knows the limit")
        statuses = Counter(ask(doors[turn % 2], CHAT, key, chat(SHORT))[0] for turn in range(8))
        pages = [ask(door, "/metrics", box.key)[1].decode() for door in doors]

    assert statuses == {200: 5, 429: 3}
    totals = [_total(page, "appliance_requests_total") for page in pages]
    assert totals[0] == totals[1]
    wait_until(lambda: box.engine_calls() == totals[0], "the ledger has every request that was counted")


def _total(page: str, name: str) -> float:
    families = text_string_to_metric_families(page)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


async def test_a_killed_worker_s_slots_return_and_the_other_goes_on(
    box: WholeBox, engine: EngineProcess
) -> None:
    """`kill -9`: what waits through the other gets the slots, what runs there runs on; the dead one comes back."""
    victim, survivor = WORKERS
    async with clients(box, victim, 2) as lost, clients(box, survivor, 5) as kept:
        for client in [*lost, *kept[:2]]:
            await client.send(post(CHAT, chat(LONG, is_stream=True), key=box.key))
            await client.read_until(b"data: ")
        for client in kept[2:]:
            await client.send(post(CHAT, chat(SHORT, is_stream=True), key=box.key))
        await until(lambda: box.get_json("/api/queue")["total"] == 7, 90)
        pid = box.pid_of(victim)

        os.kill(pid, signal.SIGKILL)
        for client in lost:
            await client.read_to_end()
        async with asyncio.timeout(60):
            for client in kept[2:]:
                await client.read_until(b"data: [DONE]")
        had = [len(client.seen) for client in kept[:2]]
        for client in kept[:2]:
            await client.read_some()

        assert all(b"[DONE]" not in client.seen for client in [*lost, *kept[:2]])
        assert all(len(client.seen) > length for client, length in zip(kept[:2], had, strict=True))
        assert engine.running == 2
    await until(lambda: engine_is_idle(engine, box), 90)
    wait_until(lambda: has_returned(box, victim, pid), "the worker is back")


async def test_workers_restarted_one_by_one_lose_no_request(box: WholeBox) -> None:
    """SIGTERM to each while people ask: every question that is asked is answered whole."""
    answers: list[tuple[int, bool]] = []
    is_over = asyncio.Event()
    headers = {"authorization": f"Bearer {box.key}"}
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(box.url, connector=connector, headers=headers) as session:

        async def keep_asking(is_stream: bool) -> None:
            while not is_over.is_set():
                try:
                    async with session.post(CHAT, json=chat(SHORT, is_stream=is_stream)) as response:
                        body = await response.read()
                except aiohttp.ClientConnectionError as error:
                    if not _never_left(error):
                        raise
                    continue  # it was closed for keeping silent, before the question had left
                answers.append((response.status, (b"[DONE]" if is_stream else b'"usage"') in body))

        def have_answers(count: int) -> bool:
            return len(answers) >= count

        asking = [asyncio.create_task(keep_asking(number % 2 == 0)) for number in range(8)]
        for name in WORKERS:
            pid, so_far = box.pid_of(name), len(answers)
            os.kill(pid, signal.SIGTERM)
            await until(partial(has_returned, box, name, pid), 90)
            await until(partial(have_answers, so_far + 20), 90)
        is_over.set()
        await asyncio.gather(*asking)

    assert set(answers) == {(200, True)}


def _never_left(error: aiohttp.ClientConnectionError) -> bool:
    """Whether the question could not be written: the connection was closed already when its turn came."""
    closed = aiohttp.ClientConnectionResetError
    return isinstance(error, closed) or isinstance(error.__cause__, closed)
