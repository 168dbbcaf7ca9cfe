"""/api/models/library: administrators get a model, follow it, end it and take it away; the worker does the getting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.embedding import wanted_spec
from appliance.bootstrap.model_library import build_model_library_routes, build_pull_runner
from appliance.domain.people import Role
from appliance.storage.database import Database
from inference.testing.fake_hub import FakeHub, FakeRepo
from tests.accounts_world import add_person, bearer, first_administrator, key_of, worker
from tests.conftest import ROLE_SECRET
from tests.inference.model_files import chat_model, gguf
from tests.waiting import until

BIG = 1024 * 1024
EMBEDDER = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "modules.json": b"[]",
    "onnx/model.onnx": b"\x08\x07" + bytes(99),
}


@dataclass
class Room:
    """A box whose administrators ask over HTTP. runs: models that an engine has."""

    box: Box
    hub: FakeHub
    client: httpx.AsyncClient
    keys: dict[str, dict[str, str]]
    runs: set[str]
    database: Database

    async def call(self, method: str, path: str = "", body: Any = None, who: str = "admin") -> httpx.Response:
        url = f"/api/models/library{path}"
        return await self.client.request(method, url, json=body, headers=self.keys[who])

    async def told(self) -> dict[str, Any]:
        """What the administrator sees."""
        answer = await self.call("GET")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def ended(self, name: str) -> dict[str, Any]:
        """How getting it ended."""

        async def is_over() -> bool:
            return (await self.call("GET", f"/pulls/{name}")).json()["state"] in ("done", "failed")

        await until(is_over)
        told: dict[str, Any] = (await self.call("GET", f"/pulls/{name}")).json()
        return told

    async def actions(self) -> list[str]:
        """Of the audit, about models, oldest first."""
        async with self.database.connection() as connection:
            found = await connection.execute(
                "SELECT action FROM account_events WHERE action LIKE 'model.%' ORDER BY id"
            )
            return [str(row[0]) for row in await found.fetchall()]


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A chat model, an embedder, and a GGUF in two quantisations."""
    async with FakeHub(
        {
            "acme/tiny": FakeRepo(chat_model(BIG)),
            "acme/gated": FakeRepo(chat_model(), gated=True),
            "acme/finder": FakeRepo(EMBEDDER, task="sentence-similarity"),
            "acme/Small-GGUF": FakeRepo({"small-Q4_K_M.gguf": gguf(), "small-Q8_0.gguf": gguf(8192)}),
        }
    ) as made:
        yield made


@pytest.fixture
def box(owner_url: str, tmp_path: Path, hub: FakeHub) -> Box:
    """Its hub is the stand-in."""
    inside = ", ".join(f'"{host}"' for host in hub.inside)
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n'
        f'[models]\nhub = "{hub.root_url}"\nreserve_gib = 0\n[egress]\nmodels = []\ninside = [{inside}]\n',
        encoding="utf-8",
    )
    return open_box(tmp_path)


@pytest.fixture
async def room(box: Box, hub: FakeHub, database: Database, valkey: Redis) -> AsyncIterator[Room]:
    """An administrator, an auditor and somebody else, each with a key."""
    runs: set[str] = set()

    async def has(name: str) -> bool:
        return name in runs

    async with worker(
        database,
        valkey,
        wait_for_news=False,
        more_routes=lambda _accounts, identity: [build_model_library_routes(box, database, identity, has)],
    ) as one:
        first = await first_administrator(one.accounts)
        keys = {"admin": bearer(first.api_key)}
        for name, role in (("auditor", Role.AUDITOR), ("ana", Role.USER)):
            user = await add_person(one.accounts, f"{name}@box.example", role)
            keys[name] = bearer(await key_of(one.accounts, user))
        yield Room(box, hub, one.client, keys, runs, database)


