"""The tool `file_search` of /v1/responses: searched with the asker's eyes, told as at OpenAI, citations checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.domain.people import Caller
from appliance.errors import NotFound
from appliance.fairness.settings import GateSettings
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from rag.analysis import Analyzer
from rag.documents import Page, Passage, SearchResult
from rag.filters import Comparison, Filter
from rag.quoter import Quoter
from tests.api.test_responses import answered, asked, events, refused, streamed
from tests.appliance.test_answer_with_sources import NoMeaning
from tests.client_environment import client_node, client_python
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway

STORE, FILE = UUID(int=0xA1), UUID(int=0xB2)
SEARCH: dict[str, Any] = {"type": "file_search", "vector_store_ids": [f"vs_{STORE.hex}"]}
SENTENCE = "Every employee has 23 working days of holiday a year."
PAGE = f"Holidays\n{SENTENCE} Unused days expire on 31 March of the next year."
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
CLIENTS = Path(__file__).parent / "clients"


class AnasHandbook:
    """A search over one page of one collection, which only Ana sees."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, Filter | None, Sequence[str]]] = []
        self.is_relevant = True

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
        if collection_ids is None or list(collection_ids) != [STORE] or caller != person("ana"):
            raise NotFound(f"No vector store has the id {collection_ids}.")
        self.calls.append((question, limit, only, also))
        passage = Passage(
            1, FILE, "handbook.pdf", STORE, PAGE[9:], 3, 9, len(PAGE), ("Holidays",), "en", score=0.8
        )
        return SearchResult([passage], "en", (), {"holiday": 4.0}, self.is_relevant)

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        return list(passages)

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        return PAGE if (file_id, page) == (FILE, 3) else None

    async def page(self, caller: Caller, file_id: UUID, page: int | None) -> Page | None:
        return Page(3, PAGE) if (file_id, page) == (FILE, 3) else None


@pytest.fixture
def handbook() -> AnasHandbook:
    """What is searched."""
    return AnasHandbook()


@pytest.fixture
async def gateway(
    engine: FakeEngine, handbook: AnasHandbook, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """A stand-in engine and the real pipelines over the handbook."""
    analyzer = Analyzer(("en", "es"))
    engine.behaviour.reply = f"{SENTENCE} [1] Dogs may come on Fridays in 2031."
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"], max_running=4)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.1),
        pipelines={"answer-with-sources": AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer)},
        search=handbook,
    ) as running:
        yield running


def check(response: Mapping[str, Any]) -> None:
    """The search, then the message with its verified citation; what nothing supports is marked."""
    call, message = response["output"]
    (part,) = message["content"]
    assert (call["type"], call["status"], call["queries"]) == (
        "file_search_call",
        "completed",
        ["How many days of holiday?"],
    )
    cited = part["annotations"][0]
    assert (cited["type"], cited["file_id"], cited["filename"], cited["page"]) == (
        "file_citation",
        f"file-{FILE.hex}",
        "handbook.pdf",
        3,
    )
    assert cited["quote"] == SENTENCE and cited["is_verified"]
    assert part["text"][cited["start"] : cited["end"]].startswith(SENTENCE)
    ((start, end),) = response["appliance"]["unsupported"]
    assert part["text"][start:end] == "Dogs may come on Fridays in 2031."
    assert "unsupported" in response["appliance"]["notes"]


async def test_an_answer_is_grounded_and_cited(gateway: Gateway, engine: FakeEngine) -> None:
    """The passage stands in the prompt beside the caller's own instructions; the answer's sentences are checked."""
    question = "How many days of holiday?"
    whole = await answered(gateway, input=question, tools=[SEARCH], instructions="Be brief.")

    system, user = engine.requests[-1].payload["messages"]
    check(whole)
    assert system["role"] == "system" and system["content"].startswith("Be brief.")
    assert SENTENCE in system["content"] and user["content"] == question
    assert whole["output"][0]["results"] is None
    assert whole["tools"][0]["type"] == "file_search" and "tools" not in engine.requests[-1].payload
    assert (await asked(gateway, "GET", whole["id"]))[1] == whole


