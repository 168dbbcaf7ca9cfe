"""Declared pipelines in a whole gateway: files followed, versions, rollback, runs, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from appliance.bootstrap.joined import Gateway
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.waiting import until
from tests.whole_gateway import WholeGateway, _served, whole_gateway

__all__ = ["data", "embedder_home"]

pytestmark = pytest.mark.timeout(240)

QUOTES = """\
format: 1
name: quotes
title: {en: Quotes, es: Citas}
inputs:
  question: {type: text}
  least: {type: integer, default: 1}
steps:
  - name: found
    kind: retrieve
    collections: [shelf]
    limit: 4
  - name: enough
    kind: branch
    cases:
      - when: steps.found.count < inputs.least
        say: {en: Too little was found., es: Se ha encontrado muy poco.}
  - name: answer
    kind: prompt
    text: Answer with the numbers of passages.
    sources: found
output: answer
"""


@pytest.fixture
async def box(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> AsyncIterator[WholeGateway]:
    """A whole gateway that looks at its files often."""
    more = "\n[pipelines]\nlook_every_s = 0.5\n"
    async with whole_gateway(owner_url, servers, embedder_home, data, more) as running:
        yield running


async def _shelf(box: WholeGateway) -> str:
    """Ana's collection with one document."""
    store = (await box.ok("ana", "POST", "/v1/vector_stores", {"name": "shelf"}))["id"]
    file = await box.upload(
        "ana", "dogs.md", b"# Dogs\n\nDogs are fed at nine in the morning, and walked at ten.\n"
    )
    await box.ok("ana", "POST", f"/v1/vector_stores/{store}/files", {"file_id": file})
    await box.read("ana", f"/v1/vector_stores/{store}/files/{file}")
    return str(store)


async def _status(box: WholeGateway, name: str) -> Any:
    return {one["name"]: one for one in (await box.ok("root", "GET", "/api/pipelines"))["data"]}.get(name)


async def test_the_life_of_a_pipeline(box: WholeGateway) -> None:
    """Refused while its collection is missing, then served, run, spoilt without harm, changed and rolled back."""
    folder = box.box.data / "pipelines"

    status, refused = await box.send("root", "PUT", "/api/pipelines/quotes", {"text": QUOTES})
    assert status == 400 and b"unknown_collection" in refused and not (folder / "quotes.yaml").exists()

    await _shelf(box)
    saved = await box.ok("root", "PUT", "/api/pipelines/quotes", {"text": QUOTES})
    assert (saved["status"], saved["pipeline"]) == ("serving", "quotes@1")
    assert (folder / "quotes.yaml").read_text() == QUOTES
    models = {one["id"] for one in (await box.ok("ana", "GET", "/v1/models"))["data"]}
    assert "quotes" in models and "formal-letter" not in models

    run = await box.ok(
        "ana", "POST", "/api/pipelines/quotes/run", {"inputs": {"question": "When are dogs fed?"}}
    )
    assert run["pipeline"] == "quotes@1" and run["kind"] == "quoted" and "nine in the morning" in run["text"]
    assert [one["name"] for one in run["steps"]] == ["found", "enough", "answer"]
    assert all(one["is_verified"] for one in run["annotations"]) and run["annotations"]

    turn = (await box.ok("ana", "POST", "/api/turns", {"question": "When are dogs fed?", "model": "quotes"}))[
        "id"
    ]

    async def is_traced() -> bool:
        return bool((await box.ok("ana", "GET", f"/api/turns/{turn}/trace"))["trace"])

    await until(is_traced)
    trace = (await box.ok("ana", "GET", f"/api/turns/{turn}/trace"))["trace"]
    assert trace["run"]["pipeline"] == "quotes@1" and trace["queries"] == ["When are dogs fed?"]
    assert [(one["name"], one["outcome"]) for one in trace["run"]["steps"]] == [
        ("found", "done"),
        ("enough", "done"),
        ("answer", "done"),
    ]
    luis = await box.send("luis", "GET", f"/api/turns/{turn}/trace")
    assert luis[0] == 404

    (folder / "quotes.yaml").write_text(QUOTES.replace("kind: prompt", "kind: promtp"))

    async def is_outdated() -> bool:
        return bool((await _status(box, "quotes"))["status"] == "outdated")

    await until(is_outdated)
    state = await _status(box, "quotes")
    assert [(one["code"], one["line"], one["column"]) for one in state["findings"]] == [
        ("unknown_kind", 18, 5)
    ]
    again = await box.ok(
        "ana", "POST", "/api/pipelines/quotes/run", {"inputs": {"question": "When are dogs fed?"}}
    )
    assert again["pipeline"] == "quotes@1" and again["text"] == run["text"]

    changed = QUOTES.replace("default: 1", "default: 9")
    saved = await box.ok("root", "PUT", "/api/pipelines/quotes", {"text": changed})
    assert saved["pipeline"] == "quotes@2"
    little = await box.ok(
        "ana", "POST", "/api/pipelines/quotes/run", {"inputs": {"question": "When are dogs fed?"}}
    )
    assert little["text"] == "Too little was found."
    lines = (await box.ok("root", "GET", "/api/pipelines/quotes/difference?before=1&after=2"))["lines"]
    assert (
        "-  least: {type: integer, default: 1}" in lines and "+  least: {type: integer, default: 9}" in lines
    )
    back = await box.ok("root", "POST", "/api/pipelines/quotes/rollback", {"version": 1})
    assert back["pipeline"] == "quotes@3" and (folder / "quotes.yaml").read_text() == QUOTES
    versions = (await box.ok("root", "GET", "/api/pipelines/quotes/versions"))["data"]
    assert [(one["version"], one["via"], one["saved_by"]) for one in versions] == [
        (3, "rollback", "root@example.com"),
        (2, "page", "root@example.com"),
        (1, "page", "root@example.com"),
    ]


