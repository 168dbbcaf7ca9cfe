"""What a key may hand down to the keys it makes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from appliance.domain.people import Role, Scopes
from appliance.errors import NotPermitted
from appliance.storage.database import Database
from tests.accounts_world import Worker, add_person, key_of, worker


@pytest.fixture
async def one(database: Database, valkey: Redis) -> AsyncIterator[Worker]:
    """A gateway process."""
    async with worker(database, valkey) as running:
        yield running


async def test_a_key_that_expires_makes_none_that_lives_longer(one: Worker) -> None:
    """A key lent for an hour is worth an hour, whatever is made with it."""
    ana = await add_person(one.accounts)
    ends = one.clock() + timedelta(hours=1)
    caller = await one.accounts.authentication.by_key(await key_of(one.accounts, ana, expires_at=ends))

    for longer in (None, ends + timedelta(seconds=1)):
        with pytest.raises(NotPermitted) as refused:
            await one.accounts.keys.make(caller, ana.id, expires_at=longer)
        assert refused.value.param == "expires_at"
    made = await one.accounts.keys.make(caller, ana.id, expires_at=ends)

    assert made.key.expires_at == ends


async def test_a_limited_key_of_an_administrator_touches_nobody_else_s_keys(one: Worker) -> None:
    """A key for one model is no way to act as somebody else, nor to shut others out."""
    boss = await add_person(one.accounts, "boss@box.example", Role.ADMIN)
    ana = await add_person(one.accounts)
    hers = await one.accounts.keys.make(None, ana.id)
    limited = Scopes(models=frozenset({"m"}))
    caller = await one.accounts.authentication.by_key(await key_of(one.accounts, boss, scopes=limited))

    with pytest.raises(NotPermitted):
        await one.accounts.keys.make(caller, ana.id, scopes=limited)
    with pytest.raises(NotPermitted):
        await one.accounts.keys.revoke(caller, hers.key.id)

    assert (await one.accounts.authentication.by_key(hers.secret)).user_id == ana.id
