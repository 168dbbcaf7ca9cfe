"""/api/limits, and weights of people and groups, with the real PostgreSQL and Valkey of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.limits import limit_routes
from appliance.bootstrap.limits import LimitsRoom, build_limits
from appliance.domain.people import Caller, Role
from appliance.fairness.admission import AppliedLimit, Share
from appliance.storage.database import Database
from tests.accounts_world import Worker, add_person, bearer, first_administrator, key_of, until, worker

PREFIX = "{test}:"
MODELS = {"llama-3.1-8b", "gpt-4o-mini"}


@dataclass
class Process:
    """A gateway process with its policy; admin and ana send keys of their own."""

    worker: Worker
    room: LimitsRoom
    admin: dict[str, str]
    ana: dict[str, str]
    ana_id: str

    async def send(
        self, method: str, path: str, body: object = None, *, who: str = "admin"
    ) -> httpx.Response:
        """As the administrator, unless Ana asks."""
        headers = self.ana if who == "ana" else self.admin
        return await self.worker.client.request(method, path, json=body, headers=headers)

    async def put(self, subject_kind: str, kind: str, most: object, subject: object = None) -> httpx.Response:
        """Set a limit."""
        body = {"subject_kind": subject_kind, "subject": subject, "kind": kind, "most": most}
        return await self.send("PUT", "/api/limits", body)


@asynccontextmanager
async def running(database: Database, valkey: Redis, **who: Any) -> AsyncIterator[tuple[Worker, LimitsRoom]]:
    """A gateway process's accounts and limits."""
    room = build_limits(database, valkey, aliases={"gpt-4o-mini": "llama-3.1-8b"}, prefix=PREFIX)
    await room.watch.open()
    try:
        async with worker(
            database,
            valkey,
            policy_changed=room.watch.announce,
            more_routes=lambda accounts, identity: [
                limit_routes(room.operator_limits(accounts.people, lambda: MODELS), identity)
            ],
        ) as one:
            yield one, room
    finally:
        await room.close()


@pytest.fixture
async def process(database: Database, valkey: Redis) -> AsyncIterator[Process]:
    """One process, with an administrator and Ana."""
    async with running(database, valkey) as (one, room):
        first = await first_administrator(one.accounts)
        ana = await add_person(one.accounts)
        key = await key_of(one.accounts, ana)
        yield Process(one, room, bearer(first.api_key), bearer(key), str(ana.id))


def refused(answer: httpx.Response, status: int, param: str) -> str:
    """The sentence of a refusal that names the field."""
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["param"] == param
    return str(answer.json()["error"]["message"])


# Limits -----------------------------------------------------------------------------------------------


async def test_a_limit_is_set_changed_listed_and_removed(process: Process) -> None:
    """PUT makes it or changes it, in place; the list names whom it is about."""
    made = await process.put("user", "tokens_per_day", 1000, "ana@box.example")
    changed = await process.put("user", "tokens_per_day", 2000, process.ana_id)
    listed = await process.send("GET", "/api/limits")
    removed = await process.send("DELETE", f"/api/limits/{made.json()['id']}")

    assert (made.status_code, changed.status_code, removed.status_code) == (201, 200, 204)
    assert listed.json()["data"] == [
        {
            "id": made.json()["id"],
            "subject_kind": "user",
            "subject": process.ana_id,
            "subject_name": "ana@box.example",
            "kind": "tokens_per_day",
            "most": 2000,
        }
    ]
    assert (await process.send("GET", "/api/limits")).json()["data"] == []


async def test_a_change_counts_in_this_process_before_its_answer(process: Process) -> None:
    """Whoever sets a limit finds it in force."""
    await process.put("everyone", "requests_per_minute", 5)

    ana = Caller(UUID(process.ana_id), "ana@box.example")
    assert process.room.watch.policy.limits_for(ana, "llama-3.1-8b") == (
        AppliedLimit(f"user:{process.ana_id}", "requests_per_minute", 5),
    )


async def test_a_change_reaches_other_processes_by_news(
    process: Process, database: Database, valkey: Redis
) -> None:
    """Within a second, long before they would have looked by themselves."""
    async with running(database, valkey) as (_, other):
        await process.put("model", "tokens_per_minute", 7, "llama-3.1-8b")

        await until(lambda: other.watch.policy.limited_models == ("llama-3.1-8b",), within_s=15.0)


@pytest.mark.parametrize("most", [0, -1, 10**16])
async def test_a_limit_below_one_request_is_refused(process: Process, most: int) -> None:
    """It would shut somebody out without saying so; the message says how that is done."""
    message = refused(await process.put("everyone", "requests_per_minute", most), 400, "most")

    assert "from 1 to 1000000000" in message and "suspend" in message


