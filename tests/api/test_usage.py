"""/api/usage: the ledger's numbers, each by who may see them, in days as the people there count them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import Cost
from appliance.domain.people import AccountEvent
from appliance.fairness.accounting.ledger_rows import RequestEnd, end_row
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.usage import UsageStore, ledger_url
from inference.types import Usage
from tests.administration_world import Office, as_owner, asked, opened_office, table_of
from tests.conftest import ROLE_SECRET

JULY = {"from": "2026-07-01", "to": "2026-07-31"}


@pytest.fixture
async def office(database: Database, valkey: Redis) -> AsyncIterator[Office]:
    """Nobody has asked yet."""
    async with opened_office(database, valkey) as opened:
        yield opened


@pytest.fixture
def ledger(owner_url: str) -> str:
    """The address of the role that writes the ledger."""
    return url_as(owner_url, DatabaseRole.API, ROLE_SECRET)


def answered(
    prompt: int,
    completion: int,
    cached: int = 0,
    wait_ms: float = 0,
    engine: str = "gpu",
    cost: float | None = None,
) -> RequestEnd:
    """An answer that came to its end. cost: in euros, where its model has a price."""
    priced = None if cost is None else Cost(cost, "EUR")
    return RequestEnd("completed", engine, Usage(prompt, completion, cached), wait_ms=wait_ms, cost=priced)


def at(day: int, hour: int = 12) -> datetime:
    """In July."""
    return datetime(2026, 7, day, hour, 30, tzinfo=UTC)


async def test_people_see_what_they_used_and_nobody_else_s(office: Office, ledger: str) -> None:
    """Tokens as the engine counted them, requests, the wait; asking for somebody else's is a 403."""
    await asked(ledger, office.ids["ana"], at(3), answered(100, 20, cached=60, wait_ms=1500))
    await asked(ledger, office.ids["ana"], at(4), RequestEnd("failed", "gpu", error_code="x"))
    await asked(ledger, office.ids["bea"], at(3), answered(7, 7))

    told = await office.ok("/usage", "ana", **JULY)
    others = await office.get("/usage", "ana", user="bea@box.example", **JULY)
    everybody = await office.get("/usage", "ana", by="group", **JULY)
    by_user = await office.ok("/usage", "ana", by="user", **JULY)

    days = {row["key"]: row for row in told["data"]}
    assert len(days) == 31 and days["2026-07-05"]["requests"] == 0
    third = days["2026-07-03"]
    assert (third["requests"], third["prompt_tokens"], third["cached_tokens"]) == (1, 100, 60)
    assert (third["completion_tokens"], third["waiting_s"], third["failed"]) == (20, 1.5, 0)
    assert (told["total"]["requests"], told["total"]["failed"], told["total"]["prompt_tokens"]) == (2, 1, 100)
    assert (others.status_code, everybody.status_code) == (403, 403)
    assert [row["label"] for row in by_user["data"]] == ["ana@box.example"]


async def test_rungs_are_told_apart_and_add_up(office: Office, ledger: str) -> None:
    """What a second engine, a smaller model, a cloud or the documents answered, and all the rest as `same`."""
    ana = office.ids["ana"]
    for rung, prompt in (
        ("same", 100),
        ("", 10),
        ("elsewhere", 20),
        ("cloud", 30),
        ("cloud", 5),
        ("quoted", 0),
    ):
        await asked(ledger, ana, at(3), replace(answered(prompt, 1), rung=rung))
    await asked(ledger, office.ids["bea"], at(3), replace(answered(7, 7), rung="smaller"))

    own = await office.ok("/usage", "ana", by="rung", **JULY)
    everybody = await office.ok("/usage", "admin", by="rung", **JULY)
    table = await office.get("/usage", "ana", by="rung", format="csv", **JULY)

    assert {row["key"]: (row["requests"], row["prompt_tokens"]) for row in own["data"]} == {
        "same": (2, 110),
        "elsewhere": (1, 20),
        "cloud": (2, 35),
        "quoted": (1, 0),
    }
    assert own["total"]["requests"] == 6
    assert {row["key"] for row in everybody["data"]} == {"same", "elsewhere", "cloud", "quoted", "smaller"}
    assert table.text.splitlines()[0].lstrip("\ufeff").startswith("rung,")


async def test_a_pipeline_s_calls_count_as_one_request(office: Office, ledger: str) -> None:
    """What a person asked is one request; the engine's calls are told apart, and the tokens are counted once."""
    asked_for = await asked(
        ledger, office.ids["ana"], at(3), RequestEnd("completed"), model="answer-with-sources"
    )
    for _ in range(2):
        await asked(ledger, office.ids["ana"], at(3), answered(50, 5), part_of=asked_for)

    told = await office.ok("/usage", "ana", by="model", **JULY)

    rows = {row["key"]: (row["requests"], row["calls"], row["prompt_tokens"]) for row in told["data"]}
    assert rows == {"answer-with-sources": (1, 0, 0), "llama": (0, 2, 100)}
    assert (told["total"]["requests"], told["total"]["prompt_tokens"]) == (1, 100)


