"""The gate while its neighbours are killed: slots, bills and streams end as promised."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from redis.asyncio import Redis

from appliance.fairness.accounting.ledger_rows import RequestStart, start_row, uuid7
from appliance.fairness.queue.script import state_prefix
from appliance.fairness.settings import GateSettings
from appliance.storage.database import Database
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.usage import UsageStore, ledger_url
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from appliance.supervisor.valkey import EmbeddedValkey
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

pytestmark = pytest.mark.slow

SLOTS = 4
QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
STREAM = {**QUESTION, "stream": True}


class Killable:
    """A server of its own that can be killed and started again."""

    def __init__(self, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        self.server = server
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        self._child = subprocess.Popen(
            self.server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.server.wait_ready()

    def kill(self) -> None:
        """As by `kill -9`."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait(60)
            self._child = None


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, for the sockets."""
    made = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def own_valkey(folder: Path) -> Iterator[Killable]:
    """A Valkey that may be killed."""
    server = EmbeddedValkey(folder, "valkey-password", account_for_servers())
    server.prepare()
    killable = Killable(server)
    killable.start()
    yield killable
    killable.kill()


@pytest.fixture
def own_postgres(folder: Path) -> Iterator[Killable]:
    """A PostgreSQL that may be killed, with a migrated database."""
    server = EmbeddedPostgres(folder, "owner-password", account_for_servers())
    server.prepare()
    killable = Killable(server)
    killable.start()
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE gate")
    asyncio.run(migrate(server.url(database="gate"), ROLE_SECRET))
    yield killable
    killable.kill()


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """More slots than it is configured with, so that a flood would show."""
    async with FakeEngine(slots=100) as started:
        yield started


async def ask(gateway: Gateway, payload: object = QUESTION) -> tuple[int, str]:
    """Status and body."""
    async with gateway.post("chat/completions", payload) as response:
        return response.status, await response.text()


async def test_without_valkey_answers_go_on_and_no_slot_is_doubled(
    own_valkey: Killable, engine: FakeEngine, owner_url: str
) -> None:
    """Killed in a flood and started again empty-handed: everybody is answered, the engine never gets too many."""
    assert isinstance(own_valkey.server, EmbeddedValkey)
    valkey_url, url = own_valkey.server.url, url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    settings = {"local": engine_settings(engine.base_url, max_running=SLOTS)}
    async with running_gateway(settings, valkey_url=valkey_url, database_url=url) as gateway:
        engine.behaviour.ttft_s = 0.15
        flood = [asyncio.create_task(ask(gateway, STREAM)) for _ in range(16)]
        await engine.until(lambda e: e.running == SLOTS and e.finished >= SLOTS)

        await asyncio.to_thread(own_valkey.kill)
        flood += [asyncio.create_task(ask(gateway)) for _ in range(8)]
        await until(lambda: not gateway.room.gate.leases.is_shared)
        alone_from = len(engine.requests)
        await engine.until(lambda e: len(e.requests) > alone_from + SLOTS)
        running_alone = engine.running
        await asyncio.to_thread(own_valkey.start)
        await until(lambda: gateway.room.gate.leases.is_shared)
        flood += [asyncio.create_task(ask(gateway)) for _ in range(8)]

        answers = await asyncio.gather(*flood)

    assert [status for status, _ in answers] == [200] * len(answers)
    assert running_alone <= SLOTS // 2
    assert engine.peak_running <= SLOTS


async def test_without_postgresql_nothing_unrecorded_leaves_and_nothing_is_lost(
    own_postgres: Killable, engine: FakeEngine, servers: Servers, valkey: Redis
) -> None:
    """By policy: a stream that runs goes on, new requests are refused, what ended meanwhile is written later."""
    assert isinstance(own_postgres.server, EmbeddedPostgres)
    url = url_as(own_postgres.server.url(database="gate"), DatabaseRole.API, ROLE_SECRET)
    settings = {"local": engine_settings(engine.base_url, max_running=SLOTS)}
    policy = GateSettings(without_postgres="refuse")
    async with running_gateway(
        settings, valkey_url=servers.valkey.url, database_url=url, settings=policy
    ) as gateway:
        engine.behaviour.pace_s, engine.behaviour.tokens = 0.02, 40
        stream = asyncio.create_task(ask(gateway, STREAM))
        await engine.until(lambda e: e.running == 1)
        async with gateway.post("chat/completions", STREAM) as response:
            await response.content.readany()  # the first byte has left, so its row is on disk
            await asyncio.to_thread(own_postgres.kill)
            rest = await response.text()

        status, body = await ask(gateway)
        assert (status, "part_unavailable" in body) == (503, True)
        assert rest.endswith("data: [DONE]\n\n") and (await stream)[1].endswith("data: [DONE]\n\n")

        await asyncio.to_thread(own_postgres.start)
        engine.behaviour.tokens = 2
        await until(lambda: _is_served(gateway))

    database = Database(url)
    await database.open()
    try:
        rows = await _rows(database)
    finally:
        await database.close()
    assert {"completed"} == {row["status"] for row in rows[:2]}
    assert all(row["status"] != "started" for row in rows)


async def _is_served(gateway: Gateway) -> bool:
    return (await ask(gateway))[0] == 200


async def _rows(database: Database) -> list[dict[str, Any]]:
    async with database.viewing(person("ana").viewer) as connection:
        cursor = await connection.execute("SELECT to_jsonb(r) FROM requests r ORDER BY id")
        return [row[0] for row in await cursor.fetchall()]


async def test_what_a_dead_process_left_open_is_ended_by_the_others(
    owner_url: str, database: Database
) -> None:
    """Rows of a worker not heard of become `unknown`; those of one that beats stay open."""
    store = UsageStore(ledger_url(url_as(owner_url, DatabaseRole.API, ROLE_SECRET)))
    dead, alive = uuid4(), uuid4()
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    starts = [
        RequestStart(uuid7(), name, person("ana").user_id, None, "fake", "/v1/chat/completions", long_ago)
        for name in ("of the dead", "of the living")
    ]
    await store.record([start_row(dead, starts[0])], [])
    await store.record([start_row(alive, starts[1])], [])
    await store.beat(alive)

    ended = await store.end_orphans(30.0)
    await store.close()

    states = {row["request_id"]: row["status"] for row in await _rows(database)}
    assert ended == 1
    assert states == {"of the dead": "unknown", "of the living": "started"}


async def test_people_see_their_own_requests_only(owner_url: str, database: Database) -> None:
    """Row-level security: another person's usage is invisible, and nobody's eyes see nothing."""
    store = UsageStore(ledger_url(url_as(owner_url, DatabaseRole.API, ROLE_SECRET)))
    start = RequestStart(
        uuid7(), "hers", person("bea").user_id, None, "fake", "/v1/embeddings", datetime.now(UTC)
    )
    await store.record([start_row(uuid4(), start)], [])
    await store.close()

    async with database.connection() as connection:
        unseen = await (await connection.execute("SELECT count(*) FROM requests")).fetchone()

    assert await _rows(database) == []
    assert unseen == (0,)


async def test_an_engine_that_is_gone_is_left_for_another(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """It was up when the roster asked; the request that finds it gone is answered by the other engine."""
    gone = FakeEngine()
    await gone.start()
    settings = {
        "first": engine_settings(gone.base_url, max_running=1),
        "second": engine_settings(engine.base_url, max_running=1),
    }
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with running_gateway(settings, valkey_url=servers.valkey.url, database_url=url) as gateway:
        await gone.stop()

        async with gateway.post("chat/completions", QUESTION) as response:
            assert response.status == 200
            assert response.headers["x-served-by"] == "local:second"
        await engine.stop()
        assert (await ask(gateway))[0] == 503


async def test_whole_slots_are_free_again_after_every_kind_of_ending(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Completed, refused, broken, abandoned: no slot and no key of the queue is left behind."""
    settings = {"local": engine_settings(engine.base_url, max_running=SLOTS)}
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with running_gateway(settings, valkey_url=servers.valkey.url, database_url=url) as gateway:
        engine.behaviour.pace_s = 0.01
        calls = [asyncio.create_task(ask(gateway, payload)) for payload in (QUESTION, STREAM) * 8]
        await engine.until(lambda e: e.finished >= 2)
        for call in calls[::3]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: gateway.room.gate.leases.requests.running.total() == 0)
        await until(lambda: _is_empty(valkey))


