"""Two engines with one model, and the first of them fails: who is answered, by whom, and how often it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.domain.people import Caller
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.purpose import Purpose
from appliance.fairness.routing import Routing
from appliance.fairness.rungs import Climb, Rung
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.failover.settings import FailoverSettings
from inference.testing.fake_engine import FakeEngine, Fault
from inference.types import EngineRequest
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.observing import nothing_is_held, rows_of
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}]}
NEVER_AGAIN = BreakerSettings(pause_s=3600, longest_pause_s=3600)
"""An engine that is out of rotation stays there."""
SOON = BreakerSettings(pause_s=0.05, longest_pause_s=0.05)
HASTY = FailoverSettings(first_token_least_s=0.2, first_token_unknown_s=0.2)

Run = Callable[..., Any]


@pytest.fixture
def pair(servers: Servers, valkey: Redis, owner_url: str) -> Run:
    """Makes a gateway before engines of which only the first is asked while it is well, or all alike.

    chunk_timeout_s: of the first.
    """

    @asynccontextmanager
    async def made(
        engines: int = 2, *, alike: bool = False, chunk_timeout_s: float = 600.0, **values: Any
    ) -> AsyncIterator[tuple[Gateway, list[FakeEngine]]]:
        async with AsyncExitStack() as stack:
            fakes = [await stack.enter_async_context(FakeEngine()) for _ in range(engines)]
            settings = {
                f"engine{number}": engine_settings(
                    fake.base_url,
                    models=["fake"],
                    max_running=32,
                    fallback_only=number > 0 and not alike,
                    chunk_timeout_s=600.0 if number else chunk_timeout_s,
                )
                for number, fake in enumerate(fakes)
            }
            values.setdefault("breaker", NEVER_AGAIN)
            gateway = await stack.enter_async_context(
                running_gateway(
                    settings,
                    valkey_url=servers.valkey.url,
                    database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
                    **values,
                )
            )
            yield gateway, fakes

    return made


async def asked(gateway: Gateway, **more: Any) -> tuple[int, str]:
    """Status and whole text of one answer; a stream by default."""
    async with gateway.post("chat/completions", {"stream": True, **QUESTION, **more}) as response:
        return response.status, await response.text()


async def all_asked(gateway: Gateway, times: int, **more: Any) -> list[tuple[int, str]]:
    """So many at once."""
    return list(await asyncio.gather(*(asked(gateway, **more) for _ in range(times))))


def whole(answer: tuple[int, str]) -> bool:
    """Answered to its end."""
    status, text = answer
    return status == 200 and text.endswith("data: [DONE]\n\n") and '"error"' not in text


def broken(answer: tuple[int, str]) -> bool:
    """Begun, and honestly ended: one error event, last, and no [DONE]."""
    status, text = answer
    return status == 200 and text.count('"error"') == 1 and "data: [DONE]" not in text


def is_closed(gateway: Gateway, engine: str = "engine0") -> bool:
    """Whether it is in rotation."""
    return gateway.room.circuits.breakers.is_closed(engine, "fake")


def questions(engine: FakeEngine) -> int:
    """What people asked of it, and not the appliance itself."""
    return sum(request.payload.get("messages") == QUESTION["messages"] for request in engine.requests)


# killed ---------------------------------------------------------------------------------------------------


async def test_killed_between_requests_nobody_notices(pair: Run) -> None:
    """Nothing listens there any more: every request is answered by the other one, and the roster knows at once."""
    async with pair() as (gateway, (first, second)):
        await first.stop()

        answers = [await asked(gateway) for _ in range(20)]
        await until(lambda: not gateway.roster.states()[0].is_healthy)

        assert all(map(whole, answers))
        assert (questions(first), questions(second)) == (0, 20)


async def test_killed_in_the_middle_only_begun_streams_end(pair: Run) -> None:
    """Who had read a token is told honestly, whoever still waited for one is answered by the other engine."""
    async with pair() as (gateway, (first, second)):
        first.behaviour.go_on = asyncio.Event()  # begun, and not ended
        begun = [asyncio.create_task(asked(gateway)) for _ in range(3)]
        await first.until(lambda engine: len(engine.requests) == 3)
        await until(lambda: gateway.room.gate.leases.requests.writing["engine0"] == 3)
        first.behaviour.fault = Fault.HANG
        waiting = [asyncio.create_task(asked(gateway)) for _ in range(3)]
        await first.until(lambda engine: len(engine.requests) == 6)

        await first.stop()

        assert all(map(broken, await asyncio.gather(*begun)))
        assert all(map(whole, await asyncio.gather(*waiting)))
        assert questions(second) == 3


# hangs ----------------------------------------------------------------------------------------------------


async def test_hanging_costs_nobody_the_answer(pair: Run) -> None:
    """All who wait move when the first of them has waited long enough; who comes later is not sent there."""
    async with pair(failover=HASTY) as (gateway, (first, second)):
        first.behaviour.fault = Fault.HANG

        answers = await all_asked(gateway, 12)
        await until(lambda: not is_closed(gateway))
        sent = questions(first)
        answers += await all_asked(gateway, 12)

        assert all(map(whole, answers))
        assert questions(first) == sent <= 12
        assert questions(second) == 24


async def test_those_who_wait_move_as_soon_as_the_circuit_opens(pair: Run) -> None:
    """Long before their own time is over, and without drawing on the budget for retries."""
    patient = FailoverSettings(first_token_unknown_s=3600, retry_share=0, retry_reserve=0)
    async with pair(failover=patient) as (gateway, (first, second)):
        first.behaviour.fault = Fault.HANG
        waiting = [asyncio.create_task(asked(gateway)) for _ in range(8)]
        await first.until(lambda engine: len(engine.requests) == 8)

        first.behaviour.fault, first.behaviour.fault_after_tokens = Fault.DIE, 3
        torn = [await asked(gateway) for _ in range(3)]

        assert all(map(broken, torn))
        assert all(map(whole, await asyncio.gather(*waiting)))
        assert questions(second) == 8


async def test_without_another_engine_nobody_is_given_up(pair: Run) -> None:
    """A prompt that is read for longer than anybody expected is answered all the same."""
    async with pair(engines=1, failover=HASTY) as (gateway, (only,)):
        only.behaviour.ttft_s = 1.0

        assert whole(await asked(gateway))
        assert questions(only) == 1 and is_closed(gateway)


async def test_without_a_budget_the_slow_one_is_waited_for(pair: Run) -> None:
    """Too many retries already: a late first token is better than none."""
    spent = HASTY.model_copy(update={"retry_share": 0.0, "retry_reserve": 0})
    unmoved = BreakerSettings(silent_in_a_row=1000, failures_in_a_row=1000, least_calls=1000)
    async with pair(failover=spent, breaker=unmoved) as (gateway, (first, second)):
        first.behaviour.ttft_s = 1.0

        assert whole(await asked(gateway))
        assert (questions(first), questions(second)) == (1, 0)


# dies in the middle, talks nonsense -------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.MALFORMED, Fault.ERROR_EVENT, Fault.NO_DONE])
async def test_answers_that_break_off_take_it_out_after_three(
    pair: Run, database: Database, fault: Fault
) -> None:
    """Each of the three ends honestly and is billed for what it brought; all others are answered."""
    async with pair() as (gateway, (first, second)):
        first.behaviour.fault, first.behaviour.fault_after_tokens = fault, 8
        first.behaviour.tokens = second.behaviour.tokens = 20
        first.behaviour.pace_s = 0.005  # a reset may overtake what was sent just before it

        torn = [await asked(gateway) for _ in range(3)]
        await until(lambda: not is_closed(gateway))
        answers = await all_asked(gateway, 15)
        await nothing_is_held(gateway)

    assert all(map(broken, torn))
    assert all(map(whole, answers))
    assert (questions(first), questions(second)) == (3, 15)
    rows = [row for row in await rows_of(database) if row["status"] == "broken"]
    delivered = [text.count('"content":"') for _, text in torn]
    billed = [row["completion_tokens"] for row in rows]
    assert all(abs(one - other) <= 1 for one, other in zip(sorted(billed), sorted(delivered), strict=True))
    assert min(billed) > 0


async def test_answers_that_stall_count_like_those_that_break_off(pair: Run) -> None:
    """A silence in the middle ends by the engine's own limit, and three of them take it out."""
    async with pair(chunk_timeout_s=0.5) as (gateway, (first, second)):
        first.behaviour.fault, first.behaviour.slow_s = Fault.SLOW, 3600

        torn = await all_asked(gateway, 3)
        await until(lambda: not is_closed(gateway))
        answers = await all_asked(gateway, 5)

        assert all(map(broken, torn)) and all(map(whole, answers))
        assert (questions(first), questions(second)) == (3, 5)