async def test_a_stream_tells_the_search_then_the_text_then_the_citations(gateway: Gateway) -> None:
    """The events and their order are OpenAI's."""
    told = events(await streamed(gateway, input="How many days of holiday?", tools=[SEARCH]))

    kinds = [event["type"].removeprefix("response.") for event in told]
    check(told[-1]["response"])
    assert kinds[:7] == [
        "created",
        "in_progress",
        "output_item.added",
        "file_search_call.in_progress",
        "file_search_call.searching",
        "file_search_call.completed",
        "output_item.done",
    ]
    assert kinds.index("output_text.annotation.added") > kinds.index("output_text.delta")
    assert kinds.index("output_text.annotation.added") < kinds.index("output_text.done")
    assert [event["sequence_number"] for event in told] == list(range(len(told)))


async def test_results_stand_in_the_item_when_they_are_asked_for(gateway: Gateway) -> None:
    """`include`, with text, score and place."""
    whole = await answered(
        gateway, input="How many days of holiday?", tools=[SEARCH], include=["file_search_call.results"]
    )

    (found,) = whole["output"][0]["results"]
    assert (found["file_id"], found["filename"], found["score"]) == (f"file-{FILE.hex}", "handbook.pdf", 0.8)
    assert SENTENCE in found["text"] and found["location"]["page"] == 3


async def test_what_somebody_may_not_see_is_not_found(gateway: Gateway, engine: FakeEngine) -> None:
    """Another person's store and one that is not there are the same 404, streamed or not, and no model is asked."""
    other = {**SEARCH, "vector_store_ids": [f"vs_{UUID(int=9).hex}"]}

    assert (await refused(gateway, "bea", tools=[SEARCH]))[0] == 404
    assert (await refused(gateway, tools=[other], stream=True))[0] == 404
    assert await refused(gateway, tools=[{**SEARCH, "vector_store_ids": ["vs_x"]}]) == (
        404,
        "tools[0].vector_store_ids",
    )
    assert (await refused(gateway, "bea", model="answer-with-sources", tools=[SEARCH]))[0] == 404
    assert engine.requests == []


async def test_the_search_is_narrowed_as_asked(gateway: Gateway, handbook: AnasHandbook) -> None:
    """Number, filter and least score; a passage below it is not shown to the model."""
    narrowed = {
        **SEARCH,
        "max_num_results": 3,
        "filters": {"type": "eq", "key": "year", "value": 2026},
        "ranking_options": {"ranker": "auto", "score_threshold": 0.9},
    }
    whole = await answered(gateway, tools=[narrowed], include=["file_search_call.results"])

    assert handbook.calls == [("How are you?", 3, Comparison("eq", "year", 2026), ())]
    assert whole["output"][0]["results"] == [] and "nothing_found" in whole["appliance"]["notes"]


async def test_thin_evidence_is_told_to_the_model_as_nothing(
    gateway: Gateway, engine: FakeEngine, handbook: AnasHandbook
) -> None:
    """What the calibrated threshold refuses is not handed over to be made something of."""
    handbook.is_relevant = False
    whole = await answered(gateway, tools=[SEARCH])

    assert SENTENCE not in engine.requests[-1].payload["messages"][0]["content"]
    assert "nothing in them answers" in engine.requests[-1].payload["messages"][0]["content"]
    assert whole["output"][1]["content"][0]["annotations"] == []