async def test_two_people_and_one_pipeline(box: WholeGateway) -> None:
    """Luis runs the same pipeline and sees nothing of Ana's collection; only administrators see and change files."""
    await _shelf(box)
    await box.ok("root", "PUT", "/api/pipelines/quotes", {"text": QUOTES})
    body = {"inputs": {"question": "When are dogs fed?"}}

    status, refused = await box.send("luis", "POST", "/api/pipelines/quotes/run", body)
    assert status == 404 and b"shared with you" in refused and b"nine" not in refused
    listed = (await box.ok("luis", "GET", "/api/pipelines"))["data"]
    assert [one["name"] for one in listed] == ["quotes"] and "findings" not in listed[0]
    assert "text" not in await box.ok("luis", "GET", "/api/pipelines/quotes")
    for verb, path, sent in (
        ("PUT", "/api/pipelines/quotes", {"text": QUOTES}),
        ("DELETE", "/api/pipelines/quotes", None),
        ("POST", "/api/pipelines/quotes/check", {"text": QUOTES}),
        ("GET", "/api/pipelines/quotes/versions", None),
        ("POST", "/api/pipelines/quotes/rollback", {"version": 1}),
    ):
        assert (await box.send("luis", verb, path, sent))[0] == 403, (verb, path)
    for hostile in ("..%2Fquotes", "Quotes", "quotes.yaml", "a" * 80):
        assert (await box.send("root", "PUT", f"/api/pipelines/{hostile}", {"text": QUOTES}))[0] in (400, 404)
    status, told = await box.send("ana", "POST", "/api/pipelines/quotes/run", {"inputs": {"question": 3}})
    assert status == 400 and b"inputs.question" in told

    streamed = {**body, "stream": True, "steps": True}
    told = (await box.send("ana", "POST", "/api/pipelines/quotes/run", streamed))[1]
    kinds = [
        line.removeprefix(b"event: ").decode() for line in told.splitlines() if line.startswith(b"event: ")
    ]
    assert kinds[0] == "step" and kinds[-1] == "done" and {"text", "searched"} <= set(kinds)
    await box.ok("root", "DELETE", "/api/pipelines/quotes")
    assert (await box.send("ana", "POST", "/api/pipelines/quotes/run", body))[0] == 404


async def test_after_a_start_the_last_good_version_serves(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path
) -> None:
    """A file that is wrong when the box starts is refused; what it was before answers."""
    async with whole_gateway(owner_url, servers, embedder_home, data, has_worker=False) as first:
        text = QUOTES.replace("    collections: [shelf]\n", "")
        await first.ok("root", "PUT", "/api/pipelines/quotes", {"text": text})
        keys = first.keys
    (data / "pipelines" / "quotes.yaml").write_text("format: 1\nname: quotes\nsteps: [")
    again = Gateway(first.box)
    async with _served(again) as url, aiohttp.ClientSession(url) as session:
        headers = {"authorization": f"Bearer {keys['root']}"}
        async with session.get("/api/pipelines/quotes", headers=headers) as answer:
            state = await answer.json()

    assert (state["status"], state["pipeline"]) == ("outdated", "quotes@1")
    assert [one["code"] for one in state["findings"]] == ["yaml"] and state["findings"][0]["line"] == 3
