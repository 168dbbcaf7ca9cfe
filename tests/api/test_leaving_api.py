"""/api/leaving on the real PostgreSQL: what counts now, who narrows and marks, every decision; keys that stay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from fastapi import APIRouter, Depends
from psycopg.errors import InsufficientPrivilege
from redis.asyncio import Redis

from appliance.api.identity import Identity
from appliance.bootstrap.leaving import LeavingRoom, build_leaving
from appliance.domain.origins import OWN_WORDS, of_collection
from appliance.domain.people import Caller, Role, Viewer
from appliance.fairness.leaving.port import Stay
from appliance.fairness.leaving.settings import LeavingSettings
from appliance.storage.database import Database
from appliance.storage.leaving import remove_old_stays
from appliance.storage.roles import DatabaseRole, url_as
from inference.roster import Roster
from inference.types import EngineRequest
from tests.accounts_world import Worker, add_person, bearer, first_administrator, key_of, worker
from tests.administration_world import table_of
from tests.conftest import ROLE_SECRET

OPEN = LeavingSettings(when="queue", queue_s=30, personal_data="redact", by_name=True)
NOTHING: dict[str, Any] = {}


@dataclass
class Desk:
    """A gateway process with admin, auditor, ana and bea, each with a key."""

    worker: Worker
    room: LeavingRoom
    keys: Mapping[str, dict[str, str]]
    callers: Mapping[str, Caller]
    owner_url: str

    async def send(
        self, method: str, path: str = "", body: object = None, who: str = "admin"
    ) -> httpx.Response:
        """Below /api/leaving."""
        return await self.worker.client.request(
            method, f"/api/leaving{path}", json=body, headers=self.keys[who]
        )

    async def ok(self, method: str, path: str = "", body: object = None, who: str = "admin") -> Any:
        """The JSON of an answer that has to be 200."""
        answer = await self.send(method, path, body, who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def decided(self, who: str = "ana", *collections: UUID, model: str = "llama") -> str:
        """The code of what is decided for somebody's question over these collections, while nothing answers here."""
        origins = frozenset(map(of_collection, collections)) or OWN_WORDS
        payload = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        request = EngineRequest("chat/completions", payload, "req_1", origins=origins)
        answer = await self.room.decisions.decide(self.callers[who], model, request, "local_down")
        return answer.code if isinstance(answer, Stay) else "leaves"

    def collection(self, **columns: object) -> UUID:
        """A new one; columns: of whom."""
        number = uuid4()
        values = {"id": number, "name": "Shelf", "created_by": uuid4(), **columns}
        names = ", ".join(values)
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(
                f"INSERT INTO collections ({names}, created_at, last_active_at) "
                f"VALUES ({', '.join(['%s'] * len(values))}, now(), now())".encode(),
                list(values.values()),
            )
        return number

    def group(self, name: str, *members: str, parent: UUID | None = None) -> UUID:
        """A new one."""
        number = uuid4()
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(
                "INSERT INTO groups (id, name, name_key, parent_id) VALUES (%s, %s, %s, %s)",
                (number, name, name.lower(), parent),
            )
            for member in members:
                connection.execute(
                    "INSERT INTO group_members (group_id, user_id) VALUES (%s, %s)",
                    (number, self.callers[member].user_id),
                )
        return number

    def events(self) -> list[tuple[str, Any]]:
        """What the audit has of it."""
        query = "SELECT action, subject_id FROM account_events WHERE action LIKE 'leaving.%' ORDER BY id"
        with psycopg.connect(self.owner_url) as connection:
            return connection.execute(query).fetchall()


def _seen(identity: Identity) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/stays")
    async def stays(caller: Caller = Depends(identity.caller)) -> dict[str, bool]:
        return {"stays": caller.stays_local}

    @routes.get("/smaller")
    async def smaller(caller: Caller = Depends(identity.caller)) -> dict[str, bool]:
        return {"allowed": caller.allows_smaller}

    return routes


