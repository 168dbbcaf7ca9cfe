"""/api/me: how somebody wants the page and its answers, kept for them alone; where people are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from appliance.bootstrap.turns import join_turns
from appliance.domain.people import Caller, Viewer
from appliance.services.accounts import LiveRequests
from appliance.services.turns import NewTurn
from appliance.storage.database import Database
from appliance.storage.preferences import PostgresPreferences
from tests.accounts_world import Worker, add_person, first_administrator, signed_in, until, worker
from tests.page_box import ScriptedAnswerer


@pytest.fixture
async def one(database: Database, valkey: Redis) -> AsyncIterator[Worker]:
    """A gateway process."""
    async with worker(database, valkey) as running:
        yield running


async def test_what_is_set_stays_and_the_rest_is_as_it_was(one: Worker) -> None:
    """Each field by itself; the answer is the profile as it stands, groups by name included."""
    boss = await first_administrator(one.accounts)
    user = await add_person(one.accounts)
    group = await one.accounts.people.add_group(None, "Depot")
    admin = await signed_in(one, boss.email, boss.password)
    await admin.put(f"/api/groups/{group.id}/members", json={"user_ids": [str(user.id)]})
    browser = await signed_in(one)

    fresh = (await browser.get("/api/me")).json()
    await browser.patch("/api/me", json={"theme": "dark"})
    await browser.patch("/api/me", json={"instructions": " Sé breve.\r\nDe usted. ", "shortcuts": False})
    told = await browser.patch("/api/me", json={"name": "Ana López", "language": "es"})

    assert (fresh["theme"], fresh["instructions"], fresh["shortcuts"]) == ("system", "", True)
    mine = told.json()
    assert mine["groups"] == [{"id": str(group.id), "name": "Depot"}]
    assert (mine["theme"], mine["instructions"], mine["shortcuts"]) == ("dark", "Sé breve.\nDe usted.", False)
    assert (mine["name"], mine["language"]) == ("Ana López", "es")
    assert (await browser.get("/api/me")).json() == mine
    assert (await browser.patch("/api/me", json={"instructions": ""})).json()["instructions"] == ""


BAD = {
    "a theme there is not": {"theme": "sepia"},
    "too many words": {"instructions": "ñ" * 4001},
    "a misspelled field": {"instruction": "x"},
    "no boolean": {"shortcuts": "perhaps"},
}


@pytest.mark.parametrize("case", BAD)
async def test_what_cannot_be_kept_is_refused_and_changes_nothing(one: Worker, case: str) -> None:
    """A 400 that names the field; what came with it is not kept either."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    answer = await browser.patch("/api/me", json={"name": "Changed", **BAD[case]})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(BAD[case])))
    assert (await browser.get("/api/me")).json()["name"] == "Ana"


async def test_four_thousand_characters_are_kept_and_what_databases_refuse_is_replaced(one: Worker) -> None:
    """Characters are counted, not bytes."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    whole = await browser.patch("/api/me", json={"instructions": "ñ" * 4000})
    odd = await browser.patch("/api/me", json={"instructions": "a\u0000b"})

    assert len(whole.json()["instructions"]) == 4000
    assert odd.json()["instructions"] == "a\ufffdb"


async def test_instructions_are_read_by_their_person_alone(one: Worker, database: Database) -> None:
    """They reach the prompts of their person; the database shows them to nobody else, administrators included."""
    boss = await first_administrator(one.accounts)
    ana = await add_person(one.accounts)
    browser, admin = await signed_in(one), await signed_in(one, boss.email, boss.password)
    await browser.patch("/api/me", json={"instructions": "I am pregnant; mention it to nobody."})

    seen = await admin.get(f"/api/users/{ana.id}")

    assert "pregnant" not in seen.text and "instructions" not in seen.json()
    kept = PostgresPreferences(database)
    assert await kept.of(Viewer(ana.id)) == "I am pregnant; mention it to nobody."
    admin_id = (await admin.get("/api/me")).json()["id"]
    async with database.viewing(Viewer(admin_id)) as connection:
        rows = await connection.execute("SELECT * FROM preferences")
        assert await rows.fetchall() == []


async def test_every_question_carries_its_person_s_instructions(
    one: Worker, database: Database, valkey: Redis
) -> None:
    """What was set last goes with the question, also of a conversation that began before; nobody else's does."""
    first, second = await add_person(one.accounts), await add_person(one.accounts, "bea@box.example")
    browser = await signed_in(one)
    answerer = ScriptedAnswerer()
    kept = PostgresPreferences(database)
    turns, _ = join_turns(database, valkey, answerer, live=LiveRequests(), instructions=kept)
    await turns.open()
    ana, bea = (Caller(user.id, user.email) for user in (first, second))

    begun = await turns.begin(ana, NewTurn("Hello?", "answer-with-sources"))

    async def is_written() -> bool:
        turn, _ = await turns.trace(ana, begun.id)
        return not turn.is_running

    await until(is_written)
    await browser.patch("/api/me", json={"instructions": "Be brief."})
    await turns.begin(ana, NewTurn("And now?", "answer-with-sources", begun.conversation_id))
    await turns.begin(bea, NewTurn("Hello?", "answer-with-sources"))
    await until(lambda: answerer.closed == 3)
    await turns.close()

    told = {(caller.email, request.question): request.instructions for caller, request in answerer.asked}
    assert told == {
        ("ana@box.example", "Hello?"): "",
        ("ana@box.example", "And now?"): "Be brief.",
        ("bea@box.example", "Hello?"): "",
    }


async def test_an_administrator_sees_and_ends_somebody_s_sign_ins(one: Worker) -> None:
    """One or all of them, at once; the device is named; other people's sign-ins stay."""
    boss = await first_administrator(one.accounts)
    ana = await add_person(one.accounts)
    admin = await signed_in(one, boss.email, boss.password)
    phone, laptop = await signed_in(one), await signed_in(one)
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    tablet = one.browser()
    body = {"email": "ana@box.example", "password": "correct horse battery"}
    await tablet.post("/api/sessions", json=body, headers={"user-agent": agent})

    listed = (await admin.get(f"/api/users/{ana.id}/sessions")).json()["data"]
    own = (await phone.get("/api/sessions")).json()["data"]
    current = next(row["id"] for row in own if row["is_current"])
    ended = await admin.delete(f"/api/users/{ana.id}/sessions/{current}")
    gone = (await phone.get("/api/me")).status_code
    still = (await laptop.get("/api/me")).status_code
    all_ended = await admin.delete(f"/api/users/{ana.id}/sessions")

    assert len(listed) == 3 and "Firefox, Windows" in {row["device"] for row in listed}
    assert not any(row["is_current"] for row in listed)
    assert (ended.status_code, gone, still, all_ended.status_code) == (204, 401, 200, 204)
    assert (await laptop.get("/api/me")).status_code == 401
    assert (await admin.get(f"/api/users/{ana.id}/sessions")).json()["data"] == []
    assert (await admin.delete(f"/api/users/{ana.id}/sessions/{current}")).status_code == 404
