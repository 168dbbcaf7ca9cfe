"""PostgreSQL is killed, stopped or silent in the middle of traffic: nobody notices, and the bill is right.

FAULT_SEED=7 python -m pytest tests/faults/test_postgres_gone.py               other ways and moments
python -m pytest tests/faults/test_postgres_gone.py -m battery -s              all ways, several moments each
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.fairness.settings import GateSettings
from appliance.storage.usage import UsageStore, ledger_url
from inference.testing.fake_engine import FakeEngine
from tests.conftest import Servers
from tests.faults.billed_traffic import CHAT, LEDGER, Traffic, require_true_bill
from tests.faults.gateway_process import GatewayProcess, Neighbours
from tests.gateway_harness import Gateway, engine_settings, running_gateway
from tests.own_postgres import OwnPostgres, own_postgres
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Log = pytest.LogCaptureFixture

SEED = int(os.environ.get("FAULT_SEED", "20261121"))
WAYS = ("power-off", "stop", "silence", "break")  # none contains `kill`: that is another battery
POINTS = 4
MOMENTS = 4


@dataclass(frozen=True)
class Point:
    """What is done to PostgreSQL, after so many whole answers, and how many must come without it."""

    way: str
    after: int
    without: int

    def __str__(self) -> str:
        return f"{self.way}-{self.after}-{self.without}"


def points(count: int) -> list[Point]:
    """Every way count times, at different moments."""
    seeded = random.Random(SEED)
    return [Point(way, seeded.randint(5, 120), seeded.randint(10, 150)) for way in WAYS for _ in range(count)]


@pytest.fixture
async def postgres() -> AsyncIterator[OwnPostgres]:
    """One that may be killed."""
    async with own_postgres() as running:
        yield running


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Quick answers of a few tokens."""
    async with FakeEngine() as started:
        started.behaviour.tokens, started.behaviour.pace_s = 5, 0.002
        yield started


@pytest.mark.parametrize("point", points(1), ids=str)
async def test_nobody_notices_and_nothing_is_lost_or_doubled(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path, point: Point, caplog: Log
) -> None:
    """Every request is answered, while it is away too; afterwards the ledger says what the clients received."""
    await strike(postgres, engine, servers, tmp_path, point, caplog)


@pytest.mark.battery
@pytest.mark.parametrize("point", points(MOMENTS), ids=str)
async def test_postgres_gone_at_several_moments(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path, point: Point, caplog: Log
) -> None:
    """The same, for all of them."""
    await strike(postgres, engine, servers, tmp_path, point, caplog)


async def strike(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path, point: Point, caplog: Log
) -> None:
    """Take PostgreSQL away in the middle of traffic, and give it back."""
    async with gateway_on(postgres, engine, servers, tmp_path / "spool") as gateway:
        recording = gateway.room.gate.ledger.recording
        async with Traffic(gateway.base_url).running() as traffic:
            await traffic.more(point.after)
            await take_away(postgres, point.way)
            await traffic.more(point.without)
            spooled = await spooled_rows(gateway)
            await give_back(postgres, point.way)
            given_back = time.monotonic()
            await until(lambda: not recording.is_spooling, 90)
            back_s = time.monotonic() - given_back
            await traffic.more(10)
    rows = await asyncio.to_thread(postgres.rows, LEDGER)
    report(
        f"seed {SEED} {point}: {len(traffic.whole)} answers, {traffic.statuses}, {spooled} rows spooled, "
        f"written {back_s:.2f} s after it was back"
    )
    assert set(traffic.statuses) == {200}
    assert point.way == "break" or spooled > 0
    away, back = caplog.text.count("PostgreSQL is away"), caplog.text.count("PostgreSQL is back")
    assert 1 <= away == back <= 3  # on a machine that stands still for seconds it is away once more
    require_true_bill(traffic.answers, rows)
    assert list((tmp_path / "spool").glob("*")) == []


async def take_away(postgres: OwnPostgres, way: str) -> None:
    """In that way."""
    if way == "power-off":
        await postgres.kill()
    elif way == "stop":
        await postgres.stop()
    elif way == "silence":
        postgres.silence()
    else:
        await postgres.break_sessions()


async def give_back(postgres: OwnPostgres, way: str) -> None:
    """After `take_away`."""
    if way in ("power-off", "stop"):
        await postgres.start()
    elif way == "silence":
        postgres.resume()


def gateway_on(
    postgres: OwnPostgres,
    engine: FakeEngine,
    servers: Servers,
    spool: Path,
    settings: GateSettings | None = None,
) -> AbstractAsyncContextManager[Gateway]:
    """The gateway in this process."""
    return running_gateway(
        {"local": engine_settings(engine.base_url, max_running=64)},
        valkey_url=servers.valkey.url,
        database_url=postgres.api_url,
        spool_folder=spool,
        settings=settings,
    )


