"""/api/engines/breakers: who may look, who may have an engine asked, and what is written down of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.circuits import circuit_routes
from appliance.bootstrap.breakers import WrittenEvents
from appliance.domain.people import Role
from appliance.fairness.breakers.circuit_breakers import Terms
from appliance.services.circuits import Circuits
from appliance.storage.database import Database
from inference.failover.outcomes import Outcome
from tests.accounts_world import add_person, bearer, first_administrator, key_of, worker
from tests.breaker_workers import SLOW_TO_RETURN, Company, Worker, workers
from tests.conftest import Servers
from tests.waiting import until

OPENED = {"engine": "gpu", "model": "llama"}


@dataclass
class Room:
    """A gateway process whose engine called gpu is out of rotation for a model, and people who ask about it."""

    worker: Worker
    client: httpx.AsyncClient
    keys: dict[str, dict[str, str]]
    database: Database

    async def get(self, path: str = "", who: str = "admin") -> httpx.Response:
        return await self.client.get(f"/api/engines/breakers{path}", headers=self.keys[who])

    async def try_now(self, body: Any, who: str = "admin") -> httpx.Response:
        return await self.client.post("/api/engines/breakers/try", headers=self.keys[who], json=body)

    async def written(self) -> list[Any]:
        """What was noted of engines that were asked by hand."""
        async with self.database.connection() as connection:
            rows = await connection.execute("SELECT detail FROM account_events WHERE action = 'engine.asked'")
            return [row[0] for row in await rows.fetchall()]


@pytest.fixture
async def room(servers: Servers, valkey: Redis, database: Database) -> AsyncIterator[Room]:
    """Three answers of it have broken off."""
    async with AsyncExitStack() as stack:
        company = Company(Terms(SLOW_TO_RETURN, is_asked=False))
        (process,) = await stack.enter_async_context(workers(servers.valkey.url, 1, company))
        one = await stack.enter_async_context(
            worker(
                database,
                valkey,
                wait_for_news=False,
                more_routes=lambda _accounts, identity: [
                    circuit_routes(
                        Circuits(process.breakers, lambda name: name == "gpu", WrittenEvents(database)),
                        identity,
                    )
                ],
            )
        )
        first = await first_administrator(one.accounts)
        keys = {"admin": bearer(first.api_key)}
        for name, role in (("auditor", Role.AUDITOR), ("ana", Role.USER)):
            user = await add_person(one.accounts, f"{name}@box.example", role)
            keys[name] = bearer(await key_of(one.accounts, user))
        process.fails(Outcome.BROKEN, 3)
        await until(lambda: not process.is_closed())
        yield Room(process, one.client, keys, database)


async def test_administrators_and_auditors_see_why_it_is_out(room: Room) -> None:
    """In codes that a program can compare; nobody else does."""
    told = (await room.get()).json()["data"]

    assert [
        {name: one[name] for name in ("engine", "model", "state", "cause", "outcome", "count")}
        for one in told
    ] == [{**OPENED, "state": "open", "cause": "in_a_row", "outcome": "broken", "count": 3}]
    assert told[0]["retry_in_s"] > 3000 and told[0]["is_asked"] is False
    assert (await room.get(who="auditor")).status_code == 200
    assert (await room.get(who="ana")).status_code == 403
    assert (await room.get("/history?engine=gpu", "ana")).status_code == 403


async def test_the_history_of_an_engine_can_be_read(room: Room) -> None:
    """Of one that there is."""
    told = (await room.get("/history?engine=gpu")).json()["data"]

    assert [(row["model"], row["state"], row["cause"], row["outcome"]) for row in told] == [
        ("llama", "open", "in_a_row", "broken")
    ]
    assert (await room.get("/history?engine=gone")).status_code == 404
    assert (await room.get("/history")).status_code == 400


async def test_an_administrator_has_it_asked_now_and_that_is_written_down(room: Room) -> None:
    """The next request may go there; an auditor may not say so."""
    assert (await room.try_now(OPENED, "auditor")).status_code == 403
    assert (await room.try_now({"engine": "gpu", "model": "other"})).status_code == 404
    assert not await room.worker.breakers.claim("gpu", "llama")

    answer = await room.try_now(OPENED)

    assert answer.status_code == 202 and answer.json()["retry_in_s"] == 0
    assert await room.worker.breakers.claim("gpu", "llama")
    assert await room.written() == [{"engine": "gpu", "name": "llama"}]
