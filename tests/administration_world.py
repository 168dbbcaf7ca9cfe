"""The routes about usage, audit, feedback and jobs on real PostgreSQL, with people who may see more and less."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg
from redis.asyncio import Redis

from appliance.bootstrap.administration import administration_routers
from appliance.domain.people import Role
from appliance.fairness.accounting.ledger_rows import RequestEnd, RequestStart, end_row, start_row, uuid7
from appliance.storage.database import Database
from appliance.storage.usage import UsageStore, ledger_url
from tests.accounts_world import Worker, add_person, bearer, first_administrator, key_of, worker

WORKER = UUID(int=5)


@dataclass
class Office:
    """admin, auditor, ana and bea, each with a key."""

    worker: Worker
    keys: dict[str, dict[str, str]]
    ids: dict[str, UUID]

    async def get(self, path: str, who: str = "admin", **query: Any) -> httpx.Response:
        return await self.worker.client.get(f"/api{path}", headers=self.keys[who], params=query)

    async def call(self, method: str, path: str, who: str = "admin") -> httpx.Response:
        return await self.worker.client.request(method, f"/api{path}", headers=self.keys[who])

    async def ok(self, path: str, who: str = "admin", **query: Any) -> dict[str, Any]:
        """The JSON of an answer that has to be 200."""
        answer = await self.get(path, who, **query)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@asynccontextmanager
async def opened_office(
    database: Database, valkey: Redis, currency: str | None = None, *, shows_questions: bool = False
) -> AsyncIterator[Office]:
    """Nothing has happened yet but that there are people. currency: of the prices, where there are any."""
    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda accounts, identity: administration_routers(
            database, accounts, identity, currency, shows_questions=shows_questions
        ),
    ) as one:
        first = await first_administrator(one.accounts)
        people = {
            "auditor": await add_person(one.accounts, "auditor@box.example", Role.AUDITOR),
            "ana": await add_person(one.accounts, "ana@box.example"),
            "bea": await add_person(one.accounts, "bea@box.example"),
        }
        keys = {name: bearer(await key_of(one.accounts, user)) for name, user in people.items()}
        ids = {name: user.id for name, user in people.items()}
        admin = await one.accounts.people.by_email(first.email)
        assert admin is not None
        yield Office(one, {**keys, "admin": bearer(first.api_key)}, {**ids, "admin": admin.id})


def table_of(answer: httpx.Response, delimiter: str = ",") -> list[dict[str, str]]:
    """A CSV export's rows by the names of their columns."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


async def asked(
    database_url: str, user: UUID, moment: datetime, end: RequestEnd, model: str = "llama", **start: Any
) -> UUID:
    """A request as the gateway writes it into the ledger: its start, then its end."""
    store = UsageStore(ledger_url(database_url))
    try:
        row_id = uuid7()
        request_id = start.pop("request_id", str(row_id))
        begun = RequestStart(row_id, request_id, user, None, model, "/v1/chat/completions", moment, **start)
        await store.record([start_row(WORKER, begun)], [])
        await store.record([], [end_row(row_id, end)])
        return row_id
    finally:
        await store.close()


def as_owner(owner_url: str, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Beneath everything."""
    with psycopg.connect(owner_url) as connection:
        found = connection.execute(statement.encode(), values)
        return found.fetchall() if found.description is not None else []