async def test_a_gateway_that_stops_says_so_in_its_streams(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str, database: Database
) -> None:
    """After the time to end in peace a stream gets an error event, its row says why, and the slot is free."""
    settings = {"local": engine_settings(engine.base_url, max_running=SLOTS)}
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with running_gateway(settings, valkey_url=servers.valkey.url, database_url=url) as gateway:
        engine.behaviour.pace_s, engine.behaviour.tokens = 0.02, 10_000
        async with gateway.post("chat/completions", STREAM) as response:
            await response.content.readany()
            gateway.servers[0].should_exit = True
            rest = await response.text()
        await engine.until(lambda e: e.running == 0)

    assert "part_unavailable" in rest and "[DONE]" not in rest
    (row,) = await _rows(database)
    assert (row["status"], row["error_code"]) == ("broken", "gateway_stopping")


async def test_a_full_queue_is_a_429_with_a_time(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Clients are told when to come back, as OpenAI tells them."""
    settings = {"local": engine_settings(engine.base_url, max_running=1)}
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with running_gateway(
        settings, valkey_url=servers.valkey.url, database_url=url, settings=GateSettings(max_queue=0)
    ) as gateway:
        engine.behaviour.pace_s, engine.behaviour.tokens = 0.05, 1000
        holder = asyncio.create_task(ask(gateway))
        await engine.until(lambda e: e.running == 1)

        async with gateway.post("chat/completions", STREAM) as response:
            error = (await response.json())["error"]
        holder.cancel()

    assert response.status == 429 and (error["type"], error["code"]) == ("rate_limit_error", "queue_full")
    assert 1 <= int(response.headers["retry-after"]) <= 120


async def _is_empty(valkey: Redis) -> bool:
    waiting = int(await valkey.hget(state_prefix() + "waiting", "") or 0)
    return waiting == 0 and await valkey.hlen(state_prefix() + "requests") == 0
