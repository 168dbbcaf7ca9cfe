"""/api/queue with the real queue of two gateway processes, accounts and a ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.queue import queue_routes
from appliance.domain.people import Role, Viewer
from appliance.fairness.accounting.ledger_rows import RequestEnd
from appliance.fairness.admission import Ask, Candidate, FairRules, Share
from appliance.fairness.lease import Lease
from appliance.fairness.leases import Leases
from appliance.fairness.queue.history import QueueHistory
from appliance.fairness.queue.queue_view import QueueView
from appliance.fairness.queue.shared_queue import SharedQueue
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.services.queue_overview import PoolMembers, QueueOverview
from appliance.storage.database import Database
from appliance.storage.recent_usage import PostgresRecentUsage
from inference.types import EngineLoad, Usage
from tests.accounts_world import Worker, add_person, bearer, first_administrator, key_of, worker
from tests.conftest import Servers
from tests.waiting import until

RULES = FairRules(reserved=0)
MEMBERS = {"local": PoolMembers(("local",), ("llama",), 1)}


@dataclass
class Clock:
    """Unix time that only moves when told."""

    now_s: float = 1_785_000_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Process:
    """Two gateway processes, of which the first one answers; admin, ana and bea send keys of their own."""

    worker: Worker
    here: Leases
    there: Leases
    keys: dict[str, dict[str, str]]
    ids: dict[str, UUID]
    history: QueueHistory
    clock: Clock

    async def get(self, path: str = "", who: str = "ana") -> httpx.Response:
        return await self.worker.client.get(f"/api/queue{path}", headers=self.keys[who])

    def ask(self, who: str, name: str, *, is_batch: bool = False) -> Ask:
        """One that wants the only slot there is."""
        shares = (Share(str(self.ids[who])),)
        slot = (Candidate("local", 1),)
        return Ask(str(uuid4()), "local", "llama", shares, slot, 10, 5, is_batch, request_id=name)

    async def in_line(self, leases: Leases, ask: Ask) -> asyncio.Task[Lease]:
        """Its wait, begun."""
        waiting = asyncio.create_task(leases.acquire(ask))
        await until(lambda: ask.id in leases._requests and leases._requests[ask.id].is_admitted)
        return waiting


@pytest.fixture
async def process(database: Database, valkey: Redis, servers: Servers) -> AsyncIterator[Process]:
    """Nobody has asked yet."""
    async with AsyncExitStack() as stack:
        here, there = [await _leases(servers.valkey.url, stack) for _ in range(2)]
        view, link = QueueView(here), ValkeyLink(servers.valkey.url, "history")
        await link.open()
        stack.push_async_callback(link.close)
        clock = Clock()
        history = QueueHistory(
            link,
            view,
            is_watcher=lambda: True,
            loads=lambda: {"local": EngineLoad(running=1, waiting=0)},
            fairness=lambda pools: {"local": 0.5},
            clock=clock,
        )
        overview = QueueOverview(view, lambda: MEMBERS, PostgresRecentUsage(database), history)
        one = await stack.enter_async_context(
            worker(
                database, valkey, more_routes=lambda accounts, identity: [queue_routes(overview, identity)]
            )
        )
        first = await first_administrator(one.accounts)
        people = {name: await add_person(one.accounts, f"{name}@box.example") for name in ("ana", "bea")}
        keys = {name: bearer(await key_of(one.accounts, user)) for name, user in people.items()}
        ids = {name: user.id for name, user in people.items()}
        yield Process(one, here, there, {**keys, "admin": bearer(first.api_key)}, ids, history, clock)


async def _leases(url: str, stack: AsyncExitStack) -> Leases:
    link = ValkeyLink(url, "gate")
    leases = Leases(SharedQueue(link, str(uuid4()), RULES), link, RULES, share=0.5, max_wait_s=30)
    await link.open()
    stack.push_async_callback(link.close)
    await leases.open()
    stack.push_async_callback(leases.close)
    return leases


async def test_one_s_own_requests_of_all_processes_are_told(process: Process) -> None:
    """By the names that were sent with them: one runs here, one waits there; what others have is not in the list."""
    lease = await process.here.acquire(process.ask("ana", "req_runs"))
    waits = await process.in_line(process.there, process.ask("ana", "req_waits", is_batch=True))
    others = await process.in_line(process.there, process.ask("bea", "req_of_bea"))

    told = (await process.get()).json()

    runs, waiting = told["data"]
    assert (told["total"], told["is_shared"]) == (2, True) and "people" not in told
    assert (runs["request_id"], runs["status"], runs["engine"]) == ("req_runs", "running", "local")
    assert runs["running_since"] is not None and runs["position"] is None
    assert (waiting["request_id"], waiting["status"], waiting["class"]) == ("req_waits", "waiting", "batch")
    assert waiting["position"] == 2 and waiting["engine"] is None
    assert told["pools"] == [
        {
            "name": "local",
            "engines": ["local"],
            "models": ["llama"],
            "slots": 1,
            "running": 1,
            "waiting": {"interactive": 1, "batch": 1},
            "tokens_per_s": None,
            "request_s": None,
            "loading": None,
        }
    ]
    await _leave(lease, waits, others)


async def test_a_request_that_waits_is_found_by_its_id(process: Process) -> None:
    """By who sent it: for everybody else, and when it has ended, it is a 404."""
    lease = await process.there.acquire(process.ask("bea", "req_first"))
    waits = await process.in_line(process.there, process.ask("ana", "req_mine"))

    found, not_mine = await process.get("/req_mine"), await process.get("/req_mine", "bea")

    assert (found.status_code, found.json()["position"]) == (200, 1)
    assert not_mine.status_code == 404 and "ended" in not_mine.json()["error"]["message"]
    await _leave(lease, waits)


async def test_an_operator_sees_who_uses_the_engines(process: Process, database: Database) -> None:
    """What they run and have in line, and what their requests used that ended lately; an address for each."""
    await _used(database, process.ids["bea"], 300)
    await _used(database, process.ids["ana"], 100)
    lease = await process.here.acquire(process.ask("ana", "a"))
    waits = await process.in_line(process.there, process.ask("ana", "b"))

    told = (await process.get(who="admin")).json()

    rows = {row["email"]: row for row in told["people"]}
    assert told["data"] == [] and told["people"][0]["email"] == "ana@box.example"
    assert (rows["ana@box.example"]["running"], rows["ana@box.example"]["waiting"]) == (1, 1)
    assert (rows["ana@box.example"]["tokens"], rows["ana@box.example"]["share"]) == (100, 0.25)
    assert (rows["bea@box.example"]["running"], rows["bea@box.example"]["share"]) == (0, 0.75)
    await _leave(lease, waits)


async def test_the_last_quarter_of_an_hour_can_be_drawn(process: Process, valkey: Redis) -> None:
    """How long the lines were, how even, and the tokens a second of each engine; what is older is forgotten."""
    lease = await process.here.acquire(process.ask("ana", "runs"))
    waits = await process.in_line(process.there, process.ask("bea", "waits", is_batch=True))
    await process.history.write()
    process.clock.now_s += 20
    answer = RequestEnd("completed", "local", Usage(9, 200), ttft_ms=0, total_ms=20_000)
    process.history.ended(answer)
    await process.history.write()

    told = (await process.get("/history", "admin")).json()
    refused = await process.get("/history")
    keys = [await valkey.ttl(key) for key in await valkey.keys("{gate}:history:*")]
    process.clock.now_s += told["kept_s"] + told["step_s"]
    later = (await process.get("/history", "admin")).json()

    first = told["points"][0]
    assert first["pools"]["local"] == {
        "waiting": 1,
        "batch_waiting": 1,
        "running": 1,
        "slots": 1,
        "fairness": 0.5,
    }
    rates = [point["engines"]["local"]["tokens_per_s"] for point in told["points"]]
    assert rates == [10, 10, 10, 10, 0] and told["step_s"] == 5
    assert [point["at"] % 5 for point in told["points"]] == [0] * 5
    assert (first["engines"]["local"]["running"], refused.status_code) == (1, 403)
    assert len(keys) == 5 and all(0 < ttl <= told["kept_s"] + 60 for ttl in keys)
    assert later["points"] == []
    await _leave(lease, waits)


async def test_somebody_without_a_key_sees_nothing(process: Process) -> None:
    """Not even how long the lines are."""
    assert (await process.worker.client.get("/api/queue")).status_code == 401


async def _leave(lease: Lease, *waiting: asyncio.Task[Lease]) -> None:
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    lease.release()


async def _used(database: Database, user_id: UUID, tokens: int) -> None:
    """A request of theirs that has just ended."""
    async with database.viewing(Viewer(user_id, role=Role.ADMIN)) as connection:
        await connection.execute("SELECT set_config('app.role', 'ledger', true)")
        await connection.execute(
            "INSERT INTO requests (id, request_id, worker, user_id, model, route, engine, started_at, status,"
            " prompt_tokens, completion_tokens, total_ms) VALUES (%s, 'r', %s, %s, 'llama', '/v1/chat/completions',"
            " 'local', now() - interval '1 minute', 'completed', %s, 0, 500)",
            (uuid4(), uuid4(), user_id, tokens),
        )
