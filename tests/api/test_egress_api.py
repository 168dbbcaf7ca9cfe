"""What left the box, over HTTP: who may read it, who may stop it, and that stopping needs nothing but the disk."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.egress import egress_routes
from appliance.bootstrap.egress import way_out_at
from appliance.bootstrap.egress_desk import AuditedEvents
from appliance.domain.people import AccountEvent, Role
from appliance.errors import PartUnavailable
from appliance.services.egress import WhatLeft
from appliance.storage.database import Database
from appliance.storage.egress_reading import EgressReader
from inference.egress import Departure
from inference.egress.settings import EgressSettings
from tests.accounts_world import add_person, bearer, first_administrator, key_of, worker

CLOUD, HUB = "cloud.example", "huggingface.co"


def went(day: int, host: str = CLOUD, happened: str = "ended", **told: Any) -> Departure:
    """A call of that day in November."""
    at = datetime(2026, 11, day, 12, 0, tzinfo=UTC)
    purpose = "cloud" if host == CLOUD else "models"
    actor = told.pop("actor", "ana@box.example")
    return Departure(happened, at, purpose, actor, "POST", host, "/v1/chat/completions", **told)  # type: ignore[arg-type]


@dataclass
class Room:
    """Where what left is read, and its keys."""

    data: Path
    client: httpx.AsyncClient
    keys: dict[str, Any]
    database: Database

    async def get(self, path: str = "", who: str = "auditor") -> Any:
        answer = await self.client.get(f"/api/egress{path}", headers=self.keys[who])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def actions(self) -> list[str]:
        async with self.database.connection() as connection:
            found = await connection.execute(
                "SELECT action FROM account_events WHERE action LIKE 'leaving.%' ORDER BY id"
            )
            return [str(row[0]) for row in await found.fetchall()]


class DatabaseIsAway:
    """Every event is lost."""

    async def record(self, event: AccountEvent) -> None:
        raise PartUnavailable("PostgreSQL")


@pytest.fixture
async def room(database: Database, valkey: Redis, tmp_path: Path) -> AsyncIterator[Room]:
    """Five departures, written by the ledger that production writes with."""
    out = way_out_at(tmp_path, EgressSettings())
    for line in (
        went(1, sent_bytes=100, received_bytes=10, status=200, decision="d-1", why="The engine was down."),
        went(2, sent_bytes=50, received_bytes=5, actor="=HYPERLINK(1)"),
        went(2, happened="refused", reason="cloud.example is not among the hosts that are allowed."),
        went(3, HUB, received_bytes=7000, actor="root@box.example"),
        went(4, HUB, "began"),
    ):
        out.ledger(line)
    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda _accounts, identity: [
            egress_routes(
                WhatLeft(EgressReader(out.folder), out.switch, out.ledger, AuditedEvents(database)), identity
            )
        ],
    ) as one:
        first = await first_administrator(one.accounts)
        keys = {"admin": bearer(first.api_key)}
        for name, role in (("auditor", Role.AUDITOR), ("ana", Role.USER)):
            user = await add_person(one.accounts, f"{name}@box.example", role)
            keys[name] = bearer(await key_of(one.accounts, user))
        yield Room(tmp_path, one.client, keys, database)


async def test_lines_come_newest_first_and_page_by_page(room: Room) -> None:
    """All of what was written down, but the hash."""
    first = await room.get("?limit=2")
    rest = await room.get(f"?limit=500&before={first['next']}")

    assert [line["n"] for line in first["data"] + rest["data"]] == [5, 4, 3, 2, 1]
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    oldest = rest["data"][-1]
    assert (oldest["decision"], oldest["why"], oldest["sent_bytes"]) == ("d-1", "The engine was down.", 100)
    assert "chain" not in oldest


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("?from=2026-11-02&to=2026-11-03", [4, 3, 2]),
        ("?purpose=models", [5, 4]),
        ("?actor=ROOT@", [4]),
        ("?host=hugging", [5, 4]),
        ("?happened=refused,began", [5, 3]),
        ("?host=nowhere", []),
    ],
)
async def test_lines_are_found_by_what_is_known_of_them(room: Room, query: str, numbers: list[int]) -> None:
    """By day, purpose, person, host and what became of it."""
    assert [line["n"] for line in (await room.get(query))["data"]] == numbers


async def test_sums_tell_what_went_where(room: Room) -> None:
    """By host and purpose; what was refused did not leave."""
    told = await room.get("/totals")

    assert told["data"] == [
        {"host": CLOUD, "purpose": "cloud", "departures": 2, "refused": 1,
         "sent_bytes": 150, "received_bytes": 15},
        {"host": HUB, "purpose": "models", "departures": 1, "refused": 0,
         "sent_bytes": 0, "received_bytes": 7000},
    ]  # fmt: skip
    assert told["stopped"] is None


@pytest.mark.parametrize("path", ["/api/egress.csv", "/api/egress?format=csv"])
async def test_the_table_holds_every_line_and_runs_nothing(room: Room, path: str) -> None:
    """What looks like a formula is text in a spreadsheet."""
    answer = await room.client.get(path, headers=room.keys["auditor"])

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["n"] for row in rows] == ["5", "4", "3", "2", "1"]
    assert rows[3]["actor"] == "'=HYPERLINK(1)"


async def test_an_administrator_stops_it_and_lets_it_go_on(room: Room) -> None:
    """Said by the file, the answer, the audit and the ledger itself."""
    admin = room.keys["admin"]

    stopped = await room.client.put("/api/egress/stop", headers=admin, json={"reason": "an incident"})
    again = await room.client.put("/api/egress/stop", headers=admin, json={})
    assert (stopped.status_code, again.status_code) == (200, 200)
    assert stopped.json()["stopped"]["reason"] == again.json()["stopped"]["reason"] == "an incident"
    assert (room.data / "egress.stop").exists()
    assert (await room.get("/stop"))["stopped"]["actor"]

    resumed = await room.client.delete("/api/egress/stop", headers=admin)
    assert (resumed.status_code, resumed.json()["stopped"]) == (200, None)
    assert not (room.data / "egress.stop").exists()
    assert await room.actions() == ["leaving.stopped", "leaving.resumed"]
    lines = (await room.get("?happened=stopped,resumed"))["data"]
    assert [(line["happened"], line["why"]) for line in lines] == [
        ("resumed", ""),
        ("stopped", "an incident"),
    ]


async def test_a_file_put_there_by_hand_stops_as_well(room: Room) -> None:
    """Whatever it holds."""
    (room.data / "egress.stop").mkdir()

    told = (await room.get("/totals"))["stopped"]

    assert told["actor"] == "" and told["since"]


async def test_only_administrators_stop_and_only_they_and_auditors_read(room: Room) -> None:
    """Anybody else learns nothing, not even whether something left."""
    for path in ("", ".csv", "/totals", "/stop"):
        assert (await room.client.get(f"/api/egress{path}", headers=room.keys["ana"])).status_code == 403
        assert (await room.client.get(f"/api/egress{path}")).status_code == 401
    for who in ("ana", "auditor"):
        put = await room.client.put("/api/egress/stop", headers=room.keys[who], json={})
        assert (put.status_code, (room.data / "egress.stop").exists()) == (403, False)
        assert (await room.client.delete("/api/egress/stop", headers=room.keys[who])).status_code == 403


async def test_stopping_needs_no_database(tmp_path: Path, database: Database, valkey: Redis) -> None:
    """The audit lacks the line then; the ledger has it."""
    out = way_out_at(tmp_path, EgressSettings())
    left = WhatLeft(EgressReader(out.folder), out.switch, out.ledger, DatabaseIsAway())
    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda _accounts, identity: [egress_routes(left, identity)],
    ) as one:
        admin = bearer((await first_administrator(one.accounts)).api_key)
        answer = await one.client.put("/api/egress/stop", headers=admin, json={})

    assert answer.status_code == 200
    assert out.switch.stopped()
    assert '"stopped"' in (out.folder / "ledger.jsonl").read_text(encoding="utf-8")


async def test_what_the_settings_stop_no_button_lets_go(
    tmp_path: Path, database: Database, valkey: Redis
) -> None:
    """Who may edit the file decides."""
    out = way_out_at(tmp_path, EgressSettings(stopped=True))
    left = WhatLeft(EgressReader(out.folder), out.switch, out.ledger, AuditedEvents(database))
    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda _accounts, identity: [egress_routes(left, identity)],
    ) as one:
        admin = bearer((await first_administrator(one.accounts)).api_key)
        told = (await one.client.get("/api/egress/stop", headers=admin)).json()["stopped"]
        answer = await one.client.delete("/api/egress/stop", headers=admin)

    assert told["by_settings"]
    assert (answer.status_code, answer.json()["error"]["detail"]["code"]) == (
        409,
        "egress_stopped_by_settings",
    )
