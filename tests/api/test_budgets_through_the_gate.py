"""Budgets in money as a client meets them: through the real gateway, Valkey and ledger, on a stand-in engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.bootstrap.budgets import BudgetRoom, build_budgets
from appliance.domain.answers import Cost
from appliance.errors import CloudPriceUnknown, CloudRefusedByBudget, PartUnavailable, QuotaExceeded
from appliance.fairness.accounting.ledger import RequestEnd, RequestStart, uuid7
from appliance.fairness.accounting.ledger_rows import end_row, start_row
from appliance.fairness.accounting.pricing import ModelPrice, Prices
from appliance.fairness.budgets.caps import ALL, AppliedCap, Cap, CapSubject, CapWindow, Covers
from appliance.fairness.budgets.windows import Window, span_of
from appliance.fairness.limits.policy import GroupShare, Policy
from appliance.services.policy_watch import PolicyWatch
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.limits import PostgresLimits
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.usage import UsageStore, ledger_url
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway, until

ASK = {"model": "fake", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 20}
PRICES = Prices(
    {"fake": ModelPrice(input=1000, output=10_000), "fake@far": ModelPrice(input=5000, output=50_000)}
)
"""A token of the prompt is a thousandth of a euro, one of an answer a hundredth: a call of 20 is held for about 0.2."""
MICROS = 1_000_000


@dataclass
class Priced:
    """A gateway whose model has a price."""

    gateway: Gateway
    room: BudgetRoom
    watch: PolicyWatch

    def decide(self, *caps: Cap, groups: dict[UUID, GroupShare] | None = None) -> None:
        """What the operator decides from now on."""
        self.watch.policy = Policy(groups=groups or {}, caps=caps)

    async def spent(self, window: Window) -> tuple[int, int] | None:
        """Micros spent and held; None while a machine is too busy for Valkey's answer to come in time."""
        try:
            (state,) = await self.room.money.keeping.states([window])
        except PartUnavailable:
            return None
        return state.spent, state.held

    async def comes_to(self, window: Window, spent: int, held: int = 0) -> None:
        """Wait until it stands so."""

        async def stands() -> bool:
            return await self.spent(window) == (spent, held)

        await until(stands)

    async def asked(self, key: str = "ana", **changes: object) -> tuple[int, dict[str, Any], dict[str, str]]:
        async with self.gateway.post("chat/completions", {**ASK, **changes}, key=key) as answer:
            body = await answer.json() if answer.content_type == "application/json" else {}
            return answer.status, body, {name.lower(): value for name, value in answer.headers.items()}


def cap(
    micros: int,
    on: CapSubject = "everyone",
    subject: str = ALL,
    window: CapWindow = "day",
    covers: Covers = "all",
) -> Cap:
    """Set by somebody."""
    return Cap(uuid7(), on, subject, window, covers, micros)


def window_of(one: AppliedCap) -> Window:
    """In which it is counted now."""
    return Window(one, span_of(one.window, time.time_ns() // 1_000_000, UTC))


@pytest.fixture
async def priced(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str, database: Database
) -> AsyncIterator[Priced]:
    """One engine, one model, one price."""
    watch = PolicyWatch(PostgresLimits(database), valkey)
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=40)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        prices=PRICES,
        money=partial(build_budgets, Settings(), database, watch, PRICES),
    ) as gateway:
        assert gateway.room.budgets is not None
        yield Priced(gateway, gateway.room.budgets, watch)


async def test_a_call_is_paid_for_by_what_it_used(priced: Priced) -> None:
    """Held before, settled after: what the engine counted is spent, and nothing stays held."""
    priced.decide(cap(5 * MICROS))
    status, body, _ = await priced.asked()
    window = window_of(AppliedCap(f"user:{person('ana').user_id}", "day", "all", 5 * MICROS))
    usage = body["usage"]
    costs = usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 10_000

    assert status == 200
    await priced.comes_to(window, costs)


