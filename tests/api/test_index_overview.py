"""/api/index: administrators and auditors see how far another model is; administrators say when to go over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from fastapi import Request

from appliance.api.app import create_app
from appliance.api.index import index_routes
from appliance.commands.index import lines
from appliance.domain.people import Caller, Role
from appliance.services.index_overview import IndexOverview
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels
from inference.embedding.client import ServedModel
from inference.embedding.model_card import ModelCard

ROLES = {"root": Role.ADMIN, "otto": Role.AUDITOR, "ana": Role.USER}
SERVED = (
    ServedModel(
        "second", None, "The engine of the embedding model 'second' does not answer as it should: refused"
    ),
    ServedModel("built in", ModelCard("first@1", 384, 256, ("en",))),
)


@dataclass
class Identity:
    """A key is a caller's name."""

    async def caller(self, request: Request) -> Caller:
        name = request.headers["authorization"].removeprefix("Bearer ")
        return Caller(uuid4(), f"{name}@example.com", ROLES[name], frozenset())


@pytest.fixture
async def door(database: Database, maintenance_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The routes over a real index with one model searched with and one half made."""
    async with maintenance_database.transaction() as connection:
        await connection.execute(
            "INSERT INTO embedding_models (model_id, dimension, state, problem)"
            " VALUES ('first@1', 384, 'active', ''), ('second@2', 96, 'building', 'It is being moved.')"
        )
        await connection.execute(
            "INSERT INTO embedding_progress (model_id, collection_id, chunks, done)"
            " VALUES ('second@2', %s, 10, 10), ('second@2', %s, 30, 5)",
            (uuid4(), uuid4()),
        )

    async def served() -> Sequence[ServedModel]:
        return SERVED

    overview = IndexOverview(FollowedModels(database), served, is_by_hand=True)
    app = create_app([index_routes(overview, Identity())])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        yield client


def _as(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


async def test_how_far_it_is_is_told(door: httpx.AsyncClient) -> None:
    """In numbers, by collection; the command makes sentences of it."""
    told = (await door.get("/api/index", headers=_as("otto"))).json()

    active, building = told["models"]
    assert (active["id"], active["state"]) == ("first@1", "active")
    assert (building["state"], building["chunks"], building["done"]) == ("building", 40, 15)
    assert building["problem"] == "It is being moved."
    assert [one["name"] for one in told["served"]] == ["second", "built in"]
    said = "\n".join(lines(told))
    assert (
        "15 of 40 passages, 38%" in said and "It is being moved." in said and "appliance index switch" in said
    )


async def test_only_administrators_say_when(door: httpx.AsyncClient) -> None:
    """Everybody else is refused, a person without a role even to look."""
    refused = [
        (await door.get("/api/index", headers=_as("ana"))).status_code,
        (await door.post("/api/index/switch", headers=_as("otto"), json={})).status_code,
        (await door.post("/api/index/rebuild", headers=_as("ana"), json={})).status_code,
    ]
    switched = await door.post("/api/index/switch", headers=_as("root"), json={})
    rebuilt = await door.post("/api/index/rebuild", headers=_as("root"), json={})

    assert refused == [403, 403, 403]
    assert (switched.status_code, rebuilt.status_code) == (202, 202)
    assert [model["may_switch"] for model in switched.json()["models"]] == [False, True]
    assert rebuilt.json()["models"][0]["state"] == "rebuilding"


async def test_without_another_model_there_is_nothing_to_go_over_to(
    door: httpx.AsyncClient, maintenance_database: Database
) -> None:
    """A conflict that names the section to write."""
    async with maintenance_database.transaction() as connection:
        await connection.execute("DELETE FROM embedding_models WHERE state = 'building'")

    answer = await door.post("/api/index/switch", headers=_as("root"), json={})

    assert answer.status_code == 409
    assert "[embedding]" in answer.json()["error"]["message"]