async def test_administrators_and_auditors_see_everybody(office: Office, ledger: str) -> None:
    """By person, by group with those below it, of one person; `user=me` is oneself."""
    staff = await office.worker.accounts.people.add_group(None, "Staff")
    night = await office.worker.accounts.people.add_group(None, "Night", parent_id=staff.id)
    users = office.worker.accounts.people._users
    await users.set_members(night.id, [office.ids["bea"]], AccountEvent("group.members"))
    await asked(ledger, office.ids["ana"], at(3), answered(100, 20))
    await asked(ledger, office.ids["bea"], at(9), answered(300, 1))

    by_user = await office.ok("/usage", "auditor", by="user", **JULY)
    by_group = await office.ok("/usage", "admin", by="group", **JULY)
    of_staff = await office.ok("/usage", "admin", group=staff.id, **JULY)
    of_ana = await office.ok("/usage", "admin", user="ana@box.example", by="model", **JULY)
    own = await office.ok("/usage", "admin", user="me", **JULY)
    nobody = await office.get("/usage", "admin", user="nobody@box.example", **JULY)

    assert [row["label"] for row in by_user["data"]] == ["bea@box.example", "ana@box.example"]
    assert [(row["label"], row["prompt_tokens"]) for row in by_group["data"]] == [("Night", 300), (None, 100)]
    assert (of_staff["total"]["prompt_tokens"], of_ana["total"]["prompt_tokens"]) == (300, 100)
    assert (own["total"]["requests"], nobody.status_code) == (0, 404)


async def test_days_are_those_of_the_people_there(office: Office, ledger: str) -> None:
    """Half past eleven in the evening by UTC is tomorrow in Madrid."""
    await asked(ledger, office.ids["ana"], at(3, 23), answered(1, 1))

    utc = await office.ok("/usage", "ana", **JULY)
    madrid = await office.ok("/usage", "ana", tz="Europe/Madrid", **JULY)
    that_day = await office.ok(
        "/usage", "ana", tz="Europe/Madrid", **{"from": "2026-07-04", "to": "2026-07-04"}
    )

    assert [row["key"] for row in utc["data"] if row["requests"]] == ["2026-07-03"]
    assert [row["key"] for row in madrid["data"] if row["requests"]] == ["2026-07-04"]
    assert that_day["total"]["requests"] == 1


async def test_a_request_that_ends_twice_counts_once(office: Office, ledger: str, owner_url: str) -> None:
    """Ended as unknown when its process died, then with its true end; the hours add up to the rows."""
    row_id = await asked(ledger, office.ids["ana"], at(3), answered(5, 5))
    as_owner(owner_url, "UPDATE requests SET status = 'unknown', prompt_tokens = 0, completion_tokens = 0")
    unknown = (await office.ok("/usage", "ana", **JULY))["total"]
    store = UsageStore(ledger_url(ledger))
    await store.record([], [end_row(row_id, answered(100, 20))])
    await store.record([], [end_row(row_id, answered(100, 20))])
    await store.close()

    told = (await office.ok("/usage", "ana", **JULY))["total"]

    assert (unknown["requests"], unknown["prompt_tokens"]) == (1, 0)
    assert (told["requests"], told["prompt_tokens"], told["completion_tokens"]) == (1, 100, 20)


async def test_usage_opens_in_a_spreadsheet(office: Office, ledger: str) -> None:
    """With a byte order mark, in the separators of the place, and no cell that is taken for a formula."""
    await asked(ledger, office.ids["ana"], at(3), answered(100, 20, wait_ms=1500), model="=cmd|' /C calc'!A0")

    plain = await office.get("/usage", "ana", by="model", format="csv", **JULY)
    spanish = await office.get("/usage", "ana", by="model", format="csv", separator="semicolon", **JULY)

    assert plain.content.startswith(b"\xef\xbb\xbf") and "attachment" in plain.headers["content-disposition"]
    (row,) = table_of(plain)
    assert (row["model"], row["prompt_tokens"], row["waiting_s"]) == ("'=cmd|' /C calc'!A0", "100", "1.5")
    assert table_of(spanish, ";")[0]["waiting_s"] == "1,5"