@pytest.mark.parametrize("stream", [True, False])
async def test_functions_beside_it_keep_working(gateway: Gateway, engine: FakeEngine, stream: bool) -> None:
    """The model may call one after the search; its output goes back with the conversation."""
    fields: dict[str, Any] = {"input": "Weather?", "tools": [SEARCH, WEATHER], "tool_choice": "required"}
    if stream:
        first = events(await streamed(gateway, **fields))[-1]["response"]
    else:
        first = await answered(gateway, **fields)
    search, call = first["output"]
    output = [{"type": "function_call_output", "call_id": call["call_id"], "output": "Sun"}]
    second = await answered(gateway, input=output, tools=[SEARCH, WEATHER], previous_response_id=first["id"])

    assert (search["type"], call["type"], call["name"]) == ("file_search_call", "function_call", "weather")
    assert engine.requests[0].payload["tools"][0]["function"]["name"] == "weather"
    assert engine.requests[0].payload["tool_choice"] == "auto"
    assert [item["type"] for item in second["output"]] == ["file_search_call", "message"]
    assert [m["role"] for m in engine.requests[-1].payload["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]


@pytest.mark.parametrize(
    "choice",
    [
        "none",
        {"type": "function", "name": "weather"},
        {"type": "allowed_tools", "tools": [WEATHER], "mode": "auto"},
    ],
)
async def test_it_can_be_left_out(gateway: Gateway, handbook: AnasHandbook, choice: object) -> None:
    """By tool_choice, as at OpenAI."""
    whole = await answered(gateway, tools=[SEARCH, WEATHER], tool_choice=choice)

    assert handbook.calls == [] and whole["output"][0]["type"] != "file_search_call"


async def test_a_follow_up_searches_for_what_the_conversation_is_about(
    gateway: Gateway, handbook: AnasHandbook
) -> None:
    """`previous_response_id` gives the search its words, too."""
    first = await answered(gateway, input="How many days of holiday does everybody have?", tools=[SEARCH])
    await answered(gateway, input="And in it?", tools=[SEARCH], previous_response_id=first["id"])

    question, _, _, also = handbook.calls[-1]
    assert question != "And in it?" and also == ("And in it?",)


async def test_answer_with_sources_takes_the_same_tool(gateway: Gateway, handbook: AnasHandbook) -> None:
    """With the same item and annotations; so it can be used where no language model is connected."""
    whole = await answered(
        gateway, model="answer-with-sources", input="How many days of holiday?", tools=[SEARCH]
    )

    call, message = whole["output"]
    assert call["type"] == "file_search_call" and call["queries"] == ["How many days of holiday?"]
    assert message["content"][0]["annotations"][0]["quote"] == SENTENCE
    assert len(handbook.calls) == 1


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "file_search"}, "tools[0].vector_store_ids"),
        ({**SEARCH, "vector_store_ids": []}, "tools[0].vector_store_ids"),
        ({**SEARCH, "max_num_results": 0}, "tools[0].max_num_results"),
        ({**SEARCH, "max_num_results": "many"}, "tools[0].max_num_results"),
        ({**SEARCH, "filters": {"type": "like", "key": "a", "value": "b"}}, "tools[0].filters"),
        ({**SEARCH, "ranking_options": {"score_threshold": 7}}, "tools[0].ranking_options.score_threshold"),
    ],
)
async def test_wrong_fields_are_named(gateway: Gateway, tool: dict[str, Any], param: str) -> None:
    """A 400 with the field, before anything is searched."""
    status, named = await refused(gateway, tools=[tool])

    assert status == 400 and named is not None and named.startswith(param)


async def test_the_official_sdk_takes_it_unchanged(gateway: Gateway) -> None:
    """Items, events and annotations by its own types; a conversation kept by the server and one kept by the client."""
    python = await asyncio.to_thread(client_python, "openai>=3,<4")
    process = await asyncio.create_subprocess_exec(
        *(str(python), str(CLIENTS / "file_search_sdk.py"), f"{gateway.base_url}/v1", "ana", "fake"),
        f"vs_{STORE.hex}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    seen = json.loads(out)

    assert seen["whole"]["text"] == seen["streamed"]["text"] and seen["whole"]["queries"]
    assert ["file_citation", "handbook.pdf", f"file-{FILE.hex}"] in seen["whole"]["annotations"]
    assert seen["whole"]["annotations"] == seen["streamed"]["annotations"]
    assert seen["whole"]["results"] == [["handbook.pdf", True, 0.8]] and seen["streamed"]["results"] == []
    assert "response.file_search_call.searching" in seen["events"]
    assert seen["stateless"] == seen["kept"] == ["file_search_call", "message"]
    assert seen["further"] and seen["unseen"] == "NotFoundError"


async def test_openai_node_takes_it_unchanged(gateway: Gateway) -> None:
    """Whole and streamed, with its own accumulator."""
    node = await asyncio.to_thread(client_node, "openai@7.57.0", "zod@4")
    process = await asyncio.create_subprocess_exec(
        *(*node.words, "--input-type=module", "-", f"{gateway.base_url}/v1", "ana", "fake"),
        f"vs_{STORE.hex}",
        cwd=node.folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate((CLIENTS / "file_search_openai.mjs").read_bytes())
    assert process.returncode == 0, err.decode()[-3000:]
    seen = json.loads(out)

    assert seen["whole"] == seen["streamed"] and seen["whole"]["items"] == ["file_search_call", "message"]
    assert "handbook.pdf" in seen["whole"]["cited"] and seen["results"] == ["handbook.pdf"]
    assert seen["searching"] and seen["annotated"]
