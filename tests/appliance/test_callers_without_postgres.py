"""Who is known goes on for a bounded time while PostgreSQL is away, unless news of a withdrawal arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from redis.asyncio import Redis

from appliance.fairness.accounting.contact import PostgresContact, WithoutPostgres
from appliance.services.accounts.caller_cache import KNOWN_S, PARTITION_S
from appliance.services.accounts.live_requests import Withdrawal
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from tests.accounts_world import Worker, add_person, bearer, key_of, signed_in, until, worker
from tests.conftest import ROLE_SECRET

SERVE_S = 600.0


@dataclass
class Seconds:
    """A clock that only moves when told."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Cut:
    """A worker, its PostgreSQL, which can be taken away, and the time."""

    one: Worker
    contact: PostgresContact
    seconds: Seconds
    database: Database

    def lose(self) -> None:
        """As the ledger tells when a write failed."""
        self.contact.lost()

    async def status(self, key: str) -> int:
        return (await self.one.client.get("/probe", headers=bearer(key))).status_code

    async def statuses(self, *keys: str) -> Sequence[int]:
        return [await self.status(key) for key in keys]


@asynccontextmanager
async def cut_off(owner_url: str, valkey: Redis, policy: WithoutPostgres = "serve") -> AsyncIterator[Cut]:
    """A worker of a gateway whose ledger has just heard of PostgreSQL."""
    seconds = Seconds()
    contact = PostgresContact(policy, SERVE_S, seconds)
    contact.heard()
    database = Database(url_as(owner_url, DatabaseRole.API, ROLE_SECRET), require=contact.require)
    await database.open()
    try:
        async with worker(database, valkey, contact=contact, monotonic=seconds) as one:
            yield Cut(one, contact, seconds, database)
    finally:
        await database.close()


async def test_known_callers_go_on_for_the_time_that_is_set(owner_url: str, valkey: Redis) -> None:
    """A key, a sign-in: long after the cache's own time, and not beyond `gate.serve_without_postgres_s`."""
    async with cut_off(owner_url, valkey) as cut:
        key = await key_of(cut.one.accounts, await add_person(cut.one.accounts))
        browser = await signed_in(cut.one)
        assert await cut.status(key) == 200 and (await browser.get("/probe")).status_code == 200
        cut.lose()

        cut.seconds.now += SERVE_S - 1
        served = await cut.status(key), (await browser.get("/probe")).status_code
        cut.seconds.now += 2
        refused = await cut.status(key), (await browser.get("/probe")).status_code
        cut.contact.heard()
        again = await cut.status(key), (await browser.get("/probe")).status_code

    assert (served, refused, again) == ((200, 200), (503, 503), (200, 200))


async def test_who_is_not_known_is_told_when_to_come_back(owner_url: str, valkey: Redis) -> None:
    """503 with retry-after: neither a 401 that a script would take for the end, nor a long wait."""
    async with cut_off(owner_url, valkey) as cut:
        unknown = await key_of(cut.one.accounts, await add_person(cut.one.accounts))
        cut.lose()

        answer = await cut.one.client.get("/probe", headers=bearer(unknown))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["error"]["code"] == "part_unavailable"


async def test_a_withdrawal_counts_at_once(owner_url: str, valkey: Redis) -> None:
    """Revoked by a process that still has PostgreSQL: the news alone ends it here."""
    async with cut_off(owner_url, valkey) as cut:
        user = await add_person(cut.one.accounts)
        made = await cut.one.accounts.keys.make(None, user.id)
        other = await key_of(cut.one.accounts, await add_person(cut.one.accounts, "bea@box.example"))
        assert await cut.statuses(made.secret, other) == [200, 200]
        cut.lose()
        cut.seconds.now += KNOWN_S + 1
        assert await cut.statuses(made.secret, other) == [200, 200]

        await cut.one.accounts.withdrawals.publish(Withdrawal(key_id=made.key.id))

        assert await cut.statuses(made.secret, other) == [503, 200]


async def test_without_news_too_the_time_is_half_a_minute(owner_url: str, valkey: Redis) -> None:
    """Neither PostgreSQL nor Valkey: a withdrawn key would live for 30 s at most, and so does every other."""
    async with cut_off(owner_url, valkey) as cut:
        key = await key_of(cut.one.accounts, await add_person(cut.one.accounts))
        assert await cut.status(key) == 200
        cut.lose()
        cut.one.accounts.authentication._cache.lose_news()

        cut.seconds.now += PARTITION_S - 1
        served = await cut.status(key)
        cut.seconds.now += 2
        refused = await cut.status(key)

    assert (served, refused) == (200, 503)


async def test_news_that_return_do_not_make_old_answers_sure(owner_url: str, valkey: Redis) -> None:
    """What was published while nobody listened is lost: the half minute runs on though the channel is open again."""
    async with cut_off(owner_url, valkey) as cut:
        key = await key_of(cut.one.accounts, await add_person(cut.one.accounts))
        assert await cut.status(key) == 200
        cut.lose()
        cache = cut.one.accounts.authentication._cache
        heard = cache.generation
        await valkey.client_kill_filter(_type="pubsub", skipme=False)
        await until(lambda: cache.generation > heard and cache.is_sure)

        cut.seconds.now += PARTITION_S - 1
        served = await cut.status(key)
        cut.seconds.now += 2
        refused = await cut.status(key)
        cut.contact.heard()
        again = await cut.status(key)

    assert (served, refused, again) == (200, 503, 200)


@pytest.mark.parametrize("policy", ["serve", "refuse"])
async def test_who_notices_first_need_not_be_the_ledger(
    owner_url: str, valkey: Redis, policy: WithoutPostgres
) -> None:
    """A look-up that fails before the ledger has noticed goes by what is known, by policy."""
    async with cut_off(owner_url, valkey, policy) as cut:
        key = await key_of(cut.one.accounts, await add_person(cut.one.accounts))
        assert await cut.status(key) == 200
        cut.seconds.now += KNOWN_S + 1
        await cut.database.close()

        assert await cut.status(key) == (200 if policy == "serve" else 503)


async def test_an_end_that_was_set_before_still_counts(owner_url: str, valkey: Redis) -> None:
    """A key that expires meanwhile is refused as expired."""
    async with cut_off(owner_url, valkey) as cut:
        user = await add_person(cut.one.accounts)
        key = await key_of(cut.one.accounts, user, expires_at=cut.one.clock.now + timedelta(days=1))
        assert await cut.status(key) == 200
        cut.lose()

        cut.one.clock.pass_time(days=2)
        answer: httpx.Response = await cut.one.client.get("/probe", headers=bearer(key))

    assert answer.status_code == 401 and "expired" in answer.json()["error"]["message"]
