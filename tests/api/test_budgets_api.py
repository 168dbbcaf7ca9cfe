"""/api/budgets with the real PostgreSQL and Valkey of the test, and `appliance budget` over it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from appliance.bootstrap.budgets import BudgetRoom, build_budgets
from appliance.fairness.accounting.pricing import Prices
from appliance.fairness.budgets.caps import AppliedCap
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.services.policy_watch import PolicyWatch
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.limits import PostgresLimits
from tests.accounts_world import Worker, add_person, bearer, first_administrator, key_of, serving, worker
from tests.commands.test_users import CommandLine
from tests.conftest import Servers
from tests.waiting import until


@dataclass
class Process:
    """A gateway process with its budgets; admin and ana send keys of their own."""

    worker: Worker
    room: BudgetRoom
    admin: dict[str, str]
    ana: dict[str, str]
    ana_id: str
    key: str

    async def send(
        self, method: str, path: str, body: object = None, *, who: str = "admin"
    ) -> httpx.Response:
        """As the administrator, unless Ana asks."""
        headers = self.ana if who == "ana" else self.admin
        return await self.worker.client.request(method, path, json=body, headers=headers)

    async def put(self, on: str, amount: object, *, who: str = "admin", **more: object) -> httpx.Response:
        """Set a budget of a day."""
        body = {"subject_kind": on, "window": "day", "amount": amount, **more}
        return await self.send("PUT", "/api/budgets", body, who=who)

    async def spend(self, micros: int, *caps: AppliedCap) -> None:
        """As calls do."""
        keeping = self.room.money.keeping
        id, _ = await keeping.reserve(micros, self.room.money.windows(caps))
        keeping.settle(id, micros)
        await until(lambda: not keeping._ended)


@asynccontextmanager
async def running(database: Database, valkey: Redis, url: str) -> AsyncIterator[Process]:
    """One process, with an administrator and Ana."""
    watch = PolicyWatch(PostgresLimits(database), valkey)
    link = ValkeyLink(url, "budgets", answer_s=30, connect_s=30)
    room = build_budgets(Settings(), database, watch, Prices(), link, CollectorRegistry())
    await link.open()
    await room.open()
    try:
        async with worker(
            database,
            valkey,
            policy_changed=watch.announce,
            more_routes=lambda accounts, identity: [room.routes(accounts.people, identity)],
        ) as one:
            first = await first_administrator(one.accounts)
            ana = await add_person(one.accounts)
            key = await key_of(one.accounts, ana)
            yield Process(one, room, bearer(first.api_key), bearer(key), str(ana.id), first.api_key)
    finally:
        await room.close()
        await link.close()


@pytest.fixture
async def process(servers: Servers, database: Database, valkey: Redis) -> AsyncIterator[Process]:
    """With the routes of budgets."""
    async with running(database, valkey, servers.valkey.url) as one:
        yield one


async def test_a_budget_is_set_changed_listed_and_removed(process: Process) -> None:
    """PUT makes it or changes it, in place; to the millionth."""
    made = await process.put("user", "2.5", subject="ana@box.example")
    changed = await process.put("user", 0.000001, subject=process.ana_id)
    other = await process.put("user", 7, subject=process.ana_id, covers="cloud")
    listed = (await process.send("GET", "/api/budgets")).json()

    assert (made.status_code, changed.status_code, other.status_code) == (201, 200, 201)
    assert made.json()["id"] == changed.json()["id"]
    assert listed["currency"] == "EUR"
    assert [(one["covers"], one["amount"], one["subject_name"]) for one in listed["data"]] == [
        ("all", 0.000001, "ana@box.example"),
        ("cloud", 7.0, "ana@box.example"),
    ]
    assert process.room.watch.policy.caps
    for one in listed["data"]:
        assert (await process.send("DELETE", f"/api/budgets/{one['id']}")).status_code == 204
    assert process.room.watch.policy.caps == []
    gone = await process.send("DELETE", f"/api/budgets/{listed['data'][0]['id']}")
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"amount": 0}, 400, "amount"),
        ({"amount": -1}, 400, "amount"),
        ({"amount": "1000000000.000001"}, 400, "amount"),
        ({"amount": 0.0000001}, 400, "amount"),
        ({"amount": "NaN"}, 400, "amount"),
        ({"subject_kind": "organisation", "subject": "x"}, 400, "subject"),
        ({"subject_kind": "group", "subject": "Sales"}, 400, "subject"),
        ({"subject_kind": "group", "subject": "00000000-0000-0000-0000-000000000001"}, 404, "subject"),
        ({"subject_kind": "user", "subject": "nobody@box.example"}, 404, "subject"),
        ({"subject_kind": "key", "subject": "x"}, 400, "subject_kind"),
        ({"window": "week"}, 400, "window"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
async def test_what_makes_no_budget_is_refused_by_its_field(
    process: Process, changes: dict[str, Any], status: int, param: str
) -> None:
    """Nothing is rounded, and nobody is made up."""
    body = {"subject_kind": "everyone", "window": "day", "amount": 1, **changes}

    answer = await process.send("PUT", "/api/budgets", body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text


async def test_only_administrators_set_and_see_them_all(process: Process) -> None:
    """Everybody sees how those stand that count for their own calls."""
    await process.put("everyone", 2)
    await process.put("organisation", 10)
    for method, path in (("GET", ""), ("GET", "/state"), ("DELETE", f"/{process.ana_id}")):
        assert (await process.send(method, f"/api/budgets{path}", who="ana")).status_code == 403
    assert (await process.put("everyone", 5, who="ana")).status_code == 403
    mine = AppliedCap(f"user:{process.ana_id}", "day", "all", 2_000_000)
    await process.spend(1_700_000, mine, AppliedCap("organisation:", "day", "all", 10_000_000))

    own = (await process.send("GET", "/api/budgets/mine", who="ana")).json()["data"]

    assert [(one["subject_kind"], one["amount"], one["spent"], one["left"], one["level"]) for one in own] == [
        ("organisation", 10.0, 1.7, 8.3, 0),
        ("user", 2.0, 1.7, 0.3, 80),
    ]


async def test_how_all_stand_is_told_and_exported(process: Process) -> None:
    """JSON for programs, CSV for spreadsheets; everyone's by those who have spent."""
    await process.put("organisation", 10)
    await process.put("user", 4, subject="ana@box.example")
    await process.spend(3_300_000, AppliedCap(f"user:{process.ana_id}", "day", "all", 4_000_000))

    told = (await process.send("GET", "/api/budgets/state")).json()["data"]
    lines = (await process.send("GET", "/api/budgets/state?format=csv")).text.splitlines()

    assert [(one["subject_kind"], one["subject_name"], one["spent"], one["level"]) for one in told] == [
        ("organisation", None, 0.0, 0),
        ("user", "ana@box.example", 3.3, 80),
    ]
    assert lines[0].endswith("level_percent") and "ana@box.example" in lines[2] and ",3.3," in lines[2]