async def test_nonsense_never_reaches_the_client(pair: Run) -> None:
    """Not the broken chunk, and nothing that came behind it."""
    async with pair() as (gateway, (first, _)):
        first.behaviour.fault, first.behaviour.fault_after_tokens = Fault.MALFORMED, 2

        _, text = await asked(gateway)

    assert '"broken"' not in text and text.count('"content"') <= 2


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.MALFORMED, Fault.ERROR_EVENT])
async def test_before_the_first_token_it_costs_nothing(pair: Run, fault: Fault) -> None:
    """Nothing has been passed on, so another engine answers and the client never knows."""
    async with pair() as (gateway, (first, second)):
        first.behaviour.fault, first.behaviour.fault_after_tokens = fault, 1  # after the chunk with the role

        assert all(map(whole, await all_asked(gateway, 3)))
        assert questions(first) <= 3 and questions(second) == 3


# refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.HTTP_500, Fault.HTTP_429])
@pytest.mark.parametrize("is_stream", [True, False])
async def test_errors_of_its_own_move(pair: Run, fault: Fault, is_stream: bool) -> None:
    """5xx and 429 go to another engine; 429 is a pause for the one that asked for it."""
    async with pair() as (gateway, (first, second)):
        first.behaviour.fault, first.behaviour.retry_after_s = fault, 3600

        statuses = [(await asked(gateway, stream=is_stream))[0] for _ in range(6)]

        assert statuses == [200] * 6
        assert questions(second) == 6
        if fault is Fault.HTTP_429:
            await until(lambda: not is_closed(gateway))


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.MALFORMED])
async def test_whole_answers_move_as_well(pair: Run, fault: Fault) -> None:
    """A call that is not streamed has had no byte before its end, so it can always be asked again."""
    async with pair() as (gateway, (first, second)):
        first.behaviour.fault = fault

        answers = [await asked(gateway, stream=False) for _ in range(4)]

        assert [status for status, _ in answers] == [200] * 4
        assert questions(second) == 4


