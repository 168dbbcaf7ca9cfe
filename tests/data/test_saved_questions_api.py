"""Saved questions: one's own, verified for others, run with what people write for a date, and told when they break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.domain.people import Caller
from appliance.services.data.choosing import Chooser
from rag.analysis import Analyzer
from tests.company_database import company_database
from tests.conftest import Servers
from tests.data_world import data_world
from tests.saved_question_doors import Doors, NoEmbedder, doors_of

BY_CITY = (
    "SELECT c.city, sum(s.amount) AS total FROM sale s JOIN customer c ON c.id = s.customer_id "
    "WHERE s.sold_on >= :desde AND s.sold_on <= :hasta GROUP BY c.city ORDER BY total DESC LIMIT :n"
)
PARAMETERS = [
    {"name": "desde", "kind": "date", "default": "mes pasado"},
    {"name": "hasta", "kind": "date", "default": "mes pasado"},
    {"name": "n", "kind": "integer", "label": "Ciudades", "default": 5},
]


@pytest.fixture
async def doors(owner_url: str, servers: Servers, tmp_path: Path) -> AsyncIterator[Doors]:
    """Ana may ask the shop, Luis may not, Root administers; the shop may be changed."""
    with company_database(servers, tmp_path / "passwords") as company:
        async with data_world(owner_url, company) as world:
            made = doors_of(world, Chooser(Analyzer(), NoEmbedder()), tmp_path / "exports")
            yield made
            await made.client.aclose()


def question(doors: Doors, **changes: Any) -> dict[str, Any]:
    """Sales by city in a period."""
    body = {
        "source_id": str(doors.world.source_id),
        "question": "Ventas por ciudad en {periodo}",
        "language": "es",
        "wordings": ["sales by city"],
        "sql": BY_CITY,
        "parameters": PARAMETERS,
    }
    return body | changes


async def test_what_somebody_saves_is_theirs_until_it_is_verified(doors: Doors) -> None:
    """Not seen by others, nor by administrators until it is offered; then by all who may ask, and by nobody else."""
    await doors.world.sources.give(doors.world.root, doors.world.source_id, "user:root@example.com")
    saved = await doors.ok("ana", "POST", "/questions", question(doors))
    path = f"/questions/{saved['id']}"
    alone = [(await doors.call(who, "GET", path)).status_code for who in ("ana", "luis", "root")]
    await doors.ok("ana", "PUT", path, question(doors, is_proposed=True))
    proposed = [(await doors.call(who, "GET", path)).status_code for who in ("ana", "luis", "root")]
    refused = await doors.call("ana", "PUT", f"{path}/verdict", {"is_good": True})
    verified = await doors.ok("root", "PUT", f"{path}/verdict", {"is_good": True})
    for_ana_alone = (await doors.call("luis", "GET", path)).status_code
    await doors.world.sources.give(doors.world.root, doors.world.source_id, "user:luis@example.com")
    for_luis = await doors.ok("luis", "GET", path)
    forbidden = [
        (await doors.call("luis", verb, path, body)).status_code
        for verb, body in (("PUT", question(doors)), ("DELETE", None))
    ] + [(await doors.call("luis", "GET", f"{path}/versions")).status_code]

    assert (alone, proposed, refused.status_code) == ([200, 404, 404], [200, 404, 200], 403)
    assert verified["is_verified"] and not verified["is_proposed"] and not verified["is_own"]
    assert for_ana_alone == 404 and not for_luis["may_change"]
    assert forbidden == [404, 404, 404]


async def test_every_change_leaves_a_version_and_takes_the_verification_away(doors: Doors) -> None:
    """Who did what and when; the maker of a verified question who changes it has it verified anew."""
    saved = await doors.ok("ana", "POST", "/questions", question(doors, is_proposed=True))
    path = f"/questions/{saved['id']}"
    await doors.ok("root", "PUT", f"{path}/verdict", {"is_good": True})
    changed = await doors.ok("ana", "PUT", path, question(doors, sql=BY_CITY.replace("DESC", "ASC")))
    versions = (await doors.ok("ana", "GET", f"{path}/versions"))["data"]
    lines = await doors.world.lines("data.question.verified")

    assert not changed["is_verified"] and changed["version"] == 3
    assert [one["action"] for one in versions] == ["changed", "verified", "saved"]
    assert [one["changed_by"] for one in versions] == [
        str(who.user_id) for who in (doors.world.ana, doors.world.root, doors.world.ana)
    ]
    assert "ASC" in versions[0]["sql"] and "DESC" in versions[1]["sql"]
    assert [line.actor_id for line in lines] == [doors.world.root.user_id]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sql": "DELETE FROM sale"}, "query_refused"),
        ({"sql": "SELECT amount FROM salary", "parameters": []}, "query_refused"),
        ({"sql": "SELECT 1 / 0 AS x FROM sale", "parameters": []}, "query_failed"),
        ({"parameters": PARAMETERS[:2]}, "query_refused"),
        ({"parameters": [*PARAMETERS, PARAMETERS[0]]}, "invalid_request"),
        (
            {"parameters": [*PARAMETERS[:2], {"name": "n", "kind": "integer", "default": "muchas"}]},
            "invalid_request",
        ),
    ],
    ids=["writing", "not chosen", "failing", "without a parameter", "twice", "default of another kind"],
)
async def test_what_does_not_run_is_not_saved(doors: Doors, changes: dict[str, Any], code: str) -> None:
    """The guard and a trial run with the defaults say why, before anything is kept."""
    answer = await doors.call("ana", "POST", "/questions", question(doors, **changes))

    assert answer.json()["error"]["code"] == code, answer.text
    assert (await doors.ok("ana", "GET", "/questions"))["data"] == []


async def test_parameters_take_what_people_write(doors: Doors) -> None:
    """ "marzo" is its first and last day, defaults are reckoned from today, nonsense is refused by name."""
    saved = await doors.ok("ana", "POST", "/questions", question(doors))
    run = f"/questions/{saved['id']}/run"
    march = await doors.ok("ana", "POST", run, {"values": {}})
    january = await doors.ok("ana", "POST", run, {"values": {"desde": "enero", "hasta": "enero", "n": "2"}})
    none = await doors.call("ana", "POST", run, {"values": {"desde": "whenever"}})
    unknown = await doors.call("ana", "POST", run, {"values": {"ciudad": "Vigo"}})
    stranger = await doors.call("luis", "POST", run, {"values": {}})

    assert "'2026-03-01'" in march["sql"] and "'2026-03-31'" in march["sql"] and len(march["rows"]) == 3
    assert "'2026-01-01'" in january["sql"] and "'2026-01-31'" in january["sql"] and len(january["rows"]) == 2
    assert march["saved_question_id"] == saved["id"]
    assert none.status_code == 400 and "desde" in none.json()["error"]["message"]
    assert unknown.status_code == 400 and stranger.status_code == 404


async def test_a_result_becomes_a_question_with_gaps(doors: Doors) -> None:
    """The values in its SQL are offered by name; those that are taken become parameters, the others stay."""
    run = await doors.world.desk.run(
        doors.world.ana,
        doors.world.source_id,
        "SELECT name FROM product WHERE category = 'tools' AND price > 3.5 ORDER BY name LIMIT 4",
        asking := _asking(),
    )
    draft = await doors.ok("ana", "POST", "/questions/draft", {"result_id": str(run.id), "language": "es"})
    gaps = {gap["name"]: gap for gap in draft["gaps"]}
    body = question(
        doors,
        question=draft["question"],
        wordings=[],
        sql=draft["sql"],
        gaps={gaps["category"]["number"]: "categoria"},
        parameters=[{"name": "categoria", "kind": "text", "default": "tools", "choices": ["tools", "paint"]}],
    )
    saved = await doors.ok("ana", "POST", "/questions", body)
    paint = await doors.ok("ana", "POST", f"/questions/{saved['id']}/run", {"values": {"categoria": "Paint"}})

    assert draft["question"] == asking.question
    assert {name: gap["value"] for name, gap in gaps.items()} == {"category": "tools", "price": "3.5", "n": 4}
    assert ":categoria" in saved["sql"] and "3.5" in saved["sql"]
    assert paint["rows"] and "'paint'" in paint["sql"]
    stranger = await doors.call("luis", "POST", "/questions/draft", {"result_id": str(run.id)})
    assert stranger.status_code == 404


async def test_a_question_whose_table_changed_is_told_and_not_chosen(doors: Doors) -> None:
    """It says why, is chosen no more, and runs again once its maker has mended it."""
    saved = await doors.ok("ana", "POST", "/questions", question(doors))
    path = f"/questions/{saved['id']}"
    chosen = await _chosen(doors, doors.world.ana, "Ventas por ciudad en enero")
    doors.world.company.execute("ALTER TABLE sale RENAME COLUMN sold_on TO sold_at")
    broken = await doors.call("ana", "POST", f"{path}/run", {"values": {}})
    told = await doors.ok("ana", "GET", path)
    not_chosen = await _chosen(doors, doors.world.ana, "Ventas por ciudad en enero")

    assert chosen == "Ventas por ciudad en {periodo}" and not_chosen is None
    assert broken.status_code >= 400 and told["problem"]["code"] == broken.json()["error"]["code"]


async def test_two_people_change_one_question(doors: Doors) -> None:
    """Who removed it is obeyed; what is gone is not found by anybody."""
    saved = await doors.ok("ana", "POST", "/questions", question(doors, is_proposed=True))
    path = f"/questions/{saved['id']}"
    await doors.ok("root", "DELETE", path)
    gone = await doors.call("ana", "PUT", path, question(doors))

    assert gone.status_code == 404
    assert (await doors.ok("ana", "GET", "/questions"))["data"] == []


def _asking() -> Any:
    from appliance.domain.data import Asking

    return Asking("api", "¿Qué herramientas hay?")


async def _chosen(doors: Doors, caller: Caller, words: str) -> str | None:
    found = await doors.book.chosen(caller, words, await doors.world.desk.offered(caller))
    return None if found is None else found.saved.question
