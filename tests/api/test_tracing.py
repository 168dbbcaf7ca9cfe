"""Traces: one from whoever asks to the engine, with numbers and codes and nobody's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from appliance import telemetry
from appliance.bootstrap.egress import way_out_at
from appliance.bootstrap.tracing import Tracing
from appliance.domain.answers import AnswerEvent, AnswerRequest, TextDelta
from appliance.storage.database import Database
from inference.egress.settings import EgressSettings
from inference.engines import load_engine_class
from inference.engines.connections import Connections
from inference.errors import EngineRefused
from inference.testing.fake_engine import FakeEngine, Fault
from inference.types import ChatMessage, EngineRequest
from rag.documents import Passage, SearchResult
from rag.trace import Step, Trace
from tests.gateway_harness import engine_settings
from tests.ingestion_desk import Desk, ana, document
from tests.otlp_collector import Collector, collector

__all__ = ["collector"]

SECRET = "Zanahoria-4711"
DOOR = way_out_at(Path("/nonexistent"), EgressSettings()).crossing([])
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Finding:
    """A Retriever with one passage."""

    async def search(self, *_: object, **__: object) -> SearchResult:
        trace = Trace(queries=(SECRET,), steps=(Step("by words", 4.0, {}),))
        return SearchResult([Passage(1, None, f"{SECRET}.pdf", SECRET, 0.5)], trace=trace)  # type: ignore[arg-type]


async def asked(tracing: Tracing, engine: FakeEngine, *, fails: bool = False) -> httpx.Response:
    """A request from a caller with a trace of its own, through a search, to the engine."""
    connections = Connections(tracing.engine_calls())
    settings = engine_settings(engine.base_url)
    client = load_engine_class(settings.engine)("local", settings, connections)
    retriever = tracing.retriever(Finding())  # type: ignore[arg-type]
    body = {"model": "fake", "messages": [{"role": "user", "content": SECRET}]}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await retriever.search(SECRET, None)  # type: ignore[arg-type]
        async with client.relay(EngineRequest("chat/completions", body, request_id="req_1")) as relayed:
            async for _ in relayed.frames:
                pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    transport = httpx.ASGITransport(tracing.app(app), raise_app_exceptions=not fails)
    headers = {"traceparent": CALLER, "x-request-id": "req_1", "authorization": f"Bearer {SECRET}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://box", headers=headers) as caller:
        answer = await caller.post(f"/v1/chat/completions?q={SECRET}")
    await connections.close()
    return answer


async def test_one_trace_leads_from_the_caller_to_the_engine(collector: Collector) -> None:
    """The caller's own trace goes on: gateway, search, engine, which is told; the request's id stands in it."""
    tracing = Tracing("gateway", collector.settings, DOOR)
    async with FakeEngine() as engine:
        await asked(tracing, engine)
        told = next(call.headers["traceparent"] for call in engine.requests if "traceparent" in call.headers)
    tracing.close()
    spans = collector.spans()
    outer = spans["POST /v1/chat/completions"]
    attributes = {item.key: item.value for item in outer.attributes}

    assert spans.keys() == {"POST /v1/chat/completions", "search", "engine /v1/chat/completions"}
    assert {span.trace_id.hex() for span in spans.values()} == {CALLER.split("-")[1]}
    assert outer.parent_span_id.hex() == CALLER.split("-")[2]
    assert spans["search"].parent_span_id == outer.span_id
    assert told.split("-")[1:3] == [CALLER.split("-")[1], spans["engine /v1/chat/completions"].span_id.hex()]
    assert attributes["appliance.request_id"].string_value == "req_1"
    assert attributes["http.response.status_code"].int_value == 200


async def test_no_trace_holds_what_was_said(collector: Collector) -> None:
    """Neither words nor keys nor an error's text, when all goes well and when the engine repeats what it was asked."""
    tracing = Tracing("gateway", collector.settings, DOOR)
    async with FakeEngine() as engine:
        await asked(tracing, engine)
        engine.behaviour.fault = Fault.HTTP_500
        with pytest.raises(EngineRefused):
            await asked(tracing, engine)
    tracing.close()
    sent = b"".join(collector.requests)

    assert SECRET.encode() not in sent
    assert b"error.type" in sent


