"""Valkey down, slow, cut off, emptied and restarted in the middle of a flood through several workers.

The engine counts what it runs: its highest count tells whether a slot was ever given out twice.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from appliance.fairness.admission import Ask, Candidate, FairRules, Share, Spent
from appliance.fairness.leases import Leases
from appliance.fairness.queue.shared_queue import SharedQueue
from appliance.fairness.valkey.valkey_link import ValkeyLink
from inference.testing.fake_engine import Behaviour, FakeEngine
from tests.faults.cutting_proxy import CuttingProxy
from tests.own_valkey import OwnValkey, own_valkey
from tests.waiting import until

pytestmark = pytest.mark.slow

SLOTS, WORKERS, SHARE = 12, 3, 0.5
ALONE = int(SLOTS * SHARE / WORKERS)
RULES = FairRules(reserved=1)
QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
PEOPLE = ("ana", "bea", "cid", "dan")
PATIENT_S = 30.0  # a Valkey that is there is never taken for gone, however slow the machine


class Worker:
    """One gateway process, as far as the queue is concerned."""

    def __init__(self, url: str, name: str, rules: FairRules = RULES, answer_s: float = PATIENT_S) -> None:
        self.link = ValkeyLink(url, name, answer_s=answer_s, connect_s=answer_s)
        self.queue = SharedQueue(self.link, name, rules)
        self.leases = Leases(
            self.queue, self.link, rules, share=SHARE / WORKERS, workers=WORKERS, max_wait_s=60
        )

    async def open(self) -> None:
        """Connect and begin."""
        await self.link.open()
        await self.leases.open()

    async def close(self) -> None:
        """Give everything back."""
        await self.leases.close()
        await self.link.close()


class Flood:
    """Everybody asks again and again through every worker, until stop()."""

    def __init__(self, workers: list[Worker], engine: FakeEngine, session: aiohttp.ClientSession) -> None:
        self._workers = workers
        self._engine = engine
        self._session = session
        self.answered = Counter[str]()
        self._is_over = False
        self._number = 0
        self._tasks = [
            asyncio.create_task(self._ask(worker, person))
            for worker in workers
            for person in PEOPLE
            for _ in range(4)
        ]

    async def _ask(self, worker: Worker, person: str) -> None:
        while not self._is_over:
            self._number += 1
            engines = (Candidate("e", SLOTS),)
            ask = Ask(
                f"r{self._number}", "fake", "fake", (Share(person),), engines, 10, 10, conversation=person
            )
            lease = await worker.leases.acquire(ask)
            try:
                async with self._session.post(
                    f"{self._engine.base_url}/chat/completions", json=QUESTION
                ) as answer:
                    await answer.read()
                    assert answer.status == 200
                lease.first_byte()
                self.answered[worker.queue.worker] += 1
            finally:
                lease.release(Spent(10, 0, 10, 5.0))

    async def goes_on(self, answers: int) -> None:
        """So many more answers through every worker."""
        wanted = {
            worker.queue.worker: self.answered[worker.queue.worker] + answers for worker in self._workers
        }
        await self._until(lambda: all(self.answered[name] >= count for name, count in wanted.items()))

    async def are_shared(self, is_shared: bool) -> None:
        """All workers find that Valkey is there, or away."""
        await self._until(lambda: all(worker.leases.is_shared is is_shared for worker in self._workers))

    async def stop(self) -> None:
        """Let everybody have their last answer."""
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def cancel(self) -> None:
        """Everybody goes away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until(self, condition: object) -> None:
        assert callable(condition)
        looking = asyncio.create_task(until(condition, 90))
        done, _ = await asyncio.wait((looking, *self._tasks), return_when=asyncio.FIRST_COMPLETED)
        looking.cancel()
        for task in done:
            task.result()