@asynccontextmanager
async def opened(
    database: Database, valkey: Redis, owner_url: str, settings: LeavingSettings = OPEN
) -> AsyncIterator[Desk]:
    """No engine has told any model, so that every name is taken."""
    room = build_leaving(settings, database, Roster([]), {"alias": "llama"})
    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda _accounts, identity: [room.routes(identity), _seen(identity)],
    ) as one:
        first = await first_administrator(one.accounts)
        people = {
            "auditor": await add_person(one.accounts, "auditor@box.example", Role.AUDITOR),
            "ana": await add_person(one.accounts, "ana@box.example"),
            "bea": await add_person(one.accounts, "bea@box.example"),
        }
        keys = {name: bearer(await key_of(one.accounts, user)) for name, user in people.items()}
        admin = await one.accounts.people.by_email(first.email)
        assert admin is not None
        callers = {name: Caller(user.id, user.email, user.role) for name, user in people.items()}
        callers["admin"] = Caller(admin.id, admin.email, admin.role)
        await room.open()
        try:
            yield Desk(one, room, {**keys, "admin": bearer(first.api_key)}, callers, owner_url)
        finally:
            await room.close()


@pytest.fixture
async def desk(database: Database, valkey: Redis, owner_url: str) -> AsyncIterator[Desk]:
    """A file that permits all there is."""
    async with opened(database, valkey, owner_url) as one:
        yield one


# What counts now ------------------------------------------------------------------------------------------


async def test_by_default_nothing_leaves_and_the_page_says_why(
    database: Database, valkey: Redis, owner_url: str
) -> None:
    """Nothing is set anywhere; whatever an administrator writes here permits nothing."""
    async with opened(database, valkey, owner_url, LeavingSettings()) as desk:
        told = await desk.ok("GET", who="auditor")
        assert told["counts_now"]["when"] == "never"
        assert "as it is by default" in told["why"]
        assert await desk.decided() == "never"
        told = await desk.ok("PUT", body={"at_most": "queue", "queue_s": 0})
        assert told["counts_now"]["when"] == "never"
        assert await desk.decided() == "never"


async def test_an_administrator_narrows_and_it_counts_at_once(desk: Desk) -> None:
    """What the file permits is the most; the next decision obeys, whichever process makes it."""
    assert await desk.decided() == "leaves"
    body = {"at_most": "local_down", "queue_s": 60, "personal_data": "veto", "stays": {"models": ["llama"]}}
    told = await desk.ok("PUT", body=body)

    assert told["permitted"]["when"] == "queue"
    assert told["counts_now"] == {
        "when": "local_down",
        "queue_s": 60.0,
        "personal_data": "veto",
        "by_name": True,
        "chat_files": False,
    }
    assert told["narrowed"]["stays"] == {"users": [], "groups": [], "models": ["llama"]}
    assert await desk.decided() == "model_stays"
    assert await desk.decided(model="alias") == "model_stays"
    assert await desk.decided(model="other") == "leaves"
    assert desk.events() == [("leaving.changed", None)]
    await desk.ok("PUT", body=NOTHING)
    assert await desk.decided() == "leaves"


async def test_people_and_groups_are_kept_here_or_chosen(desk: Desk) -> None:
    """A group counts for the groups below it; names are told with the ids; who stays, stays, chosen or not."""
    above = desk.group("House")
    below = desk.group("Kitchen", "ana", parent=above)
    ana, bea = (str(desk.callers[name].user_id) for name in ("ana", "bea"))

    told = await desk.ok("PUT", body={"stays": {"groups": [str(above)]}})
    assert told["narrowed"]["stays"]["groups"] == [{"id": str(above), "name": "House"}]
    assert (await desk.decided("ana"), await desk.decided("bea")) == ("group_stays", "leaves")

    await desk.ok("PUT", body={"only": {"people": {"groups": [str(below)]}}})
    assert (await desk.decided("ana"), await desk.decided("bea")) == ("leaves", "not_among_people")

    told = await desk.ok("PUT", body={"stays": {"users": [ana]}, "only": {"people": {"users": [ana, bea]}}})
    assert told["narrowed"]["only"]["people"]["users"] == [
        {"id": ana, "name": "ana@box.example"},
        {"id": bea, "name": "bea@box.example"},
    ]
    assert (await desk.decided("ana"), await desk.decided("bea")) == ("user_stays", "leaves")


async def test_when_the_last_chosen_one_is_deleted_nobody_may(desk: Desk) -> None:
    """Not everybody: a list that became empty is still a list."""
    chosen = desk.group("Chosen", "ana")
    await desk.ok("PUT", body={"only": {"people": {"groups": [str(chosen)]}, "models": ["llama"]}})
    assert await desk.decided("ana") == "leaves"
    with psycopg.connect(desk.owner_url) as connection:
        connection.execute("DELETE FROM groups WHERE id = %s", (chosen,))

    assert (await desk.decided("ana"), await desk.decided("bea")) == ("not_among_people",) * 2
    told = await desk.ok("GET")
    assert told["narrowed"]["only"] == {"people": {"users": [], "groups": []}, "models": ["llama"]}