async def test_places_of_somebody_are_not_named(collector: Collector) -> None:
    """Ids and links that open something are left out of a span's name."""
    tracing = Tracing("gateway", collector.settings, DOOR)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    transport = httpx.ASGITransport(tracing.app(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as caller:
        await caller.get("/invitation/Ab3dEf-4711")
        await caller.get("/api/users/0198c0de/keys")
        await caller.get("/readyz")
    tracing.close()

    assert collector.spans().keys() == {"GET /invitation/*", "GET /api/users/*"}


class Answering:
    """An Answerer that says two words."""

    async def answer(self, _caller: object, _request: object) -> AsyncIterator[AnswerEvent]:
        yield TextDelta(SECRET)
        yield TextDelta(telemetry.trace_id() or "untraced")


async def test_an_answer_of_the_page_belongs_to_the_request_that_asked(collector: Collector) -> None:
    """Written by a task after the request has ended: in its trace, with the id under which the logs know the turn."""
    tracing = Tracing("gateway", collector.settings, DOOR)
    answerer = tracing.answerer(Answering())  # type: ignore[arg-type]
    written: list[asyncio.Task[list[str]]] = []

    async def write() -> list[str]:
        request = AnswerRequest([ChatMessage("user", SECRET)], "answer-with-sources", request_id="turn-1")
        events = answerer.answer(None, request)  # type: ignore[arg-type]
        return [event.text async for event in events if isinstance(event, TextDelta)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        written.append(asyncio.create_task(write()))
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    transport = httpx.ASGITransport(tracing.app(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as caller:
        await caller.post("/api/turns")
    said = await written[0]
    tracing.close()
    spans = collector.spans()
    asked, answer = spans["POST /api/turns"], spans["answer"]

    assert (answer.trace_id, answer.parent_span_id) == (asked.trace_id, asked.span_id)
    assert said == [SECRET, asked.trace_id.hex()]
    assert {item.key: item.value.string_value for item in answer.attributes} == {
        "appliance.request_id": "turn-1",
        "model": "answer-with-sources",
    }
    assert SECRET.encode() not in b"".join(collector.requests)
    assert telemetry.trace_id() is None


async def test_a_job_is_linked_to_the_upload_and_to_who_put_it_in(
    collector: Collector, database: Database, worker_database: Database, tmp_path: Path
) -> None:
    """Uploaded by one request, put into a collection by another: the job that reads it names both, and is read."""
    tracing, desk = Tracing("gateway", collector.settings, DOOR), Desk(database, worker_database, tmp_path)
    shelf = await desk.collection(ana())
    files: list[UUID] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/files":
            async with desk.knowledge.upload(ana()) as upload:
                await upload.write(document(SECRET))
                files.append((await upload.finish("a.json", "", "assistants")).id)
        else:
            await desk.knowledge.attach(ana(), shelf, files[0])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    transport = httpx.ASGITransport(tracing.app(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as caller:
        for path in ("/v1/files", "/v1/vector_stores"):
            assert (await caller.post(path)).status_code == 200
    async with worker_database.connection() as connection:
        (payload,) = (await (await connection.execute("SELECT args FROM procrastinate_jobs")).fetchall())[0]
    await tracing.handlers({"ingest": desk.ingestion.ingest})["ingest"](payload)
    tracing.close()
    spans = collector.spans()
    linked = {link.span_id for link in spans["job ingest"].links}

    assert linked == {spans["POST /v1/files"].span_id, spans["POST /v1/vector_stores"].span_id}
    assert spans["job ingest"].trace_id not in {spans["POST /v1/files"].trace_id}
    assert (await desk.listed(ana(), shelf))["a.json"].status == "completed"
    assert SECRET.encode() not in b"".join(collector.requests)


async def test_a_job_whose_trace_is_garbage_is_done_all_the_same(collector: Collector) -> None:
    """What stands in the queue may be of another version."""
    tracing, done = Tracing("worker", collector.settings, DOOR), []

    async def note(payload: Mapping[str, Any]) -> None:
        done.append(payload)

    await tracing.handlers({"ingest": note})["ingest"]({"traces": ["garbage", ""]})
    tracing.close()

    assert len(done) == 1 and not collector.spans()["job ingest"].links


async def test_a_job_is_a_trace_of_its_own(collector: Collector) -> None:
    """By its name; one that breaks says so by its kind."""
    tracing = Tracing("worker", collector.settings, DOOR)

    async def breaks(_payload: object) -> None:
        raise ValueError(SECRET)

    with pytest.raises(ValueError, match=SECRET):
        await tracing.handlers({"ingest": breaks})["ingest"]({"file_id": SECRET})
    tracing.close()
    span = collector.spans()["job ingest"]

    assert {item.key: item.value.string_value for item in span.attributes} == {"error.type": "ValueError"}
    assert SECRET.encode() not in b"".join(collector.requests)
