"""Circuit breakers of several gateway processes on one Valkey: in agreement, without it, and after it has come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from appliance.fairness.breakers.circuit_breakers import Terms
from appliance.fairness.breakers.wire import PREFIX
from inference.breaker.circuit import Cause, Position
from inference.failover.outcomes import Outcome, Report
from tests.breaker_workers import (
    CLOUD_AT_ONCE,
    QUICK_TO_RETURN,
    SLOW_TO_RETURN,
    Company,
    Worker,
    workers,
)
from tests.conftest import Servers
from tests.own_valkey import own_valkey
from tests.waiting import until


def _all_open(all_of_them: list[Worker]) -> bool:
    return not any(worker.is_closed() for worker in all_of_them)


async def test_what_one_process_meets_with_all_know(servers: Servers, valkey: Redis) -> None:
    """Three answers that broke off, seen by three processes, take the engine out of rotation for all of them."""
    async with workers(servers.valkey.url, 3) as office:
        waiting = [worker.breakers.opened("gpu", "llama") for worker in office]
        for worker in office:
            worker.fails(Outcome.BROKEN)

        await until(lambda: _all_open(office))
        for opened in waiting:
            await asyncio.wait_for(opened.wait(), 60)
        told = [state for worker in office for state in worker.told]

    assert [(state.position, state.cause, state.outcome, state.count) for state in told] == [
        (Position.OPEN, Cause.IN_A_ROW, Outcome.BROKEN, 3)
    ]


async def test_failures_between_answers_do_not_add_up(servers: Servers, valkey: Redis) -> None:
    """Answers are told together, and still before the failure that came after them."""
    async with workers(servers.valkey.url, 1) as (worker,):
        for _ in range(6):
            worker.fails(Outcome.BROKEN, 2)
            for _ in range(3):
                worker.breakers.report(Report("gpu", "llama", Outcome.SERVED))
        worker.fails(Outcome.REJECTED)

        await until(lambda: bool(worker.told))

        assert [state.cause for state in worker.told] == [Cause.REJECTED]


async def test_clients_errors_never_count(servers: Servers, valkey: Redis) -> None:
    """However many there are."""
    async with workers(servers.valkey.url, 1) as (worker,):
        worker.fails(Outcome.NOT_COUNTED, 500)
        worker.fails(Outcome.FAILED, 4)
        worker.breakers.report(Report("other", "llama", Outcome.REJECTED))

        await until(lambda: bool(worker.told))

        assert worker.is_closed()


async def test_a_cloud_is_asked_by_as_many_requests_as_it_has_probes(servers: Servers, valkey: Redis) -> None:
    """Of twenty requests that would go there at once two do; when both are answered all may."""
    company = Company(Terms(CLOUD_AT_ONCE, is_asked=False))
    async with workers(servers.valkey.url, 2, company) as office:
        office[0].fails(Outcome.FAILED, 5)
        await until(lambda: _all_open(office))
        await until(lambda: all(worker.breakers.due_in_s("gpu", "llama") == 0 for worker in office))

        asked = await asyncio.gather(*(office[turn % 2].breakers.claim("gpu", "llama") for turn in range(20)))
        for _ in range(sum(asked)):
            office[1].breakers.report(Report("gpu", "llama", Outcome.SERVED, is_probe=True))
        await until(lambda: all(worker.is_closed() for worker in office))

    assert sum(asked) == 2


async def test_a_client_that_leaves_gives_its_probe_to_the_next(servers: Servers, valkey: Redis) -> None:
    """It says nothing about the cloud."""
    company = Company(Terms(replace(CLOUD_AT_ONCE, probes=1), is_asked=False))
    async with workers(servers.valkey.url, 1, company) as (worker,):
        worker.fails(Outcome.FAILED, 5)
        await until(lambda: worker.breakers.due_in_s("gpu", "llama") == 0)
        assert await worker.breakers.claim("gpu", "llama")
        assert not await worker.breakers.claim("gpu", "llama")

        worker.fails(Outcome.NOT_COUNTED, is_probe=True)

        await until(lambda: worker.breakers.claim("gpu", "llama"))


async def test_an_engine_on_the_box_is_no_persons_probe(servers: Servers, valkey: Redis) -> None:
    """Whoever wants it is told no, even when its pause is over; the appliance itself may."""
    async with workers(servers.valkey.url, 1, Company(Terms(QUICK_TO_RETURN))) as (worker,):
        worker.fails(Outcome.FAILED, 5)
        await until(lambda: worker.breakers.due_in_s("gpu", "llama") == 0)

        assert not await worker.breakers.claim("gpu", "llama")
        assert await worker.breakers.claim_probe("gpu", "llama")


async def test_a_refused_key_waits_for_another_configuration(servers: Servers, valkey: Redis) -> None:
    """No pause ends it; other settings do, or an administrator."""
    company = Company(Terms(CLOUD_AT_ONCE, config="old", is_asked=False))
    async with workers(servers.valkey.url, 1, company) as (worker,):
        worker.fails(Outcome.REJECTED)
        await until(lambda: not worker.is_closed())
        assert not await worker.breakers.claim("gpu", "llama")

        company.default = replace(company.default, config="new")

        assert await worker.breakers.claim("gpu", "llama")


async def test_an_administrator_has_it_asked_now(servers: Servers, valkey: Redis) -> None:
    """All processes know that the pause is over."""
    company = Company(Terms(SLOW_TO_RETURN, is_asked=False))
    async with workers(servers.valkey.url, 2, company) as office:
        office[0].fails(Outcome.FAILED, 5)
        await until(lambda: _all_open(office))
        assert not await office[1].breakers.claim("gpu", "llama")

        await office[0].breakers.hasten("gpu", "llama")

        await until(lambda: office[1].breakers.due_in_s("gpu", "llama") == 0)
        assert await office[1].breakers.claim("gpu", "llama")


async def test_a_slow_engine_is_better_than_none(servers: Servers, valkey: Redis) -> None:
    """Late answers count only where another engine has the model."""
    company = Company(Terms(SLOW_TO_RETURN, slow_s=2.0), alone={"only"})
    async with workers(servers.valkey.url, 1, company) as (worker,):
        for _ in range(30):
            worker.breakers.report(Report("only", "llama", Outcome.SERVED, ttft_s=9.0))
            worker.breakers.report(Report("gpu", "llama", Outcome.SERVED, ttft_s=9.0))

        await until(lambda: not worker.is_closed())

        assert worker.breakers.is_closed("only", "llama")
        assert worker.told[0].cause is Cause.SLOW


async def test_a_model_that_is_being_loaded_has_nothing_against_it(servers: Servers, valkey: Redis) -> None:
    """Who waits for it waits for another process than the one that failed."""
    company = Company()
    async with workers(servers.valkey.url, 1, company) as (worker,):
        worker.fails(Outcome.FAILED, 5)
        await until(lambda: not worker.is_closed())

        company.coming.add("gpu")

        assert worker.is_closed()


async def test_the_history_says_what_happened_when(servers: Servers, valkey: Redis) -> None:
    """The newest first, with the reason."""
    async with workers(servers.valkey.url, 1, Company(Terms(QUICK_TO_RETURN))) as (worker,):
        worker.fails(Outcome.MALFORMED, 3)
        await until(lambda: worker.breakers.due_in_s("gpu", "llama") == 0)
        assert await worker.breakers.claim_probe("gpu", "llama")
        worker.breakers.report(Report("gpu", "llama", Outcome.SERVED, is_probe=True))
        await until(worker.is_closed)
        history = await worker.breakers.history("gpu")

    assert [row.position for row in history] == [Position.CLOSED, Position.HALF_OPEN, Position.OPEN]
    assert (history[2].cause, history[2].outcome, history[2].count) == (
        Cause.IN_A_ROW,
        Outcome.MALFORMED,
        3,
    )


@pytest.mark.parametrize("is_forgetful", [False, True], ids=["restarted", "emptied"])
async def test_without_valkey_each_goes_on_and_puts_back(is_forgetful: bool) -> None:
    """What was open stays open, what opens meanwhile is open for all afterwards, and the history has it."""
    async with own_valkey() as server, workers(server.url, 2) as office:
        for worker in office:
            worker.breakers.report(Report("first", "llama", Outcome.REJECTED))
        await until(lambda: not any(w.breakers.is_closed("first", "llama") for w in office))
        await server.kill()
        if is_forgetful:
            server.forget()

        office[0].fails(Outcome.BROKEN, 3)
        await until(lambda: not office[0].is_closed())
        assert office[1].is_closed(), "nobody could tell it"
        assert not office[1].breakers.is_closed("first", "llama")
        await server.start()

        await until(lambda: not office[1].is_closed())
        assert not office[0].breakers.is_closed("first", "llama")
        history = await office[1].breakers.history("gpu")

    assert any(row.outcome is Outcome.BROKEN and row.position is Position.OPEN for row in history)


async def test_an_emptied_valkey_is_told_again(servers: Servers, valkey: Redis) -> None:
    """FLUSHALL under a running gateway closes nothing."""
    async with workers(servers.valkey.url, 1) as (worker,):
        worker.fails(Outcome.REJECTED)
        await until(lambda: not worker.is_closed())

        await valkey.flushall()

        async def is_told_again() -> bool:
            return bool(await valkey.exists(f"{PREFIX}circuits"))

        await until(is_told_again)
        assert not worker.is_closed()
        state = worker.state()
        assert state is not None and state.retry_in_s is None