async def test_at_the_cap_a_client_is_told_which_budget_how_much_and_when(priced: Priced) -> None:
    """429 insufficient_quota in OpenAI's shape, and no SDK tries again by itself."""
    priced.decide(cap(210_000))
    first, _, _ = await priced.asked()
    status, body, headers = await priced.asked()

    error = body["error"]
    assert (first, status) == (200, 429)
    assert (error["type"], error["code"], error["param"]) == (
        "insufficient_quota",
        "insufficient_quota",
        None,
    )
    assert "The budget of this account is 0.21 EUR a day" in error["message"]
    assert "whole again in" in error["message"]
    assert error["detail"]["code"] == "budget_all_user_day"
    assert headers["x-should-retry"] == "false"
    assert 1 <= int(headers["retry-after"]) <= 3600


async def test_a_call_larger_than_a_whole_budget_says_so(priced: Priced) -> None:
    """It will never fit; the remedy is a shorter answer."""
    priced.decide(cap(300_000))
    status, body, headers = await priced.asked(max_tokens=1000)

    assert (status, body["error"]["detail"]["code"]) == (429, "budget_too_small")
    assert "retry-after" not in headers


async def test_many_at_once_hold_no_more_than_there_is(priced: Priced) -> None:
    """30 calls at the same moment for a budget of about five: the others are refused, and the sum stays below it."""
    priced.decide(cap(1_100_000, "organisation"))
    answers = await asyncio.gather(*(priced.asked(key) for key in ("ana", "eva") for _ in range(15)))

    statuses = [status for status, _, _ in answers]
    window = window_of(AppliedCap("organisation:", "day", "all", 1_100_000))
    assert 1 <= statuses.count(200) < 30 and set(statuses) == {200, 429}

    async def is_settled() -> bool:
        spent, held = await priced.spent(window) or (0, 1)
        return held == 0 and spent <= 1_100_000

    await until(is_settled)


async def test_a_call_that_fails_costs_nothing(priced: Priced, engine: FakeEngine) -> None:
    """What was held for an engine that refuses is free again."""
    priced.decide(cap(5 * MICROS))
    window = window_of(AppliedCap(f"user:{person('ana').user_id}", "day", "all", 5 * MICROS))
    status, _, _ = await priced.asked(model="fake", messages=[])

    assert status >= 400
    await priced.comes_to(window, 0)


async def test_a_stream_whose_reader_leaves_is_paid_as_far_as_it_came(priced: Priced) -> None:
    """By the estimate that stands in the ledger too."""
    priced.decide(cap(5 * MICROS))
    window = window_of(AppliedCap(f"user:{person('ana').user_id}", "day", "all", 5 * MICROS))
    async with priced.gateway.post("chat/completions", {**ASK, "stream": True}) as answer:
        await answer.content.readany()
        answer.close()

    async def is_settled() -> bool:
        spent, held = await priced.spent(window) or (0, 1)
        return held == 0 and 0 < spent <= 300_000

    await until(is_settled)


async def test_a_groups_budget_counts_those_below_it(priced: Priced) -> None:
    """As limits do; who is in no such group goes on."""
    above, below, ana = UUID(int=1), UUID(int=2), person("ana")
    priced.decide(
        cap(300_000, "group", str(above)), groups={above: GroupShare(), below: GroupShare(None, above)}
    )
    money = priced.room.money
    caller = type(ana)(ana.user_id, ana.email, ana.role, frozenset({below}))
    await money.reserve(caller, "fake", "local", False, 10, 20)

    with pytest.raises(QuotaExceeded, match="a group of this account"):
        await money.reserve(caller, "fake", "local", False, 10, 20)
    assert (await priced.asked())[0] == 200


async def test_an_own_budget_takes_the_place_of_everyones(priced: Priced) -> None:
    """Of that window and kind."""
    ana = str(person("ana").user_id)
    priced.decide(cap(1), cap(5 * MICROS, "user", ana))

    assert (await priced.asked("ana"))[0] == 200
    assert (await priced.asked("eva"))[0] == 429