async def test_who_may_see_and_change_it(desk: Desk) -> None:
    """Administrators both, auditors see, others neither; a refused change changes nothing."""
    assert (await desk.send("GET", who="ana")).status_code == 403
    for who in ("ana", "auditor"):
        assert (await desk.send("PUT", body={"at_most": "never"}, who=who)).status_code == 403
    assert (await desk.send("PUT", body={"stays": {"users": [str(uuid4())]}})).status_code == 404

    assert (await desk.ok("GET", who="auditor"))["counts_now"]["when"] == "queue"
    assert desk.events() == []


@pytest.mark.parametrize(
    "body",
    [
        {"personal_data": "redact"},
        {"at_most": "always"},
        {"queue_s": -1},
        {"queue_s": "NaN"},
        {"chat_files": True},
        {"by_name": True},
        {"stays": {"users": ["ana"]}},
        {"only": {"models": [""]}},
    ],
    ids=["redact", "always", "negative", "no number", "chat files", "by name", "no id", "no name"],
)
async def test_a_body_that_would_widen_or_says_nothing_is_refused(desk: Desk, body: object) -> None:
    """There is no word in it for more than the file permits."""
    answer = await desk.send("PUT", body=body)
    assert answer.status_code in (400, 422), answer.text
    assert desk.events() == []


# Collections ----------------------------------------------------------------------------------------------


async def test_a_collection_stays_until_an_administrator_marks_it(desk: Desk) -> None:
    """Its owner may take the mark away and not set it; both are audited, once each."""
    ana = desk.callers["ana"].user_id
    hers = desk.collection(owner_user_id=ana)
    path = f"/collections/vs_{hers.hex}"
    assert await desk.decided("ana", hers) == "collection_stays"
    assert (await desk.send("PUT", path, {"may_leave": True}, "ana")).status_code == 403
    assert (await desk.send("PUT", path, {"may_leave": True}, "auditor")).status_code == 403
    assert (await desk.send("PUT", path, {"may_leave": False}, "bea")).status_code == 404

    for _ in range(2):
        await desk.ok("PUT", path, {"may_leave": True})
    assert await desk.decided("ana", hers) == "leaves"
    listed = await desk.ok("GET", "/collections", who="auditor")
    assert [(one["id"], one["owner"]) for one in listed["data"]] == [(f"vs_{hers.hex}", "ana@box.example")]

    await desk.ok("PUT", path, {"may_leave": False}, "ana")
    assert await desk.decided("ana", hers) == "collection_stays"
    assert desk.events() == [("leaving.collection_marked", hers), ("leaving.collection_unmarked", hers)]
    assert (await desk.send("PUT", f"/collections/vs_{uuid4().hex}", {"may_leave": True})).status_code == 404


async def test_a_mark_counts_only_for_who_sees_the_collection(desk: Desk) -> None:
    """A conversation whose person lost sight of what it was made from does not leave any more."""
    hers = desk.collection(owner_user_id=desk.callers["ana"].user_id)
    await desk.ok("PUT", f"/collections/vs_{hers.hex}", {"may_leave": True})

    assert await desk.decided("ana", hers) == "leaves"
    assert await desk.decided("bea", hers) == "collection_stays"
    assert await desk.decided("ana", hers, uuid4()) == "collection_stays"


async def test_the_list_to_choose_from_names_no_other_person_s_own(desk: Desk) -> None:
    """An administrator sees what is a group's or everybody's, and their own; auditors what is marked."""
    group = desk.group("Kitchen", "ana")
    desk.collection(name="Ana's", owner_user_id=desk.callers["ana"].user_id)
    desk.collection(name="Recipes", owner_group_id=group)
    desk.collection(name="House", is_public=True)
    desk.collection(name="Mine", owner_user_id=desk.callers["admin"].user_id)

    listed = (await desk.ok("GET", "/collections"))["data"]
    assert [(one["name"], one["owner_kind"]) for one in listed] == [
        ("House", "everybody"),
        ("Mine", "user"),
        ("Recipes", "group"),
    ]
    assert (await desk.ok("GET", "/collections", who="auditor"))["data"] == []
    assert (await desk.send("GET", "/collections", who="ana")).status_code == 403


