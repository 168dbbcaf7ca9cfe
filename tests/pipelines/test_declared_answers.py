"""Declared pipelines behind a real gateway: a file becomes a model name, its steps run, its answer says who made it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from appliance.domain.people import Caller, Scopes
from appliance.pipelines.declared.parts import DeclaredParts
from appliance.pipelines.declared.pipeline import DeclaredPipeline
from appliance.pipelines.declared.reading import checked, parse
from appliance.pipelines.declared.surroundings import Surroundings
from appliance.ports import Pipeline
from appliance.storage.roles import DatabaseRole, url_as
from inference.errors import EmbedderUnavailable
from inference.testing.fake_engine import FakeEngine
from rag.analysis import Analyzer
from rag.documents import Page, Passage, SearchResult
from rag.filters import Filter
from rag.quoter import Quoter
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway

LETTER = """\
format: 1
name: letter
title: {en: Formal letter, es: Carta formal}
steps:
  - name: found
    kind: retrieve
    limit: 5
  - name: enough
    kind: branch
    cases:
      - when: steps.found.count == 0
        say: {en: Nothing found., es: No hay nada.}
  - name: letter
    kind: prompt
    text: Write a formal letter. Put the number of the passage behind each sentence.
    sources: found
output: letter
"""
PAGE = "Holidays\nEvery employee has 23 working days of holiday a year. Ask your manager two weeks ahead."
FILE = uuid4()
COLLECTION = uuid4()


class OneBook:
    """A search over one page; fulfils appliance.ports.Search."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Sequence[UUID] | None, int, Filter | None]] = []

    async def search(
        self,
        caller: Caller,
        question: str,
        collection_ids: Sequence[UUID] | None,
        limit: int,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        self.asked.append((question, collection_ids, limit, only))
        if "holiday" not in question.lower():
            return SearchResult([], is_relevant=False)
        passage = Passage(
            1, FILE, "handbook.pdf", COLLECTION, PAGE[9:], 3, 9, len(PAGE), ("Holidays",), "en", 1.0
        )
        return SearchResult([passage], "en", (), {"holiday": 4.0})

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        return list(passages)

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        return PAGE if (file_id, page) == (FILE, 3) else None

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None:
        text = await self.page_text(caller, file_id, number)
        return None if text is None else Page(number, text)


class NoVectors:
    """An embedder that is away: words alone choose the quotes."""

    model_id = "none"

    async def embed_query(self, text: str) -> Any:
        raise EmbedderUnavailable("It is away.")


def declared(text: str, pipelines: Mapping[str, Pipeline] | None = None, **parts: Any) -> DeclaredPipeline:
    """A pipeline of that file, which must be right."""
    name = text.split("name: ", 1)[1].split("\n", 1)[0]
    parsed = parse(text, f"{name}.yaml")
    assert not checked(parsed, Surroundings()) and parsed.file is not None
    analyzer = Analyzer(("en", "es"))
    made = DeclaredParts(Quoter(NoVectors(), analyzer), analyzer, None, pipelines or {}, **parts)  # type: ignore[arg-type]
    return DeclaredPipeline(parsed.file, made, parsed.hash, 3)


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Answers every question with a sentence of the handbook."""
    async with FakeEngine(
        reply=lambda *_: "Every employee has 23 working days of holiday a year [1]."
    ) as running:
        yield running


@pytest.fixture
def book() -> OneBook:
    """What is searched."""
    return OneBook()


@pytest.fixture
async def gateway(
    engine: FakeEngine, book: OneBook, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """One declared pipeline."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"])},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        pipelines={"letter": declared(LETTER)},
        search=book,
    ) as running:
        yield running


def _asked(question: str, **more: object) -> dict[str, object]:
    return {"model": "letter", "messages": [{"role": "user", "content": question}], **more}


async def test_a_file_answers_as_a_model_name(gateway: Gateway, engine: FakeEngine) -> None:
    """Retrieval, the model's words, a checked citation, and which version made them."""
    async with gateway.post("chat/completions", _asked("How many days of holiday?")) as response:
        answer = await response.json()

    message = answer["choices"][0]["message"]
    assert message["content"].startswith("Every employee has 23 working days")
    assert [one["page"] for one in message["annotations"]] == [3]
    assert answer["appliance"]["pipeline"] == response.headers["x-pipeline"] == "letter@3"


async def test_a_stream_names_its_version_first(gateway: Gateway) -> None:
    """The header is there before the first word, the citations in the last delta."""
    async with gateway.post("chat/completions", _asked("How many holiday days?", stream=True)) as response:
        text = await response.text()

    assert response.headers["x-pipeline"] == "letter@3"
    datas = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    chunks = [json.loads(data) for data in datas[:-1]]
    words = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert words.startswith("Every employee has 23") and len(chunks) > 2
    assert chunks[-1]["choices"][0]["delta"]["annotations"][0]["filename"] == "handbook.pdf"
    assert chunks[-1]["appliance"]["pipeline"] == "letter@3"


async def test_a_branch_ends_with_its_own_words(gateway: Gateway, engine: FakeEngine) -> None:
    """In the language of the question, and no model is asked."""
    async with gateway.post("chat/completions", _asked("¿Cuándo abre el comedor de la empresa?")) as response:
        answer = await response.json()

    assert answer["choices"][0]["message"]["content"] == "No hay nada."
    assert not engine.requests


async def test_a_key_for_the_pipeline_is_enough(gateway: Gateway) -> None:
    """The model behind it may be asked by no other way; a key for something else does not open it."""
    gateway.identity.callers["narrow"] = person("ana", Scopes(models=frozenset(("letter",))))
    gateway.identity.callers["other"] = person("ana", Scopes(models=frozenset(("fake",))))

    async with gateway.post("chat/completions", _asked("How many holiday days?"), key="narrow") as response:
        assert response.status == 200
    direct = {**_asked("Hi"), "model": "fake"}
    async with gateway.post("chat/completions", direct, key="narrow") as response:
        assert response.status == 403
    async with gateway.post("chat/completions", _asked("How many?"), key="other") as response:
        assert response.status == 403


async def test_a_pipeline_of_a_group_is_nobody_else_s(
    engine: FakeEngine, book: OneBook, servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Bea of the group sees and asks it; Ana does not see it, and is refused."""
    group = uuid4()
    open_one = declared(LETTER)
    closed = DeclaredPipeline(open_one.file, open_one._parts, open_one.hash, 3, [group])
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"])},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        pipelines={"letter": closed},
        search=book,
    ) as gateway:
        gateway.identity.callers["bea"] = replace(person("bea"), group_ids=frozenset((group,)))
        seen = {}
        for who in ("ana", "bea"):
            url = f"{gateway.base_url}/v1/models"
            async with gateway.session.get(url, headers={"authorization": f"Bearer {who}"}) as response:
                seen[who] = {one["id"] for one in (await response.json())["data"]}
        async with gateway.post("chat/completions", _asked("How many holiday days?")) as response:
            refused = response.status
        async with gateway.post("chat/completions", _asked("How many holiday days?"), key="bea") as response:
            answered = response.status

    assert "letter" in seen["bea"] and "letter" not in seen["ana"]
    assert (refused, answered) == (403, 200)
