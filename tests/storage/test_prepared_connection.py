"""The ledger's own connection: broken, refused and silent are told apart, and it is opened again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.errors import DataError

from appliance.errors import PartUnavailable
from appliance.storage.prepared_connection import PreparedConnection
from tests.waiting import until

STATEMENTS = {
    "number": "SELECT generate_series(1, $1::integer)",
    "sleep": "SELECT pg_sleep($1::float8)",
    "length": "SELECT generate_series(1, length($1::text) / 1000000)",
}


@asynccontextmanager
async def opened(url: str, patience_s: float = 60.0) -> AsyncIterator[PreparedConnection]:
    """One with a few statements."""
    connection = PreparedConnection(url, STATEMENTS, patience_s)
    try:
        yield connection
    finally:
        await connection.close()


def end_sessions(url: str) -> int:
    """As a restart of PostgreSQL does; returns how many of the ledger's there were."""
    with psycopg.connect(url) as own:
        found = own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'appliance ledger' AND datname = current_database()"
        ).fetchall()
    return len(found)


async def test_statements_take_turns(owner_url: str) -> None:
    """Many at once over one connection; each gets its own answer."""
    async with opened(owner_url) as connection:
        counts = await asyncio.gather(
            *(connection.execute("number", [b"%d" % number]) for number in range(1, 40))
        )

    assert counts == list(range(1, 40))


async def test_a_statement_of_megabytes_passes(owner_url: str) -> None:
    """More than the socket takes at once."""
    async with opened(owner_url) as connection:
        assert await connection.execute("length", [b"x" * 4_000_000]) == 4


async def test_a_refused_row_is_not_an_outage(owner_url: str) -> None:
    """What PostgreSQL cannot read is a DataError, and the connection goes on."""
    async with opened(owner_url) as connection:
        with pytest.raises(DataError):
            await connection.execute("number", [b"many"])

        assert await connection.execute("number", [b"3"]) == 3


@pytest.mark.parametrize("is_running", [True, False], ids=["while it asks", "while it is idle"])
async def test_a_broken_connection_is_opened_again(owner_url: str, is_running: bool) -> None:
    """In the middle of a statement it is an outage; while nobody asks nobody notices."""
    async with opened(owner_url) as connection:
        assert await connection.execute("number", [b"1"]) == 1
        if is_running:
            asking = asyncio.create_task(connection.execute("sleep", [b"30"]))
            await until(_is_asleep(owner_url))
        assert await asyncio.to_thread(end_sessions, owner_url) == 1
        if is_running:
            with pytest.raises(PartUnavailable):
                await asking
        else:
            await until(lambda: connection._wire is None or connection._wire.is_broken)

        assert await connection.execute("number", [b"2"]) == 2


async def test_silence_is_an_outage(owner_url: str) -> None:
    """After its patience, and the next statement gets a fresh connection and no answer of the old one."""
    async with opened(owner_url, patience_s=2.0) as connection:
        with pytest.raises(PartUnavailable):
            await connection.execute("sleep", [b"30"])

        assert await connection.execute("number", [b"2"]) == 2


async def test_whoever_goes_away_leaves_no_half_read_answer(owner_url: str) -> None:
    """A cancelled statement's answer is never taken for the next one's."""
    async with opened(owner_url) as connection:
        asking = asyncio.create_task(connection.execute("sleep", [b"30"]))
        await until(_is_asleep(owner_url))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        assert await connection.execute("number", [b"7"]) == 7


def _is_asleep(url: str) -> Callable[[], bool]:
    def looked() -> bool:
        with psycopg.connect(url) as own:
            found = own.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
            ).fetchone()
        return found == (1,)

    return looked