async def test_files_of_a_chat_are_no_collection_to_mark(desk: Desk) -> None:
    """They leave with [leaving] chat_files alone."""
    ana, chat = desk.callers["ana"].user_id, uuid4()
    with psycopg.connect(desk.owner_url) as connection:
        connection.execute(
            "INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES (%s, %s, '', now(), now())",
            (chat, ana),
        )
    dropped = desk.collection(owner_user_id=ana, conversation_id=chat)

    assert (await desk.send("PUT", f"/collections/vs_{dropped.hex}", {"may_leave": True})).status_code == 404
    assert await desk.decided("ana", dropped) == "chat_files_stay"


async def test_a_mark_is_set_by_nobody_else_and_goes_with_the_owner(desk: Desk, database: Database) -> None:
    """The gateway's own role cannot write it into a row, and who is given a collection gets it unmarked."""
    ana = desk.callers["ana"]
    hers = desk.collection(owner_user_id=ana.user_id)
    with pytest.raises(InsufficientPrivilege):
        async with database.viewing(ana.viewer) as connection:
            await connection.execute("UPDATE collections SET may_leave = true WHERE id = %s", (hers,))
    await desk.ok("PUT", f"/collections/vs_{hers.hex}", {"may_leave": True})
    with psycopg.connect(desk.owner_url) as owner:
        owner.execute(
            "UPDATE collections SET owner_user_id = %s WHERE id = %s", (desk.callers["bea"].user_id, hers)
        )

    assert await desk.decided("bea", hers) == "collection_stays"


async def test_a_preview_tells_everybody_about_themselves(desk: Desk) -> None:
    """And of collections that somebody does not see, no more than that their text stays."""
    marked = desk.collection(is_public=True)
    await desk.ok("PUT", f"/collections/vs_{marked.hex}", {"may_leave": True})
    others = desk.collection(owner_user_id=desk.callers["bea"].user_id)
    both = f"?collection=vs_{marked.hex}&collection=vs_{others.hex}&model=llama"

    assert await desk.ok("GET", "/preview", who="ana") == {"may_leave": True, "code": None, "why": None}
    told = await desk.ok("GET", f"/preview?collection=vs_{marked.hex}&reason=queue", who="ana")
    assert told["may_leave"] is True
    told = await desk.ok("GET", f"/preview{both}", who="ana")
    assert (told["may_leave"], told["code"]) == (False, "collection_stays")
    unknown = await desk.ok("GET", f"/preview?collection=vs_{uuid4().hex}", who="ana")
    assert unknown == told
    headers = {**desk.keys["ana"], "x-stay-local": "true"}
    answer = await desk.worker.client.get("/api/leaving/preview", headers=headers)
    assert answer.json()["code"] == "asked_to_stay"
    assert (await desk.ok("GET", "/decisions"))["data"] == []


# Decisions ------------------------------------------------------------------------------------------------


