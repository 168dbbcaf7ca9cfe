"""/api/doctor: administrators and auditors see what the doctor finds; many who look share one examination."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from fastapi import Request

from appliance.api.app import create_app
from appliance.api.doctor import doctor_routes
from appliance.domain.people import Caller, Role
from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.room import KEPT_S, DoctorRoom

ROLES = {"root": Role.ADMIN, "otto": Role.AUDITOR, "ana": Role.USER}
FOUND = (
    ok("valkey.ok", used_mb=1.5),
    warning("tuning.no_drain", "appliance settings --set server.drain_s=20"),
    error("processes.broken", "appliance up", ("postgres: no space",), date="2026-11-21"),
)


@dataclass
class Identity:
    """A key is a caller's name."""

    async def caller(self, request: Request) -> Caller:
        name = request.headers["authorization"].removeprefix("Bearer ")
        return Caller(uuid4(), f"{name}@example.com", ROLES[name], frozenset())


@dataclass
class Looks:
    """Counts examinations, with a clock that stands."""

    asked: list[Sequence[str]] = field(default_factory=list)
    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    async def examine(self, _caller: Caller, names: Sequence[str]) -> Sequence[Finding]:
        self.asked.append(tuple(names))
        await asyncio.sleep(0)
        return [one for one in FOUND if not names or one.check in names]


@pytest.fixture
def looks() -> Looks:
    """Nobody has looked yet."""
    return Looks()


@pytest.fixture
async def door(looks: Looks) -> AsyncIterator[httpx.AsyncClient]:
    """The route over three findings."""
    room = DoctorRoom(looks.examine, lambda: ("valkey", "tuning", "processes"), lambda: looks.now)
    app = create_app([doctor_routes(room, Identity())])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        yield client


async def _ask(door: httpx.AsyncClient, name: str, query: str = "") -> httpx.Response:
    return await door.get(f"/api/doctor{query}", headers={"authorization": f"Bearer {name}"})


async def test_what_is_found_is_told_with_its_command(door: httpx.AsyncClient) -> None:
    """Stable id, severity, the English sentence, the values for other languages, the log's lines, the command."""
    told = (await _ask(door, "otto")).json()

    assert told["counts"] == {"ok": 1, "warning": 1, "error": 1}
    assert told["examined_at"] == "2026-11-21T12:00:00+00:00"
    well, _, broken = told["data"]
    assert (well["id"], well["severity"], well["sentence"]) == (
        "valkey.ok",
        "ok",
        "Valkey answers, 1.5 MB in use.",
    )
    assert well["values"] == {"used_mb": 1.5}
    assert (broken["check"], broken["command"], broken["lines"]) == (
        "processes",
        "appliance up",
        ["postgres: no space"],
    )


async def test_people_without_a_role_see_nothing_of_it(door: httpx.AsyncClient, looks: Looks) -> None:
    """It names files, addresses and who waits. Nothing is looked at for them either."""
    refused = await _ask(door, "ana")

    assert refused.status_code == 403
    assert looks.asked == []


async def test_some_checks_alone_and_none_that_there_is_not(door: httpx.AsyncClient, looks: Looks) -> None:
    """A wrong name is told the right ones."""
    told = (await _ask(door, "root", "?check=valkey&check=tuning")).json()
    wrong = await _ask(door, "root", "?check=stomach")

    assert [one["check"] for one in told["data"]] == ["valkey", "tuning"]
    assert wrong.status_code == 400
    assert "valkey, tuning, processes" in wrong.json()["error"]["message"]
    assert looks.asked == [("tuning", "valkey")]


async def test_ten_who_look_at_once_cost_one_look(door: httpx.AsyncClient, looks: Looks) -> None:
    """And so do those of the next ten seconds."""
    await asyncio.gather(*(_ask(door, "root") for _ in range(10)))
    looks.now += timedelta(seconds=KEPT_S + 1)
    await _ask(door, "otto")

    assert looks.asked == [(), ()]