@pytest.mark.parametrize("most", [1.5, "10", None, True])
async def test_a_limit_is_a_whole_number(process: Process, most: object) -> None:
    """Nothing is rounded or guessed."""
    refused(await process.put("everyone", "requests_per_minute", most), 400, "most")


@pytest.mark.parametrize(
    ("kind", "subject", "status", "hint"),
    [
        ("user", "00000000-0000-4000-8000-000000000001", 404, "There is no user"),
        ("user", "nobody@box.example", 404, "nobody@box.example"),
        ("user", "Ana", 400, "appliance user list"),
        ("group", "00000000-0000-4000-8000-000000000002", 404, "There is no group"),
        ("key", "00000000-0000-4000-8000-000000000003", 404, "There is no key"),
        ("model", "lama-3.1-8b", 404, "Did you mean 'llama-3.1-8b'?"),
        ("model", "", 400, "1 to 200"),
        ("everyone", "somebody", 400, "leave it out"),
    ],
)
async def test_an_unknown_subject_is_refused(
    process: Process, kind: str, subject: str, status: int, hint: str
) -> None:
    """A limit on nobody would be without effect, silently."""
    message = refused(await process.put(kind, "tokens_per_day", 10, subject), status, "subject")

    assert hint in message
    assert (await process.send("GET", "/api/limits")).json()["data"] == []


async def test_a_second_limit_of_a_kind_is_a_conflict(process: Process) -> None:
    """POST never changes what is there; the answer says what does."""
    body = {"subject_kind": "everyone", "kind": "tokens_per_day", "most": 10}
    assert (await process.send("POST", "/api/limits", body)).status_code == 201

    message = refused(await process.send("POST", "/api/limits", {**body, "most": 20}), 409, "kind")

    assert "PUT" in message


async def test_only_administrators_set_limits_and_auditors_read_them(process: Process) -> None:
    """Ana sees what applies to her, and nothing of the others'."""
    auditor = await add_person(process.worker.accounts, "auditor@box.example", Role.AUDITOR)
    process.ana, ana = bearer(await key_of(process.worker.accounts, auditor)), process.ana
    body = {"subject_kind": "everyone", "kind": "tokens_per_day", "most": 10}

    seen = await process.send("GET", "/api/limits", who="ana")
    tried = await process.send("PUT", "/api/limits", body, who="ana")
    process.ana = ana

    assert (seen.status_code, tried.status_code) == (200, 403)
    assert (await process.send("GET", "/api/limits", who="ana")).status_code == 403
    assert (await process.send("POST", "/api/limits", body, who="ana")).status_code == 403
    assert (await process.send("DELETE", f"/api/limits/{uuid4()}", who="ana")).status_code == 403


async def test_every_change_is_in_the_account_events(process: Process) -> None:
    """Who set which limit on whom, and who took it away."""
    made = (await process.put("user", "tokens_per_day", 1000, process.ana_id)).json()
    await process.send("DELETE", f"/api/limits/{made['id']}")

    events = (await process.send("GET", "/api/account-events", None)).json()["data"][:2]

    assert [(event["action"], event["subject_id"]) for event in events] == [
        ("limit.removed", process.ana_id),
        ("limit.set", process.ana_id),
    ]
    assert events[1]["detail"] == {"limit": made["id"], "on": "user", "kind": "tokens_per_day", "most": 1000}


async def test_a_removed_group_takes_its_limits_with_it(process: Process) -> None:
    """And the policy knows at once."""
    group = (await process.send("POST", "/api/groups", {"name": "Sales", "weight": 2})).json()
    await process.put("group", "tokens_per_day", 10, group["id"])

    await process.send("DELETE", f"/api/groups/{group['id']}")

    assert (await process.send("GET", "/api/limits")).json()["data"] == []
    assert not process.room.watch.policy.limits and not process.room.watch.policy.groups


async def test_everybody_sees_what_applies_to_them_and_what_is_left(process: Process) -> None:
    """From the counters that the gate takes from, without taking anything."""
    await process.put("everyone", "tokens_per_day", 1000)
    await process.put("model", "concurrent_requests", 4, "llama-3.1-8b")

    mine = await process.send("GET", "/api/limits/mine", who="ana")

    assert mine.json()["shares"] == [{"id": process.ana_id, "weight": 1.0}]
    assert [
        (one["subject_kind"], one["kind"], one["most"], one["remaining"]) for one in mine.json()["data"]
    ] == [("user", "tokens_per_day", 1000, 1000), ("model", "concurrent_requests", 4, 4)]


# Weights and the tree of groups -----------------------------------------------------------------------