async def test_costs_are_added_up_where_there_are_prices(
    database: Database, valkey: Redis, ledger: str
) -> None:
    """By day and by model, in the total and in exports; what has no price has no cost, and is not free."""
    async with opened_office(database, valkey, "EUR") as office:
        ana = office.ids["ana"]
        await asked(ledger, ana, at(3), answered(100, 20, cost=0.000_25))
        await asked(ledger, ana, at(3), answered(100, 20, cost=0.5))
        await asked(ledger, ana, at(4), answered(9, 9), model="unpriced")
        await asked(ledger, ana, at(5), answered(9, 9, cost=0.0), model="own-hardware")

        by_day = await office.ok("/usage", "ana", **JULY)
        by_model = await office.ok("/usage", "ana", by="model", **JULY)
        spanish = await office.get("/usage", "admin", by="model", format="csv", separator="semicolon", **JULY)

    days = {row["key"]: row["cost"] for row in by_day["data"]}
    assert by_day["currency"] == "EUR" and by_day["total"]["cost"] == 0.50025
    assert (days["2026-07-03"], days["2026-07-04"], days["2026-07-05"]) == (0.50025, None, 0)
    models = {row["key"]: row["cost"] for row in by_model["data"]}
    assert models == {"llama": 0.50025, "unpriced": None, "own-hardware": 0}
    told = {row["model"]: row["cost_eur"] for row in table_of(spanish, ";")}
    assert told == {"llama": "0,500250", "unpriced": "", "own-hardware": "0,000000"}


async def test_a_price_is_counted_once_however_often_a_request_ends(
    database: Database, valkey: Redis, ledger: str, owner_url: str
) -> None:
    """Taken off with the rest of what a request was before its true end."""
    async with opened_office(database, valkey, "EUR") as office:
        row_id = await asked(ledger, office.ids["ana"], at(3), answered(5, 5, cost=2.0))
        as_owner(owner_url, "UPDATE requests SET status = 'unknown'")
        store = UsageStore(ledger_url(ledger))
        await store.record([], [end_row(row_id, answered(100, 20, cost=3.0))])
        await store.close()

        told = await office.ok("/usage", "ana", **JULY)

    assert told["total"]["cost"] == 3.0


async def test_nothing_is_said_of_costs_where_there_are_no_prices(office: Office, ledger: str) -> None:
    """Also where there were some once: no currency, no cost, no column."""
    await asked(ledger, office.ids["ana"], at(3), answered(100, 20, cost=0.5))

    told = await office.ok("/usage", "ana", by="model", **JULY)
    (row,) = table_of(await office.get("/usage", "ana", by="model", format="csv", **JULY))

    assert told["currency"] is None and told["total"]["cost"] is None and told["data"][0]["cost"] is None
    assert not any(name.startswith("cost") for name in row)


async def test_seconds_and_energy_are_added_up_and_the_unknown_is_no_zero(
    database: Database, valkey: Redis, ledger: str, owner_url: str
) -> None:
    """Once, also for a request that ends twice; by person, model and day, and in exports in watt hours."""
    spoken = RequestEnd("completed", "speech", audio_seconds=90.0, engine_seconds=4.5)
    heard = answered(100, 20)
    heard.engine_seconds, heard.joules, heard.energy_cost = 2.5, 7200.0, Cost(0.0004, "EUR")
    async with opened_office(database, valkey, "EUR") as office:
        ana = office.ids["ana"]
        row_id = await asked(ledger, ana, at(3), heard)
        as_owner(owner_url, "UPDATE requests SET status = 'unknown'")
        store = UsageStore(ledger_url(ledger))
        await store.record([], [end_row(row_id, heard)])
        await store.close()
        await asked(ledger, office.ids["bea"], at(3), spoken, model="whisper")
        await asked(ledger, ana, at(4), answered(1, 1))

        by_day = await office.ok("/usage", "admin", **JULY)
        by_model = await office.ok("/usage", "admin", by="model", **JULY)
        table = table_of(await office.get("/usage", "admin", by="user", format="csv", **JULY))

    def more(row: dict[str, object]) -> tuple[object, ...]:
        return row["audio_s"], row["engine_s"], row["energy_j"], row["energy_cost"]

    assert more(by_day["total"]) == (90, 7, 7200, 0.0004)
    days = {row["key"]: more(row) for row in by_day["data"]}
    assert days["2026-07-03"] == (90, 7, 7200, 0.0004)
    assert days["2026-07-04"] == days["2026-07-05"] == (None, None, None, None)
    models = {row["key"]: more(row) for row in by_model["data"]}
    assert models == {"llama": (None, 2.5, 7200, 0.0004), "whisper": (90, 4.5, None, None)}
    told = {row["name"]: (row["audio_s"], row["engine_s"], row["energy_wh"]) for row in table}
    assert told == {"ana@box.example": ("", "2.5", "2.000"), "bea@box.example": ("90", "4.5", "")}


BAD = {
    "no day": {"from": "yesterday"},
    "the wrong way round": {"from": "2026-07-02", "to": "2026-07-01"},
    "a hundred years": {"from": "1926-07-02", "to": "2026-07-01"},
    "no such zone": {"tz": "Europe/Atlantis"},
    "a file for a zone": {"tz": "../../etc/passwd"},
    "no such column": {"by": "password"},
}


@pytest.mark.parametrize("case", BAD)
async def test_a_period_that_makes_no_sense_is_a_400(office: Office, case: str) -> None:
    """With the field's name."""
    answer = await office.get("/usage", "ana", **BAD[case])

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(BAD[case])))
