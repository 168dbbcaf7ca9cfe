"""Revocation, suspension and lost roles act on every worker at the news, on requests that are running too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from redis.asyncio import Redis

from appliance.domain.people import Caller, Role
from appliance.errors import CredentialWithdrawn
from appliance.services.accounts.live_requests import LiveRequests, Withdrawal
from appliance.storage.database import Database
from tests.accounts_world import (
    Worker,
    add_person,
    bearer,
    key_of,
    serving,
    signed_in,
    token_of,
    until,
    worker,
)

BY_NEWS_S = 15.0  # without news a cached caller is looked up again after twice that (caller_cache.KNOWN_S)


@asynccontextmanager
async def two_workers(database: Database, valkey: Redis) -> AsyncIterator[tuple[Worker, Worker]]:
    """Two gateway processes that share PostgreSQL and Valkey, and nothing else."""
    async with worker(database, valkey) as first, worker(database, valkey) as second:
        yield first, second


async def revoke(first: Worker, user_id: Any, key_id: Any) -> None:
    """The key alone."""
    await first.accounts.keys.revoke(None, key_id)


async def suspend(first: Worker, user_id: Any, key_id: Any) -> None:
    """The person."""
    await first.accounts.people.change(None, user_id, is_suspended=True)


async def demote(first: Worker, user_id: Any, key_id: Any) -> None:
    """An administrator no more."""
    await first.accounts.people.change(None, user_id, role=Role.USER)


@pytest.mark.parametrize("withdraw", [revoke, suspend, demote])
async def test_an_open_stream_on_another_worker_ends(
    database: Database, valkey: Redis, withdraw: Any
) -> None:
    """What one worker withdraws ends the stream that another one is sending, and its next request too."""
    async with two_workers(database, valkey) as (first, second), serving(second.app) as url:
        await add_person(first.accounts, "boss@box.example", Role.ADMIN)
        user = await add_person(first.accounts, role=Role.ADMIN)
        made = await first.accounts.keys.make(None, user.id)
        async with (
            aiohttp.ClientSession(url, headers=bearer(made.secret)) as client,
            client.get("/v1/stream") as stream,
        ):
            assert await stream.content.readuntil(b"\n\n") == b"data: begun\n\n"

            await withdraw(first, user.id, made.key.id)
            async with asyncio.timeout(60):
                rest = await stream.content.read()

            async with client.get("/probe") as after:
                status, body = after.status, await after.json()

    assert rest == b"event: error\ndata: withdrawn\n\n"
    assert status == 401 if withdraw is not demote else body["role"] == "user"


async def test_a_session_that_is_signed_out_is_out_everywhere(database: Database, valkey: Redis) -> None:
    """Another worker has the session in its cache, and forgets it."""
    async with two_workers(database, valkey) as (first, second):
        await add_person(first.accounts)
        browser = await signed_in(first)
        elsewhere = second.browser()
        elsewhere.headers["cookie"] = browser.headers["cookie"]
        assert (await elsewhere.get("/probe")).status_code == 200

        await browser.delete("/api/sessions/current")

        async def is_out() -> bool:
            return (await elsewhere.get("/probe")).status_code == 401

        await until(is_out, BY_NEWS_S)


async def test_a_new_role_is_seen_everywhere(database: Database, valkey: Redis) -> None:
    """Promotion does not wait for a cache either, and disturbs nothing that runs."""
    async with two_workers(database, valkey) as (first, second):
        user = await add_person(first.accounts)
        key = await key_of(first.accounts, user)
        caller = await second.accounts.authentication.by_key(key)
        with second.accounts.live.track(caller) as running:
            await first.accounts.people.change(None, user.id, role=Role.ADMIN)

            async def is_admin() -> bool:
                return (await second.accounts.authentication.by_key(key)).is_admin

            await until(is_admin, BY_NEWS_S)
            assert not running.is_withdrawn


async def test_membership_is_seen_everywhere(database: Database, valkey: Redis) -> None:
    """Who was taken out of a group reads nothing of it any more."""
    async with two_workers(database, valkey) as (first, second):
        user = await add_person(first.accounts)
        boss = await first.accounts.authentication.by_key(
            await key_of(first.accounts, await add_person(first.accounts, "boss@box.example", Role.ADMIN))
        )
        key = await key_of(first.accounts, user)
        group = await first.accounts.people.add_group(boss, "Legal")
        await first.accounts.people.set_members(boss, group.id, [user.id])
        assert (await second.accounts.authentication.by_key(key)).group_ids == {group.id}

        await first.accounts.people.set_members(boss, group.id, [])

        async def is_out() -> bool:
            return not (await second.accounts.authentication.by_key(key)).group_ids

        await until(is_out, BY_NEWS_S)


async def test_without_news_a_worker_still_learns(database: Database, valkey: Redis) -> None:
    """When the channel is lost, nothing is trusted for longer than a second, and running requests are looked after."""
    async with worker(database, valkey) as first, worker(database, valkey) as deaf:
        user = await add_person(first.accounts)
        made = await first.accounts.keys.make(None, user.id)
        caller = await deaf.accounts.authentication.by_key(made.secret)
        with deaf.accounts.live.track(caller) as running:
            # The key is withdrawn behind everybody's back, and then every connection to Valkey breaks once.
            async with database.connection() as connection:
                await connection.execute("UPDATE api_keys SET revoked_at = now()")
            await valkey.client_kill_filter(_type="pubsub", skipme=False)

            await until(lambda: running.is_withdrawn)

        await until(lambda: deaf.accounts.withdrawals.hears_news)
        with pytest.raises(Exception, match="revoked"):
            await deaf.accounts.authentication.by_key(made.secret)


async def test_what_is_known_survives_postgresql_for_a_while(
    database: Database, valkey: Redis, owner_url: str
) -> None:
    """Without PostgreSQL a cached key works on, and an unknown one is a 503 rather than a 401."""
    async with worker(database, valkey) as one:
        user = await add_person(one.accounts)
        known, unknown = await key_of(one.accounts, user), await key_of(one.accounts, user)
        assert (await one.client.get("/probe", headers=bearer(known))).status_code == 200
        await database.close()

        cached = await one.client.get("/probe", headers=bearer(known))
        asked = await one.client.get("/probe", headers=bearer(unknown))

        assert cached.status_code == 200
        assert (asked.status_code, asked.headers["retry-after"]) == (503, "2")
        assert asked.json()["error"]["code"] == "part_unavailable"


async def test_a_withdrawal_that_overtakes_a_request_reaches_it() -> None:
    """Let in just before, registered just after: the request ends all the same."""
    live, key_id = LiveRequests(), uuid4()
    live.withdraw(Withdrawal(key_id=key_id))

    with live.track(Caller(uuid4(), "a@b", key_id=key_id)) as request:
        assert request.is_withdrawn


async def test_guarded_work_is_cancelled_and_says_why() -> None:
    """`guard` turns a withdrawal into the error that the door knows; another cancellation stays one."""
    live, caller = LiveRequests(), Caller(uuid4(), "a@b", session_id=uuid4())

    async def work() -> None:
        async with live.guard(caller):
            await asyncio.Event().wait()

    withdrawn, cancelled = asyncio.create_task(work()), asyncio.create_task(work())
    await until(lambda: len(live.callers) == 2)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert live.withdraw(Withdrawal(session_id=caller.session_id)) == 1

    with pytest.raises(CredentialWithdrawn):
        await withdrawn
    assert live.callers == []


async def test_a_read_that_a_withdrawal_overtook_is_read_again(database: Database, valkey: Redis) -> None:
    """An answer that left the database before the revocation is not kept for thirty seconds after it."""
    async with worker(database, valkey) as one:
        user = await add_person(one.accounts)
        made = await one.accounts.keys.make(None, user.id)
        repository = one.accounts.authentication._repository
        read, go_on = asyncio.Event(), asyncio.Event()
        original = repository.by_key

        async def slow(secret_hash: bytes) -> Any:
            found = await original(secret_hash)
            read.set()
            await go_on.wait()
            return found

        repository.by_key = slow  # type: ignore[method-assign]
        asking = asyncio.create_task(one.accounts.authentication.by_key(made.secret))
        await read.wait()
        await one.accounts.keys.revoke(None, made.key.id)
        go_on.set()

        with pytest.raises(Exception, match="revoked"):
            await asking


async def test_many_requests_with_one_fresh_key_ask_once(database: Database, valkey: Redis) -> None:
    """A burst does not become a burst on PostgreSQL, and one that goes away takes nobody with it."""
    async with worker(database, valkey) as one:
        key = await key_of(one.accounts, await add_person(one.accounts))
        repository = one.accounts.authentication._repository
        asked = 0
        original = repository.by_key

        async def counted(secret_hash: bytes) -> Any:
            nonlocal asked
            asked += 1
            return await original(secret_hash)

        repository.by_key = counted  # type: ignore[method-assign]
        tasks = [asyncio.create_task(one.accounts.authentication.by_key(key)) for _ in range(50)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert asked == 1
    assert sum(isinstance(answer, Caller) for answer in answers) == 49


async def test_garbage_keys_evict_nobody(database: Database, valkey: Redis) -> None:
    """Ten thousand invented keys are remembered in a bounded place of their own."""
    async with worker(database, valkey) as one:
        cache = one.accounts.authentication._cache
        for number in range(10_000):
            cache.remember(number.to_bytes(4), None, cache.generation)

        assert len(cache._unknown) == 1_000


async def test_last_use_is_noted_in_batches(database: Database, valkey: Redis) -> None:
    """A thousand requests are one write; a session's life is prolonged with it, never beyond its end."""
    async with worker(database, valkey, session_days=2, session_max_days=3) as one:
        user = await add_person(one.accounts)
        key = await key_of(one.accounts, user)
        browser = await signed_in(one)
        begun = one.clock.now
        one.clock.pass_time(days=1, hours=12)
        for _ in range(3):
            await one.accounts.authentication.by_key(key)
            await one.accounts.authentication.by_session(token_of(browser))
        caller = await one.accounts.authentication.by_session(token_of(browser))

        await one.accounts.note_uses()

        (listed,) = await one.accounts.keys.keys(caller)
        (session,) = await one.accounts.sign_in.sessions(caller)
        assert listed.last_used_at == one.clock.now
        assert session.last_used_at == one.clock.now
        assert (session.expires_at - begun).days == 3
        assert one.accounts.authentication.take_uses() == ({}, {})