async def test_weights_and_parents_become_shares(process: Process) -> None:
    """From the outermost group to the person, in force before the answer."""
    company = (await process.send("POST", "/api/groups", {"name": "Company", "weight": 1})).json()
    body = {"name": "Sales", "parent_id": company["id"]}
    sales = (await process.send("POST", "/api/groups", body)).json()
    await process.send("PATCH", f"/api/groups/{sales['id']}", {"weight": 2.5})
    await process.send("PATCH", f"/api/users/{process.ana_id}", {"weight": 3})

    ana = Caller(UUID(process.ana_id), "ana@box.example", group_ids=frozenset({UUID(sales["id"])}))
    assert process.room.watch.policy.shares_of(ana) == (
        Share(f"group:{company['id']}", 1.0),
        Share(f"group:{sales['id']}", 2.5),
        Share(process.ana_id, 3.0),
    )


async def test_absent_fields_stay_and_null_takes_away(process: Process) -> None:
    """A new name leaves weight and parent as they were."""
    company = (await process.send("POST", "/api/groups", {"name": "Company"})).json()
    body = {"name": "Sales", "weight": 2, "parent_id": company["id"]}
    path = f"/api/groups/{(await process.send('POST', '/api/groups', body)).json()['id']}"

    renamed = (await process.send("PATCH", path, {"name": "Sellers"})).json()
    bared = (await process.send("PATCH", path, {"weight": None, "parent_id": None})).json()

    assert (renamed["name"], renamed["weight"], renamed["parent_id"]) == ("Sellers", 2.0, company["id"])
    assert (bared["name"], bared["weight"], bared["parent_id"]) == ("Sellers", None, None)


@pytest.mark.parametrize("weight", [0, -1, 0.0001, 1001, "2", True])
async def test_a_weight_that_is_none_is_refused(process: Process, weight: object) -> None:
    """Zero would leave somebody waiting for ever, a negative one would be served for ever."""
    group = (await process.send("POST", "/api/groups", {"name": "Sales"})).json()

    for method, path in (("PATCH", f"/api/users/{process.ana_id}"), ("PATCH", f"/api/groups/{group['id']}")):
        refused(await process.send(method, path, {"weight": weight}), 400, "weight")
    refused(await process.send("POST", "/api/groups", {"name": "Lab", "weight": weight}), 400, "weight")


async def test_a_group_cannot_stand_above_itself(process: Process) -> None:
    """Neither directly nor through others; the message says what to do."""
    outer = (await process.send("POST", "/api/groups", {"name": "Outer"})).json()["id"]
    inner = (await process.send("POST", "/api/groups", {"name": "Inner", "parent_id": outer})).json()["id"]

    for parent in (outer, inner):
        answer = await process.send("PATCH", f"/api/groups/{outer}", {"parent_id": parent})
        assert "above itself" in refused(answer, 400, "parent_id")
    unknown = await process.send("PATCH", f"/api/groups/{inner}", {"parent_id": str(uuid4())})
    refused(unknown, 404, "parent_id")


async def test_groups_are_at_most_eight_deep(process: Process) -> None:
    """Also where a whole branch is moved below another."""
    ids = [(await process.send("POST", "/api/groups", {"name": "0"})).json()["id"]]
    for depth in range(1, 8):
        body = {"name": str(depth), "parent_id": ids[-1]}
        ids.append((await process.send("POST", "/api/groups", body)).json()["id"])
    top = (await process.send("POST", "/api/groups", {"name": "top"})).json()["id"]

    below = await process.send("POST", "/api/groups", {"name": "9", "parent_id": ids[-1]})
    moved = await process.send("PATCH", f"/api/groups/{ids[0]}", {"parent_id": top})

    assert "at most 8 deep" in refused(below, 400, "parent_id")
    assert "at most 8 deep" in refused(moved, 400, "parent_id")


async def test_people_cannot_change_their_own_weight(process: Process) -> None:
    """Not by the route for oneself, and not by the one for people."""
    own = await process.send("PATCH", "/api/me", {"weight": 9}, who="ana")
    other = await process.send("PATCH", f"/api/users/{process.ana_id}", {"weight": 9}, who="ana")

    assert (own.status_code, other.status_code) == (400, 403)


# Batch keys -------------------------------------------------------------------------------------------


async def test_a_batch_key_is_listed_as_such_and_makes_batch_keys_only(process: Process) -> None:
    """Whoever was lent a key that lets others go first cannot make one that does not."""
    made = await process.send("POST", "/api/keys", {"name": "nightly", "is_batch": True}, who="ana")
    process.ana = bearer(made.json()["key"])

    plain = await process.send("POST", "/api/keys", {"name": "sly"}, who="ana")
    batch = await process.send("POST", "/api/keys", {"name": "same", "is_batch": True}, who="ana")

    assert made.json()["is_batch"] is True
    refused(plain, 403, "is_batch")
    assert batch.status_code == 201
    caller = await process.worker.accounts.authentication.by_key(made.json()["key"])
    assert caller.is_batch
