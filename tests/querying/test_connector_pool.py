"""A few connections, lent one at a time, closed when nobody needs them."""

from __future__ import annotations

import asyncio

import pytest

from querying.connectors.pool import Pool
from tests.waiting import until


class Opened:
    """Counts what is opened and closed; each connection is its number."""

    def __init__(self) -> None:
        self.opened, self.closed = 0, list[int]()

    async def open(self) -> int:
        self.opened += 1
        return self.opened

    async def close(self, one: int) -> None:
        self.closed.append(one)


async def test_a_sound_one_is_lent_again() -> None:
    """One that nobody called sound is closed."""
    world = Opened()
    pool = Pool(world.open, world.close)
    async with pool.lent() as first:
        first.is_sound()
    async with pool.lent() as again:
        assert (again.connection, again.is_fresh) == (1, False)
    async with pool.lent() as fresh:
        assert (fresh.connection, fresh.is_fresh) == (2, True)
    assert world.closed == [1, 2]


async def test_no_more_than_its_size_are_open() -> None:
    """Others wait."""
    world, most, now = Opened(), 0, 0
    pool = Pool(world.open, world.close, size=3)

    async def use() -> None:
        nonlocal most, now
        async with pool.lent() as one:
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            one.is_sound()

    await asyncio.gather(*(use() for _ in range(20)))
    assert most == 3 and world.opened == 3
    await pool.close()
    assert sorted(world.closed) == [1, 2, 3]


async def test_what_lies_idle_is_closed() -> None:
    """Nobody's database is kept busy with sessions of people who went home."""
    world = Opened()
    pool = Pool(world.open, world.close, idle_s=0.0)
    async with pool.lent() as one:
        one.is_sound()
    await until(lambda: world.closed == [1])
    assert pool.idle == 0


async def test_one_that_died_idle_is_exchanged_once() -> None:
    """A fresh one that does not work is no accident any more."""
    world = Opened()
    pool = Pool(world.open, world.close)
    dead: set[int] = set()

    async def begin(one: int) -> None:
        if one in dead:
            raise ConnectionError

    async with pool.begun(begin, (ConnectionError,)) as lent:
        lent.is_sound()
    dead.add(1)
    async with pool.begun(begin, (ConnectionError,)) as lent:
        assert lent.connection == 2
    dead.add(3)
    with pytest.raises(ConnectionError):
        async with pool.begun(begin, (ConnectionError,)):
            pass
    assert world.closed == [1, 2, 3]


async def test_what_is_given_back_after_the_end_is_closed() -> None:
    """A removed source leaves nothing open."""
    world = Opened()
    pool = Pool(world.open, world.close)
    async with pool.lent() as one:
        await pool.close()
        one.is_sound()
    assert world.closed == [1]