@pytest.mark.parametrize("silenced", [False, True], ids=["off", "silent"])
async def test_a_gateway_killed_while_it_spools_loses_nothing(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path, silenced: bool
) -> None:
    """Its successor finds the spool: every answer of the dead one is in the ledger once, with its tokens."""
    neighbours = Neighbours(engine.base_url, servers.valkey.url, postgres.api_url, str(tmp_path / "spool"))
    first = await GatewayProcess.started(neighbours)
    try:
        async with Traffic(first.base_url).running() as traffic:
            await traffic.more(20)
            await take_away(postgres, "silence" if silenced else "power-off")
            await traffic.more(60)
            settled = list(traffic.whole)
            await traffic.everybody_goes_on(
                2
            )  # a start is on disk before its answer, and all ends before that too
            await first.kill()
            traffic.end()
    finally:
        await first.kill()
    assert list((tmp_path / "spool").glob("*.spool")) != []
    await give_back(postgres, "silence" if silenced else "power-off")

    async with gateway_on(postgres, engine, servers, tmp_path / "spool") as second:
        await until(lambda: list((tmp_path / "spool").glob("*.spool")) == [], 90)
        store = UsageStore(ledger_url(postgres.api_url))
        await store.end_orphans(0.0)  # what the dead one was answering
        await store.close()
        assert second.room.gate.ledger.recording.spooled_rows == 0
    rows = await asyncio.to_thread(postgres.rows, LEDGER)
    assert len(settled) >= 80
    require_true_bill(settled, rows)
    assert {answer.request_id for answer in traffic.answers} <= {row[0] for row in rows}


async def test_the_time_without_it_is_bounded(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path
) -> None:
    """After `gate.serve_without_postgres_s` new requests get a 503 with retry-after; what runs goes on to its end."""
    settings = GateSettings(serve_without_postgres_s=8)
    async with gateway_on(postgres, engine, servers, tmp_path / "spool", settings) as gateway:
        assert (await ask(gateway))[0] == 200
        await postgres.kill()
        assert (await ask(gateway))[0] == 200
        engine.behaviour.tokens, engine.behaviour.pace_s = 60, 0.05
        async with gateway.post("chat/completions", {**CHAT, "stream": True}) as stream:
            await until(lambda: not gateway.room.gate.ledger.recording.contact.may_serve)
            status, body, retry_after = await ask(gateway)
            rest = await stream.text()

        assert (status, retry_after) == (503, "2") and "serve_without_postgres_s" in body
        assert rest.endswith("data: [DONE]\n\n")
        await postgres.start()
        engine.behaviour.tokens = 2
        await until(lambda: not gateway.room.gate.ledger.recording.is_spooling)
        assert (await ask(gateway))[0] == 200
    rows = await asyncio.to_thread(postgres.rows, LEDGER)
    assert [row[1] for row in rows] == ["completed"] * 4 and sorted(row[2] for row in rows)[-1] == 60


async def test_a_full_disk_refuses_and_loses_nothing(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path
) -> None:
    """While neither PostgreSQL nor the spool takes rows: 503. Requests that were accepted before are billed."""
    spool = tmp_path / "spool"
    spool.mkdir()
    async with gateway_on(postgres, engine, servers, spool) as gateway:
        engine.behaviour.tokens, engine.behaviour.pace_s = 30, 0.02
        async with gateway.post("chat/completions", {**CHAT, "stream": True}) as stream:
            request_id = stream.headers["x-request-id"]
            spool.rmdir()
            spool.write_text("a file stands where the folder should be")
            await postgres.kill()
            status, body, _ = await ask(gateway)
            rest = await stream.text()
        assert status == 503 and "part_unavailable" in body
        assert rest.endswith("data: [DONE]\n\n")
        await until(lambda: gateway.room.gate.ledger.recording.spooled_rows > 0)

        await postgres.start()
        await until(lambda: not gateway.room.gate.ledger.recording.is_spooling)
    found = {row[0]: row for row in await asyncio.to_thread(postgres.rows, LEDGER)}
    assert found[request_id][1:3] == ("completed", 30)


async def test_a_start_is_on_disk_before_the_first_byte(
    postgres: OwnPostgres, engine: FakeEngine, servers: Servers, tmp_path: Path
) -> None:
    """Accepted is recorded, without PostgreSQL as with it: the spool holds the row of every answer that began."""
    async with gateway_on(postgres, engine, servers, tmp_path / "spool") as gateway:
        await postgres.kill()
        engine.behaviour.tokens, engine.behaviour.pace_s = 1000, 0.02
        for _ in range(5):
            name = uuid4().hex
            async with gateway.post(
                "chat/completions", {**CHAT, "stream": True}, x_request_id=name
            ) as stream:
                await stream.content.readany()
                (file,) = (tmp_path / "spool").glob("*.spool")
                assert stream.headers["x-request-id"].encode() in file.read_bytes()


async def spooled_rows(gateway: Gateway) -> float:
    """As /metrics tells."""
    async with gateway.session.get(
        f"{gateway.base_url}/metrics", headers={"authorization": "Bearer ana"}
    ) as response:
        lines = (await response.text()).splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("appliance_spooled_rows ")]
    return float(value)


async def ask(gateway: Gateway) -> tuple[int, str, str | None]:
    """Status, body, retry-after."""
    async with gateway.post("chat/completions", CHAT) as response:
        return response.status, await response.text(), response.headers.get("retry-after")


def report(line: str) -> None:
    """For whoever looks at the run: seeds and times are shown, never judged."""
    sys.__stdout__.write(f"\n{line}\n")  # type: ignore[union-attr]