async def test_decisions_are_listed_filtered_paged_and_exported(desk: Desk) -> None:
    """Newest first, with names; a CSV has them all; only overseers read them."""
    for who in ("ana", "bea", "ana"):
        assert await desk.decided(who) == "leaves"
    assert await desk.decided("ana", uuid4()) == "collection_stays"
    await desk.room.close()  # what stayed is written by then

    everything = (await desk.ok("GET", "/decisions", who="auditor"))["data"]
    assert [one["decision"] for one in everything] == ["stay", "leave", "leave", "leave"]
    assert everything[0]["code"] == "collection_stays" and everything[0]["email"] == "ana@box.example"
    assert everything[1]["origins"] == [] and everything[1]["reason"] == "local_down"
    left = await desk.ok("GET", "/decisions?decision=leave&limit=2")
    rest = await desk.ok("GET", f"/decisions?decision=leave&limit=2&before={left['next']}")
    assert [one["id"] for one in left["data"] + rest["data"]] == [one["id"] for one in everything[1:]]
    assert (left["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    assert len((await desk.ok("GET", "/decisions?person=bea@box.example"))["data"]) == 1
    assert len((await desk.ok("GET", "/decisions?code=collection_stays&model=llama"))["data"]) == 1
    assert (await desk.ok("GET", "/decisions?to=2020-01-01"))["data"] == []
    table = table_of(await desk.send("GET", "/decisions?format=csv"))
    assert [row["id"] for row in table] == [one["id"] for one in everything]
    assert (await desk.send("GET", "/decisions", who="ana")).status_code == 403
    assert (await desk.send("GET", "/decisions?before=2026-01-01T00:00:00Z_x")).status_code == 400
    counts = (await desk.ok("GET"))["last_24_hours"]
    assert counts == {"left": 3, "stayed": {"collection_stays": 1}}


async def test_nobody_below_the_owner_changes_what_was_decided(
    desk: Desk, database: Database, worker_database: Database
) -> None:
    """What left stays listed for good; what stayed goes after its time, and only then."""
    await desk.decided("ana")
    await desk.decided("ana", uuid4())
    await desk.room.close()
    for statement in ("UPDATE leaving_decisions SET why = ''", "DELETE FROM leaving_decisions"):
        with pytest.raises(InsufficientPrivilege):
            async with database.viewing(Viewer(uuid4(), role=Role.ADMIN)) as connection:
                await connection.execute(statement.encode())

    assert await remove_old_stays(worker_database, 90) == 0
    with psycopg.connect(desk.owner_url) as owner:
        owner.execute("UPDATE leaving_decisions SET happened_at = happened_at - interval '91 days'")
    assert await remove_old_stays(worker_database, 90) == 1
    assert [one["decision"] for one in (await desk.ok("GET", "/decisions"))["data"]] == ["leave"]


async def test_without_postgres_everything_stays(owner_url: str) -> None:
    """A permit is a row on the disk; where none can be written nothing leaves."""
    away = Database(url_as(owner_url, DatabaseRole.API, ROLE_SECRET))
    await away.open()
    await away.close()
    room = build_leaving(OPEN, away, Roster([]), {})
    request = EngineRequest("chat/completions", {"messages": []}, "req_1", origins=OWN_WORDS)
    answer = await room.decisions.decide(Caller(uuid4(), "ana@box.example"), "llama", request, "local_down")

    assert isinstance(answer, Stay) and answer.code == "policy_unknown"


# Staying by one's own word --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "stays"),
    [
        (("true",), True),
        (("1",), True),
        (("",), True),
        (("perhaps",), True),
        (("false", "true"), True),
        (("false",), False),
        (("No",), False),
        ((), False),
    ],
    ids=["true", "one", "empty", "perhaps", "both", "false", "no", "absent"],
)
async def test_a_request_can_ask_to_stay(desk: Desk, sent: tuple[str, ...], stays: bool) -> None:
    """`x-stay-local`: only a plain no is one, because it only tightens."""
    headers = [*desk.keys["ana"].items(), *(("x-stay-local", value) for value in sent)]
    answer = await desk.worker.client.get("/stays", headers=headers)
    assert answer.json() == {"stays": stays}


async def test_a_request_or_a_key_can_do_without_smaller_models(desk: Desk) -> None:
    """`x-allow-smaller: false`, or a key that was made so, whatever its requests say."""
    client, ana = desk.worker.client, desk.keys["ana"]
    made = await client.post("/api/keys", json={"allows_smaller": False}, headers=ana)
    assert made.status_code == 201 and made.json()["allows_smaller"] is False
    own = bearer(made.json()["key"])

    asked = [ana, {**ana, "x-allow-smaller": "false"}, own, {**own, "x-allow-smaller": "true"}]
    allowed = [(await client.get("/smaller", headers=headers)).json()["allowed"] for headers in asked]

    assert allowed == [True, False, False, False]


async def test_a_key_can_stay_local_and_makes_only_such_keys(desk: Desk) -> None:
    """No header takes that back; it is listed with the key."""
    client = desk.worker.client
    made = await client.post("/api/keys", json={"stays_local": True}, headers=desk.keys["ana"])
    assert made.status_code == 201 and made.json()["stays_local"] is True
    own = bearer(made.json()["key"])

    assert (await client.get("/stays", headers={**own, "x-stay-local": "false"})).json() == {"stays": True}
    assert (await client.post("/api/keys", json={}, headers=own)).status_code == 403
    more = await client.post("/api/keys", json={"stays_local": True}, headers=own)
    assert more.status_code == 201
    listed = (await client.get("/api/keys", headers=desk.keys["ana"])).json()["data"]
    assert sorted(key["stays_local"] for key in listed) == [False, True, True]