async def test_every_change_is_in_the_audit(process: Process, database: Database) -> None:
    """With amount, currency and whom it is about."""
    made = (await process.put("user", "2.5", subject="ana@box.example")).json()
    await process.send("DELETE", f"/api/budgets/{made['id']}")
    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT action, subject_id::text, detail FROM account_events WHERE action LIKE 'budget.%' ORDER BY id"
        )
        events = await rows.fetchall()

    assert [(row[0], row[1]) for row in events] == [
        ("budget.set", process.ana_id),
        ("budget.removed", process.ana_id),
    ]
    assert events[0][2]["amount"] == 2.5 and events[0][2]["currency"] == "EUR"


async def test_the_command_sets_lists_tells_and_removes(
    process: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the names people know."""
    async with serving(process.worker.app) as url:
        (tmp_path / "credentials.json").write_text(json.dumps({"url": url, "api_key": process.key}))
        cli = CommandLine(process.worker, tmp_path, capsys)
        await cli.json("group", "add", "Sales")
        subjects = [[], ["--organisation"], ["--user", "ana@box.example"], ["--group", "sales", "--cloud"]]
        made = [await cli.json("budget", "set", "month", "2.50", *words) for words in subjects]
        listed = await cli.json("budget", "list")
        await cli.json("budget", "remove", made[0]["id"])
        code, out, _ = await cli("budget", "state")

    assert [one["subject_kind"] for one in made] == ["everyone", "organisation", "user", "group"]
    assert {one["id"] for one in listed["data"]} == {one["id"] for one in made}
    assert code == 0 and "2.50 EUR a month for clouds: 0.00 spent" in out and "ana@box.example" in out
