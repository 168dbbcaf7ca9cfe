"""Finding people among hundreds: words of the name, the address and the groups, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.administration_world import Office, as_owner, opened_office

MANY = 500


@pytest.fixture
async def office(database: Database, valkey: Redis, owner_url: str) -> AsyncIterator[Office]:
    """The four of the office, and five hundred more, of whom one has accents."""
    async with opened_office(database, valkey) as opened:
        as_owner(
            owner_url,
            "INSERT INTO users (email, email_key, name, role, is_suspended) "
            "SELECT e, e, 'Person ' || n, CASE WHEN n %% 100 = 0 THEN 'auditor' ELSE 'user' END, n %% 50 = 7 "
            "FROM (SELECT n, 'p' || lpad(n::text, 3, '0') || '@many.example' AS e "
            f"      FROM generate_series(1, {MANY}) n) people",
        )
        as_owner(
            owner_url,
            "INSERT INTO users (email, email_key, name, role) "
            "VALUES ('inigo@many.example', 'inigo@many.example', 'Íñigo Núñez 100%%_', 'user')",
        )
        yield opened


async def _emails(office: Office, **query: Any) -> list[str]:
    return [one["email"] for one in (await office.ok("/users", **query))["data"]]


async def test_all_of_them_are_leafed_through_once(office: Office) -> None:
    """`next` leads through every page; `total` counts all who fit, not those of the page."""
    seen: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = await office.ok("/users", limit=120, after=after)
        seen += [one["email"] for one in page["data"]]
        after, pages = page["next"], pages + 1
        assert page["total"] == MANY + 5 and page["has_more"] == (after is not None)

    assert (len(seen), len(set(seen)), pages) == (MANY + 5, MANY + 5, 5)
    assert seen == sorted(seen)


async def test_words_are_found_without_accents_and_capitals(office: Office) -> None:
    """All of them have to be there, in any order, in the name or the address; signs mean themselves."""
    for words in ("inigo", "ÍÑIGO", "nunez many.example", "100%_", "  núñez   iñigo ", "%"):
        assert await _emails(office, q=words) == ["inigo@many.example"], words


async def test_nobody_is_found_by_what_is_not_there(office: Office) -> None:
    """A pattern is no pattern here, and a quote ends nothing."""
    for words in ("nobody", "inigo person", "_igo", "' OR true --", "\\", "\0"):
        found = await office.ok("/users", q=words)
        assert (found["data"], found["total"], found["next"]) == ([], 0, None), words


async def test_people_are_found_by_their_group(office: Office) -> None:
    """As the list shows it beside them."""
    people = office.worker.accounts.people
    group = await people.add_group(None, "Almacén Norte")
    await office.worker.client.put(
        f"/api/groups/{group.id}/members",
        headers=office.keys["admin"],
        json={"user_ids": [str(office.ids["ana"]), str(office.ids["bea"])]},
    )

    assert await _emails(office, q="almacen") == ["ana@box.example", "bea@box.example"]
    assert await _emails(office, q="almacen bea") == ["bea@box.example"]


async def test_roles_and_suspensions_narrow_it_down(office: Office) -> None:
    """Together with words and pages."""
    auditors = await office.ok("/users", role="auditor", q="many")
    suspended = await office.ok("/users", suspended="true", limit=4)
    rest = await office.ok("/users", suspended="true", after=suspended["next"])

    assert auditors["total"] == 5
    assert suspended["total"] == 10 and len(suspended["data"]) == 4 and len(rest["data"]) == 6
    assert all(one["is_suspended"] for one in [*suspended["data"], *rest["data"]])


async def test_only_administrators_and_auditors_may_look(office: Office) -> None:
    """Whoever searches for people is somebody who runs the place."""
    assert (await office.get("/users", "ana", q="inigo")).status_code == 403
    assert (await office.get("/users", "auditor", q="inigo")).status_code == 200
