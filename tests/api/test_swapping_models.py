"""Models that come and go behind a gateway: a real keeper, real llama.cpp engines, requests of several people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.bootstrap.keeper.preparing import library_of
from appliance.fairness.settings import GateSettings
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, running_gateway, until
from tests.kept_models import PATIENCE_S, UNREADABLE, Kept, box_with, install, keeping, kill

QUESTION, ANSWER = "How many legs has a spider?", "A spider has eight legs."


@asynccontextmanager
async def _gateway(servers: Servers, owner_url: str, kept: Kept) -> AsyncIterator[Gateway]:
    database_url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with running_gateway(
        {},
        valkey_url=servers.valkey.url,
        database_url=database_url,
        settings=GateSettings(comment_after_s=0.0),
        keeper_socket=kept.box.keeper_socket,
    ) as running:
        yield running


def _asking(model: str, **more: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 30, **more}


async def _answer(gateway: Gateway, model: str, person: str) -> tuple[int, str, str, str]:
    """(status, who served it, the model it names, its text)."""
    async with gateway.post("chat/completions", _asking(model, temperature=0), key=person) as response:
        body: dict[str, Any] = await response.json()
        served_by = response.headers.get("x-served-by", "")
    text = body["choices"][0]["message"]["content"] if "choices" in body else json.dumps(body)
    return response.status, served_by, body.get("model", ""), text


async def _offered(gateway: Gateway) -> dict[str, str]:
    async with gateway.session.get(
        f"{gateway.base_url}/v1/models", headers={"authorization": "Bearer ana"}
    ) as response:
        rows = (await response.json())["data"]
    return {row["id"]: row["state"] for row in rows}


async def _start(gateway: Gateway, kept: Kept, *names: str) -> None:
    """One after the other; each is in memory and on the roster before the next."""
    for name in names:
        await kept.start(name)
        await kept.until_phase(name, "ready")

    async def listed() -> bool:
        offered = await _offered(gateway)
        return all(name in offered for name in names) and offered[names[-1]] == "ready"

    await until(listed, PATIENCE_S)


async def test_two_models_share_the_room_of_one_and_no_request_is_lost(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Twelve requests of three people for two models at once: all answered, each by its own model."""
    async with (
        box_with("one", "two") as box,
        keeping(box) as kept,
        _gateway(servers, owner_url, kept) as gateway,
    ):
        await _start(gateway, kept, "one", "two")
        assert await _offered(gateway) == {"one": "asleep", "two": "ready"}
        asked = [(model, person) for person in ("ana", "bea", "eva") for model in ("one", "two")] * 2
        answers = await asyncio.gather(*(_answer(gateway, model, person) for model, person in asked))

    expected = [(200, f"local:{model}", model, ANSWER) for model, _ in asked]
    assert answers == expected


async def test_whoever_waits_for_a_model_is_told_that_it_is_loading(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """A stream shows it as a comment with the seconds left, and then its answer."""
    async with (
        box_with("one", "two") as box,
        keeping(box) as kept,
        _gateway(servers, owner_url, kept) as gateway,
    ):
        await _start(gateway, kept, "one", "two")
        async with gateway.post("chat/completions", _asking("one", stream=True, temperature=0)) as response:
            stream = (await response.read()).decode()

    comments = [line for line in stream.splitlines() if line.startswith(":")]
    assert comments[0].startswith(": loading model=one eta_s=")
    assert ": served-by local:one" in comments
    text = "".join(
        json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
        for line in stream.splitlines()
        if line.startswith("data: {") and json.loads(line[6:])["choices"]
    )
    assert text == ANSWER and stream.rstrip().endswith("[DONE]")


async def test_requests_outlive_the_death_of_their_engine(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """kill -9 while people ask: whoever had no byte yet waits for its return, and is answered."""
    async with box_with("one") as box, keeping(box) as kept, _gateway(servers, owner_url, kept) as gateway:
        await _start(gateway, kept, "one")
        pid = kept.model("one").pid
        asking = [asyncio.create_task(_answer(gateway, "one", f"p{number}")) for number in range(8)]
        held = gateway.room.gate.leases.requests
        await until(lambda: held.running["one"] > 0 or all(task.done() for task in asking), PATIENCE_S)
        kill(pid)
        answers = await asyncio.gather(*asking)
        await kept.until_phase("one", "ready")

    assert [(status, text) for status, _, _, text in answers] == [(200, ANSWER)] * 8


async def test_nobody_waits_for_a_model_that_cannot_be_loaded(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Who waited and who comes later gets a 503 that says so; the engine's own words are for administrators."""
    async with (
        box_with("one", "two") as box,
        keeping(box) as kept,
        _gateway(servers, owner_url, kept) as gateway,
    ):
        await _start(gateway, kept, "one", "two")
        library_of(box).remove("one")
        install(box, "one", content=UNREADABLE)
        first = await _answer(gateway, "one", "ana")
        second = await _answer(gateway, "one", "bea")
        failed = kept.model("one")

    for status, _, _, text in (first, second):
        assert (status, json.loads(text)["error"]["code"]) == (503, "model_load_failed")
        assert str(box.data) not in text
    assert failed.phase == "failed" and "llama.cpp cannot serve" in failed.last_lines[-1]


@pytest.mark.parametrize("loads_on_use", [True, False])
async def test_a_stopped_model_is_offered_no_more(
    servers: Servers, valkey: Redis, owner_url: str, loads_on_use: bool
) -> None:
    """Unknown like any other name, for everybody; what is only asleep is known, and loads if it may."""
    async with (
        box_with("one", "two") as box,
        keeping(box, loads_on_use=loads_on_use) as kept,
        _gateway(servers, owner_url, kept) as gateway,
    ):
        await _start(gateway, kept, "one", "two")
        asleep = await _answer(gateway, "one", "ana")
        await kept.keeper.stop("two")

        async def is_gone() -> bool:
            return "two" not in await _offered(gateway)

        await until(is_gone, PATIENCE_S)
        gone = await _answer(gateway, "two", "ana")
        await until(lambda: "two" not in gateway.room.gate.loads.seen, PATIENCE_S)

    assert (asleep[0], "model_not_loaded" in asleep[3]) == ((200, False) if loads_on_use else (503, True))
    assert (gone[0], json.loads(gone[3])["error"]["code"]) == (404, "model_not_found")


async def test_a_keeper_that_dies_leaves_nothing_and_comes_back(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """The gateway goes on looking for it; what was in memory is loaded again and answers."""
    async with box_with("one") as box:
        async with keeping(box) as first, _gateway(servers, owner_url, first) as gateway:
            await _start(gateway, first, "one")
        install(box, "two")
        async with keeping(box) as second, _gateway(servers, owner_url, second) as gateway:
            await until(lambda: bool(second.keeper.models()), PATIENCE_S)
            await second.until_phase("one", "ready")

            async def listed() -> bool:
                return "one" in await _offered(gateway)

            await until(listed, PATIENCE_S)
            answer = await _answer(gateway, "one", "ana")

    assert answer == (200, "local:one", "one", ANSWER)