async def test_the_client_s_own_errors_stay_where_they_are(pair: Run) -> None:
    """Another engine would say the same, and nothing is held against this one."""
    async with pair() as (gateway, (first, second)):
        first.models = ["another"]  # it answers 404

        statuses = [(await asked(gateway))[0] for _ in range(25)]

        assert statuses == [404] * 25
        assert (questions(first), questions(second)) == (25, 0)
        assert is_closed(gateway)


async def test_a_key_that_is_refused_is_ours_and_takes_it_out(pair: Run) -> None:
    """The client's key was good: its request goes on, and the engine is not asked again with this one."""
    async with pair() as (gateway, (first, second)):
        first._api_key = "another"

        assert whole(await asked(gateway))
        await until(lambda: not is_closed(gateway))
        assert all(map(whole, await all_asked(gateway, 5)))
        assert (questions(first), questions(second)) == (1, 6)


async def test_one_other_engine_at_most_is_asked(pair: Run) -> None:
    """A request that breaks engines must not go through all of them."""
    async with pair(engines=3) as (gateway, engines):
        for engine in engines:
            engine.behaviour.fault = Fault.HTTP_500

        status, _ = await asked(gateway)

        assert status == 502
        assert sorted(map(questions, engines)) == [0, 1, 1]


async def test_retries_are_a_share_of_the_traffic(pair: Run) -> None:
    """An engine that fails everything is not a reason to send everything twice."""
    unmoved = BreakerSettings(failures_in_a_row=1000, least_calls=1000)
    failover = FailoverSettings(retry_share=0.1, retry_reserve=2)
    async with pair(failover=failover, breaker=unmoved) as (gateway, (first, second)):
        first.behaviour.fault = Fault.HTTP_500

        answers = await all_asked(gateway, 20)

        assert questions(first) == 20
        assert 2 <= questions(second) <= 2 + 2 + 20  # the reserve, a tenth, and one in five seconds
        assert sum(map(whole, answers)) == questions(second) < 20