async def test_a_budget_for_clouds_closes_that_way_and_no_other(priced: Priced) -> None:
    """A full one is a reason to go on to the next rung, as an engine that does not answer is."""
    priced.decide(cap(2 * MICROS, "organisation", covers="cloud", window="month"))
    money, ana = priced.room.money, person("ana")
    held = await money.reserve(ana, "fake", "far", True, 10, 20)

    with pytest.raises(CloudRefusedByBudget, match=r"the organisation for clouds is 2\.00 EUR a month"):
        await money.reserve(ana, "fake", "far", True, 10, 20)
    assert (await priced.asked())[0] == 200
    money.settle(held, None)
    await until(lambda: not money.keeping._ended)
    await money.reserve(ana, "fake", "far", True, 10, 20)


async def test_a_cloud_without_a_price_gets_nothing_unless_the_operator_says_so(priced: Priced) -> None:
    """Nobody could say what it spends."""
    priced.decide(cap(5 * MICROS))
    money, ana = priced.room.money, person("ana")

    with pytest.raises(CloudPriceUnknown, match='"unknown@far"'):
        await money.reserve(ana, "unknown", "far", True, 10, 20)

    money._settings.unpriced_cloud = "send"
    assert not (await money.reserve(ana, "unknown", "far", True, 10, 20)).id


async def test_warnings_are_kept_once_in_a_window(priced: Priced, database: Database) -> None:
    """In the audit, whoever finds them again: half of it, and then the rest is too small for another call."""
    priced.decide(cap(250_000))
    held = await priced.room.money.reserve(person("ana"), "fake", "local", False, 0, 21)
    priced.room.money.settle(held, Cost(0.205, "EUR"))
    await until(lambda: not priced.room.money.keeping._ended)
    assert (await priced.asked())[0] == 429

    async def told() -> Sequence[int]:
        async with database.connection() as connection:
            rows = await connection.execute(
                "SELECT (detail ->> 'level')::int FROM account_events WHERE action = 'budget.warned' ORDER BY id"
            )
            return [row[0] for row in await rows.fetchall()]

    async def is_told() -> bool:
        return await told() == [80, 100]

    await until(is_told)
    window = window_of(AppliedCap(f"user:{person('ana').user_id}", "day", "all", 250_000))
    for level in (80, 100):
        priced.room.warnings.crossed(window, level, 1)
    await until(lambda: not priced.room.warnings._found)
    assert await told() == [80, 100]


async def test_after_valkey_was_emptied_the_ledger_says_what_was_spent(
    priced: Priced, valkey: Redis, owner_url: str
) -> None:
    """To the millionth, of clouds and of all, of a person, a group and the organisation."""
    ana = person("ana")
    rows = [(0.1234567, False), (0.5, True), (0.0000001, True)]
    store = UsageStore(ledger_url(url_as(owner_url, DatabaseRole.API, ROLE_SECRET)))
    now = datetime.now(UTC)
    for amount, is_cloud in rows:
        start = RequestStart(uuid7(), "r", ana.user_id, None, "fake", "/v1/chat/completions", now)
        ended = RequestEnd("completed", "far", cost=Cost(amount, "EUR"), is_cloud=is_cloud)
        await store.record([start_row(uuid7(), start)], [])
        await store.record([], [end_row(start.id, ended)])
    await store.close()
    await valkey.flushall()

    scopes = ("organisation:", f"user:{ana.user_id}")
    for scope in scopes:
        for covers, micros in (("all", 123_457 + 500_000 + 1), ("cloud", 500_001)):
            window = window_of(AppliedCap(scope, "month", covers, 10**9))  # type: ignore[arg-type]
            await priced.comes_to(window, micros)


async def test_recordings_and_prices_of_hardware_are_held_by_their_seconds(priced: Priced) -> None:
    """What is billed by the hour is held by the length of the sound, and by how long a slow engine would take."""
    priced.decide(cap(MICROS))
    money, ana = priced.room.money, person("ana")
    money._prices = Prices({"whisper": ModelPrice(per_audio_hour=3.6), "own": ModelPrice(per_hour=3.6)})

    minutes = await money.reserve(ana, "whisper", "speech", False, 0, 0, audio_seconds=120)
    slow = await money.reserve(ana, "own", "local", False, 200, 10)

    assert (minutes.micros, slow.micros) == (120_000, 2000)