@asynccontextmanager
async def getting(box: Box) -> AsyncIterator[None]:
    """The worker's part, as long as the context."""
    task = asyncio.create_task(build_pull_runner(box).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_model_is_asked_for_followed_and_taken_away(room: Room) -> None:
    """It is listed once it is whole; who asked for what stands in the audit and in the ledger."""
    asked = await room.call("POST", "", {"source": "hf:acme/tiny"})
    assert asked.status_code == 202, asked.text
    assert (asked.json()["state"], (await room.told())["models"]) == ("waiting", [])

    async with getting(room.box):
        ended = await room.ended("tiny")

    assert (ended["state"], ended["failure"]) == ("done", None)
    assert ended["done_bytes"] == ended["total_bytes"]
    told = await room.told()
    assert [(m["name"], m["kind"], m["format"], m["source"]) for m in told["models"]] == [
        ("tiny", "chat", "safetensors", "hf:acme/tiny")
    ]
    assert told["pulls"] == []
    lines = (room.box.data / "egress" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    ledger = [json.loads(line) for line in lines]
    assert {line["purpose"] for line in ledger} == {"models"}
    assert {line["actor"] for line in ledger} == {asked.json()["asked_by"]}
    assert {line["host"] for line in ledger} == set(room.hub.inside)
    assert {line["happened"] for line in ledger} == {"began", "ended"}

    assert (await room.call("DELETE", "/tiny")).json() == {"name": "tiny", "deleted": True}
    assert (await room.told())["models"] == []
    assert await room.actions() == ["model.pulled", "model.removed"]


async def test_a_pull_is_taken_up_by_the_next_worker_and_joined_by_the_next_asker(room: Room) -> None:
    """It outlives whoever gets it, and goes on from what is there; another model may not take its name meanwhile."""
    room.hub.faults.hold_at = BIG // 2
    await room.call("POST", "", {"source": "hf:acme/tiny"})
    async with getting(room.box):
        await until(lambda: bool(room.hub.cdn.requests))
        again = await room.call("POST", "", {"source": "hf:acme/tiny"})
        other = await room.call("POST", "", {"source": "hf:acme/finder", "name": "tiny"})
    assert (again.status_code, again.json()["state"]) == (202, "running")
    assert (other.status_code, other.json()["error"]["detail"]["code"]) == (409, "model_name_taken")
    room.hub.faults.hold_at = None

    async with getting(room.box):
        assert (await room.ended("tiny"))["state"] == "done"

    infos = [one for one in room.hub.requests if one.path.startswith("/api/")]
    assert len(infos) == 1
    assert await room.actions() == ["model.pulled"]


async def test_a_pull_that_is_cancelled_goes_away_with_all_that_came(room: Room) -> None:
    """While it runs; what is held on the disk is given back."""
    room.hub.faults.hold_at = BIG // 2
    await room.call("POST", "", {"source": "hf:acme/tiny"})
    async with getting(room.box):
        await until(lambda: bool(room.hub.cdn.requests))
        assert (await room.call("DELETE", "/pulls/tiny")).json()["state"] == "ending"
        await until(lambda: not (room.box.models_folder / "pulls" / "tiny").exists())

    assert await room.told() == {"models": [], "pulls": [], "searched_with": None}
    assert (await room.call("GET", "/pulls/tiny")).status_code == 404
    assert await room.actions() == ["model.pulled", "model.pull_cancelled"]


async def test_a_pull_that_failed_says_why_and_may_be_tried_again(room: Room) -> None:
    """The code is for the page, the sentence for people; a token that came meanwhile counts at once."""
    async with getting(room.box):
        await room.call("POST", "", {"source": "hf:acme/gated"})
        failure = (await room.ended("gated"))["failure"]
        assert failure["code"] == "model_gated"
        assert "Accept the licence at" in failure["message"]
        assert "models.hub_token_file" in failure["message"]
        assert [pull["state"] for pull in (await room.told())["pulls"]] == ["failed"]

        room.hub.repos["acme/gated"].gated = False
        assert (await room.call("POST", "", {"source": "hf:acme/gated"})).json()["state"] != "failed"
        assert (await room.ended("gated"))["state"] == "done"


async def test_a_quantisation_may_be_chosen_and_names_the_model(room: Room) -> None:
    """Q4_K_M unless somebody says otherwise; both may lie side by side."""
    async with getting(room.box):
        await room.call("POST", "", {"source": "hf:acme/Small-GGUF"})
        await room.call("POST", "", {"source": "hf:acme/Small-GGUF", "quantisation": "q8_0"})
        assert (await room.ended("small-q4_k_m"))["state"] == "done"
        assert (await room.ended("small-q8_0"))["state"] == "done"

    assert {model["name"] for model in (await room.told())["models"]} == {"small-q4_k_m", "small-q8_0"}


async def test_an_embedding_model_is_searched_with_in_one_request(room: Room) -> None:
    """The embedding process is told of it, and the model stays as long as there are vectors of it."""
    async with getting(room.box):
        await room.call("POST", "", {"source": "hf:acme/finder", "use_for_search": True})
        assert (await room.ended("finder"))["state"] == "done"

    assert (await room.told())["searched_with"] == "finder"
    spec = wanted_spec(room.box)
    assert (spec.source, Path(spec.model).name) == ("onnx", "finder")
    refused = await room.call("DELETE", "/finder")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "model_in_use")

    back = await room.call("PUT", "/search", {"model": ""})
    assert back.json()["searched_with"] is None
    assert wanted_spec(room.box).source == "built_in"


async def test_a_model_that_runs_stays(room: Room) -> None:
    """It is stopped first."""
    async with getting(room.box):
        await room.call("POST", "", {"source": "hf:acme/tiny"})
        await room.ended("tiny")
    room.runs.add("tiny")

    refused = await room.call("DELETE", "/tiny")

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "model_in_use")
    assert [model["name"] for model in (await room.told())["models"]] == ["tiny"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source": "nobody-knows-it"}, 404, "model_source_unknown"),
        ({"source": "hf:acme/../etc"}, 404, "model_source_unknown"),
        ({"source": "hf:acme/tiny", "name": "../tiny"}, 400, "model_name_unusable"),
        ({"source": "./models/tiny"}, 404, "model_source_unknown"),
        ({"source": "hf:acme/tiny", "quantisation": "../x"}, 404, "model_source_unknown"),
        ({"source": ""}, 400, "invalid_request"),
        ({"source": "hf:acme/tiny", "url": "x"}, 400, "invalid_request"),
    ],
    ids=[
        "no-card",
        "dots",
        "a-path-as-name",
        "a-relative-path",
        "a-path-as-quantisation",
        "empty",
        "unknown",
    ],
)
async def test_what_cannot_be_got_is_refused_at_once(
    room: Room, body: dict[str, Any], status: int, code: str
) -> None:
    """Nothing waits on the desk for it."""
    answer = await room.call("POST", "", body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert (await room.told())["pulls"] == []


async def test_only_administrators_get_and_remove_and_auditors_look(room: Room) -> None:
    """Everybody else is refused whatever the page shows."""
    calls = [
        ("POST", "", {"source": "hf:acme/tiny"}),
        ("PUT", "/search", {"model": ""}),
        ("DELETE", "/pulls/tiny", None),
        ("DELETE", "/tiny", None),
    ]
    for who in ("auditor", "ana"):
        for method, path, body in calls:
            assert (await room.call(method, path, body, who)).status_code == 403, (who, method, path)
    assert (await room.call("GET", "", None, "auditor")).status_code == 200
    assert (await room.call("GET", "", None, "ana")).status_code == 403