# healed ---------------------------------------------------------------------------------------------------


async def test_healed_it_is_asked_again_and_nobody_paid_for_finding_out(pair: Run) -> None:
    """While it fails only the appliance asks it; as soon as it answers, people do again."""
    async with pair(breaker=SOON) as (gateway, (first, _)):
        first.behaviour.fault, first.behaviour.fault_after_tokens = Fault.DIE, 0
        await all_asked(gateway, 8)
        await until(lambda: not is_closed(gateway))
        paid = questions(first)
        answers = await all_asked(gateway, 10)
        assert questions(first) == paid

        first.behaviour.fault = Fault.NONE
        await until(lambda: is_closed(gateway))
        answers += [await asked(gateway) for _ in range(3)]

        assert all(map(whole, answers))
        assert questions(first) == paid + 3


# which one is next ----------------------------------------------------------------------------------------


async def test_turns_of_a_conversation_meet_the_engine_that_knows_it(pair: Run) -> None:
    """Although it has something else to do and the other one has not."""
    async with pair(alike=True) as (gateway, (first, second)):
        assert whole(await asked(gateway))
        first.behaviour.fault, first.behaviour.fault_times = Fault.HANG, 1
        busy = asyncio.create_task(asked(gateway, messages=[{"role": "user", "content": "Something else."}]))
        await first.until(lambda engine: len(engine.requests) == 2)
        history = [*QUESTION["messages"], {"role": "assistant", "content": "Well."}]

        next_turn = [*history, {"role": "user", "content": "And now?"}]
        assert whole(await asked(gateway, messages=next_turn))
        assert whole(await asked(gateway, messages=[{"role": "user", "content": "Quite new."}]))

        assert [len(engine.requests) for engine in (first, second)] == [3, 1]
        busy.cancel()
        await asyncio.wait([busy])


# alone on its rung ------------------------------------------------------------------------------------------


class _TwoRungs:
    """A ladder whose second rung is another model, for those who may use it."""

    def __init__(self, routing: Routing, is_permitted: bool) -> None:
        self._routing = routing
        self._is_permitted = is_permitted

    def begin(self, caller: Caller, model: str, request: EngineRequest, purpose: Purpose) -> Climb:
        """Both, for one request."""
        return _Climb(self._routing, model, request, self._is_permitted)

    def may_answer(self, caller: Caller | None, model: str) -> bool:
        """Where nothing is up, nothing does."""
        return False


class _Climb:
    def __init__(self, routing: Routing, model: str, request: EngineRequest, is_permitted: bool) -> None:
        self._rungs = [
            Rung("same", model, routing.routes(model), request, is_last=False),
            Rung("smaller", "other", routing.routes("other"), request),
        ]
        self._is_permitted = is_permitted

    async def next(self, failure: Exception | None, failed: Rung | None = None) -> Rung:
        if failure is not None and not (self._is_permitted and self._rungs):
            raise failure
        return self._rungs.pop(0)

    async def instead(self, wait_s: float) -> Rung | None:
        return None


@pytest.mark.parametrize("is_permitted", [True, False])
async def test_alone_it_is_given_up_only_for_a_rung_that_is_certain(
    servers: Servers, valkey: Redis, owner_url: str, is_permitted: bool
) -> None:
    """Who may go on goes on; who may not is answered late, and the engine is not blamed."""
    async with FakeEngine(["fake"]) as slow, FakeEngine(["other"]) as other:
        slow.behaviour.fault = Fault.HANG if is_permitted else Fault.NONE
        slow.behaviour.ttft_s = 1.0
        async with running_gateway(
            {"slow": engine_settings(slow.base_url), "other": engine_settings(other.base_url)},
            valkey_url=servers.valkey.url,
            database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
            failover=HASTY,
            breaker=NEVER_AGAIN,
        ) as gateway:
            gate = gateway.room.gate
            gate.ladder = _TwoRungs(gate._routing, is_permitted)

            answer = await asked(gateway)

            assert whole(answer)
            assert (questions(slow), questions(other)) == (1, int(is_permitted))
            assert is_closed(gateway, "slow")