@asynccontextmanager
async def flooding(
    url: str, answer_s: float = PATIENT_S
) -> AsyncIterator[tuple[Flood, FakeEngine, list[Worker]]]:
    """Three workers at work. Afterwards nothing may be held by anybody.

    answer_s: of their links to Valkey, which takes one that is slower for gone.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(
            FakeEngine(slots=1000, behaviour=Behaviour(reply="Well.", ttft_s=0.03))
        )
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        workers = [Worker(url, f"w{number}", answer_s=answer_s) for number in range(WORKERS)]
        for worker in workers:
            await worker.open()
            stack.push_async_callback(worker.close)
        flood = Flood(workers, engine, session)
        stack.push_async_callback(flood.cancel)
        await flood.goes_on(5)
        yield flood, engine, workers
        await flood.stop()
        for worker in workers:
            await until(lambda worker=worker: _holds_nothing(worker))  # type: ignore[misc]
        await _all_slots_are_there(workers)


async def _holds_nothing(worker: Worker) -> bool:
    with suppress(Exception):
        return await worker.queue.known() == []
    return False


async def _all_slots_are_there(workers: list[Worker]) -> None:
    """As many as before the fault, not one more: all but the reserved one for one person."""
    candidates = (Candidate("e", SLOTS),)
    leases = [
        await workers[number % WORKERS].leases.acquire(
            Ask(f"end{number}", "fake", "fake", (Share("eva"),), candidates, 10, 10)
        )
        for number in range(SLOTS - 1)
    ]
    last = asyncio.create_task(
        workers[0].leases.acquire(Ask("last", "fake", "fake", (Share("eva"),), candidates, 10, 10))
    )
    await until(lambda: workers[0].leases.requests.waiting == 1)
    assert not last.done()
    for lease in leases:
        lease.release()
    (await last).release()


@pytest.fixture
async def valkey_alone() -> AsyncIterator[OwnValkey]:
    """One that may be killed."""
    async with own_valkey() as running:
        yield running


@asynccontextmanager
async def through_a_proxy(valkey: OwnValkey) -> AsyncIterator[tuple[str, CuttingProxy]]:
    """Its address behind a bad network."""
    path = valkey.socket_path.parent / "cut.sock"
    async with CuttingProxy(valkey.socket_path, listen_on=path) as proxy:
        yield f"unix://:{quote(valkey.password, safe='')}@{path}?db=0", proxy


async def test_killed_and_started_again_in_a_flood(valkey_alone: OwnValkey) -> None:
    """Meanwhile every worker serves its small share; afterwards no slot is held twice and none is lost."""
    async with flooding(valkey_alone.url) as (flood, engine, workers):
        assert engine.peak_running <= SLOTS
        await valkey_alone.kill()
        await flood.are_shared(False)
        await flood.goes_on(10)
        await until(lambda: all(sum(w.leases.requests.running.values()) <= ALONE for w in workers))
        engine.peak_running = 0
        await flood.goes_on(10)
        assert 0 < engine.peak_running <= WORKERS * ALONE

        await valkey_alone.start()
        await flood.are_shared(True)
        engine.peak_running = 0
        await flood.goes_on(30)
        assert engine.peak_running <= SLOTS
        assert engine.peak_running > WORKERS * ALONE


async def test_started_again_empty_in_a_flood(valkey_alone: OwnValkey) -> None:
    """A Valkey that lost everything gives out nothing before all workers have told what runs."""
    async with flooding(valkey_alone.url) as (flood, engine, _):
        await valkey_alone.kill()
        await flood.are_shared(False)
        valkey_alone.forget()
        await valkey_alone.start()
        await flood.are_shared(True)
        await flood.goes_on(30)

        assert engine.peak_running <= SLOTS + WORKERS * ALONE
        engine.peak_running = 0
        await flood.goes_on(10)
        assert engine.peak_running <= SLOTS


async def test_stalled_in_a_flood(valkey_alone: OwnValkey) -> None:
    """It takes what is sent and answers nothing: that is away. What it had not carried out it does not do later."""
    async with flooding(valkey_alone.url, answer_s=2.0) as (flood, engine, _):
        valkey_alone.stall()
        await flood.are_shared(False)
        await flood.goes_on(10)
        valkey_alone.resume()
        await flood.are_shared(True)
        engine.peak_running = 0
        await flood.goes_on(30)

        assert engine.peak_running <= SLOTS


async def test_emptied_in_a_flood(valkey_alone: OwnValkey) -> None:
    """FLUSHALL: at no moment does more run than there are slots, although nobody was away."""
    async with flooding(valkey_alone.url) as (flood, engine, workers):
        await workers[0].link.command("FLUSHALL")
        await flood.goes_on(30)

        assert all(worker.leases.is_shared for worker in workers)
        assert engine.peak_running <= SLOTS


async def test_connections_cut_in_a_flood(valkey_alone: OwnValkey) -> None:
    """A connection that breaks and is there again at once costs nothing: no slot twice, nobody alone."""
    async with through_a_proxy(valkey_alone) as (url, proxy), flooding(url) as (flood, engine, workers):
        for _ in range(5):
            proxy.cut()
            await flood.goes_on(60)

        assert engine.peak_running <= SLOTS
        assert all(worker.leases.is_shared for worker in workers)


async def test_slow_in_a_flood(valkey_alone: OwnValkey) -> None:
    """Answers that take longer than is waited for are none; once they are quick again, Valkey is used again."""
    async with (
        through_a_proxy(valkey_alone) as (url, proxy),
        flooding(url, answer_s=2.0) as (flood, engine, workers),
    ):
        proxy.down.delay_s = 5.0
        await flood.are_shared(False)
        await flood.goes_on(10)
        assert not any(worker.leases.is_shared for worker in workers)

        proxy.down.delay_s = 0.0
        await flood.are_shared(True)
        engine.peak_running = 0
        await flood.goes_on(30)
        assert engine.peak_running <= SLOTS


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.fixture
def shift() -> Iterator[Path]:
    """A file that says how wrong a clock is, for a server that runs as somebody else."""
    folder = Path(tempfile.mkdtemp(prefix="apl-clock-", dir="/tmp"))
    folder.chmod(0o755)
    file = folder / "shift"
    file.write_text("+0\n")
    yield file
    shutil.rmtree(folder)


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (apt-get install faketime)")
@pytest.mark.parametrize("jump", ["+3600", "-3600"])
async def test_valkey_s_clock_jumps_by_an_hour_in_a_flood(jump: str, shift: Path) -> None:
    """Nobody loses a slot or is given one too many, nobody waits an hour, and a dead worker's slots still come back."""
    changed = [
        f"LD_PRELOAD={FAKETIME}",
        f"FAKETIME_TIMESTAMP_FILE={shift}",
        "FAKETIME_CACHE_DURATION=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "FAKETIME_DISABLE_SHM=1",
    ]
    env = shutil.which("env")
    assert env is not None
    async with own_valkey(around=[env, *changed]) as valkey, flooding(valkey.url) as (flood, engine, workers):
        before = await _server_time(workers[0])
        _jump(shift, jump)
        await until(lambda: _has_jumped(workers[0], before), 90)
        await flood.goes_on(30)

        assert engine.peak_running <= SLOTS
        assert all(worker.leases.is_shared for worker in workers)


def _jump(shift: Path, by: str) -> None:
    shift.write_text(f"{by}\n")
    os.utime(shift)


async def _server_time(worker: Worker) -> int:
    seconds, _ = await worker.link.command("TIME")
    return int(seconds)


async def _has_jumped(worker: Worker, before: int) -> bool:
    return abs(await _server_time(worker) - before) > 3000
