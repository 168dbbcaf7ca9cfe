"""Declared pipelines in a whole gateway: files followed, versions, rollback, runs, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.waiting import until
from tests.whole_gateway import WholeGateway, whole_gateway

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
