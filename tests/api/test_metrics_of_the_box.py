"""What `/metrics` tells beside the gate: answers, searches, documents, jobs; who may read it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import Message

from appliance.api.answer_counts import AnswerCounts
from appliance.api.app import create_app
from appliance.api.metrics import metrics_router
from appliance.bootstrap.metrics.jobs import JobMetrics
from appliance.bootstrap.metrics.machine import MachineMetrics
from appliance.bootstrap.metrics.searches import MeteredRetriever
from appliance.domain.people import Caller
from appliance.errors import NotAuthenticated
from appliance.fairness.accounting.ledger_rows import RequestEnd, RequestStart
from appliance.fairness.accounting.request_log import RequestLog
from appliance.storage.database import Database
from appliance.storage.jobs import PostgresJobQueue
from appliance.telemetry import REQUESTS, JsonFormatter
from inference.types import Usage
from rag.documents import Passage, SearchResult
from rag.errors import IndexUnavailable
from rag.filters import Filter
from rag.ports import Scope
from rag.retrieval import EMBEDDER_UNAVAILABLE
from rag.trace import Step, Trace
from tests.ingestion_desk import Desk, ana, document

_A_WORKER = """
import sys
from pathlib import Path
from appliance.bootstrap.metrics.reading import ReadingMetrics
from appliance.services.knowledge.ingestion import ReadingEnd
metrics = ReadingMetrics(Path(sys.argv[1]))
metrics.observe(ReadingEnd("completed", "", 12, 3.0))
metrics.observe(ReadingEnd("refused", "document_encrypted"))
"""


async def nobody(_request: object) -> Caller:
    """Everybody without a key of ours."""
    raise NotAuthenticated


def application(scraper_key: str) -> FastAPI:
    """`/metrics` alone."""
    registry = CollectorRegistry()
    registry.register(MachineMetrics(Path("/")))
    return create_app([metrics_router(registry, nobody, scraper_key=scraper_key)])


@pytest.mark.parametrize(
    ("kept", "shown", "status"),
    [
        ("a-key", "Bearer a-key", 200),
        ("a-key", "bearer a-key ", 200),
        ("a-key", "Bearer a-kex", 401),
        ("a-key", "Bearer ñ", 401),
        ("a-key", "Basic a-key", 401),
        ("a-key", "", 401),
        ("", "Bearer ", 401),
        ("", "", 401),
    ],
)
async def test_the_scrapers_key_opens_the_figures(kept: str, shown: str, status: int) -> None:
    """Nothing near it does, and where none is set none is taken."""
    transport = httpx.ASGITransport(application(kept))
    headers = [(b"authorization", shown.encode())] if shown else []
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        answer = await client.get("/metrics", headers=headers)

    assert answer.status_code == status
    assert ("appliance_build_info" in answer.text) == (status == 200)


async def test_every_answer_is_counted_by_door_and_status() -> None:
    """Also those that no gate ever sees; what was asked for is no label."""
    registry = CollectorRegistry()
    answers = AnswerCounts(registry)

    async def send(_message: Message) -> None:
        return None

    for path, status in (
        ("/v1/models", 200),
        ("/v1/chat/completions", 429),
        ("/api/sessions", 401),
        ("/secret-place", 404),
        ("/readyz", 503),
    ):
        counting = answers.counting({"type": "http", "path": path}, send)
        await counting({"type": "http.response.start", "status": status, "headers": []})
        await counting({"type": "http.response.body", "body": b"x", "more_body": True})
        await counting({"type": "http.response.body", "body": b"x"})
    told = {
        (door, status): registry.get_sample_value(
            "appliance_http_answers_total", {"door": door, "status": status}
        )
        for door, status in (("v1", "200"), ("v1", "429"), ("api", "401"), ("page", "404"), ("probe", "503"))
    }

    assert set(told.values()) == {1.0}
    assert "secret-place" not in generate_latest(registry).decode()


class Found:
    """A Retriever that finds what it is told to."""

    def __init__(self) -> None:
        self.results: list[SearchResult | Exception] = []

    async def search(
        self,
        question: str,
        scope: Scope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: object = (),
    ) -> SearchResult:
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


async def test_searches_are_counted_by_what_they_found() -> None:
    """Enough, too little, nothing, an error; the steps with their times; and when the embedder was away."""
    registry, found = CollectorRegistry(), Found()
    metered = MeteredRetriever(found, registry)
    passage = Passage(1, UUID(int=1), "a.pdf", "words", 0.5)
    steps = Trace(steps=(Step("embed", 40.0, {}), Step("by words", 4.0, {})))
    found.results = [
        SearchResult([passage], trace=steps),
        SearchResult([passage], is_relevant=False, notes=(EMBEDDER_UNAVAILABLE,)),
        SearchResult([]),
        IndexUnavailable(),
    ]

    for _ in range(3):
        await metered.search("?", None)  # type: ignore[arg-type]
    with pytest.raises(IndexUnavailable):
        await metered.search("?", None)  # type: ignore[arg-type]

    def told(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    outcomes = {
        one: told("appliance_searches_total", outcome=one) for one in ("found", "weak", "nothing", "error")
    }
    assert outcomes == {"found": 1, "weak": 1, "nothing": 1, "error": 1}
    assert told("appliance_search_seconds_count") == 4
    assert told("appliance_search_step_seconds_sum", step="embed") == 0.04
    assert told("appliance_searches_by_words_only_total") == 1


def test_what_the_worker_counts_is_told_by_the_gateway(tmp_path: Path) -> None:
    """Across processes, and again after a worker was started anew."""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", _A_WORKER, str(tmp_path)], check=True, timeout=120)
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from prometheus_client import CollectorRegistry, generate_latest;"
            "from appliance.bootstrap.metrics.reading import tell_reading; registry = CollectorRegistry();"
            "tell_reading(registry, Path(sys.argv[1])); print(generate_latest(registry).decode())",
            str(tmp_path),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout

    assert 'appliance_documents_read_total{outcome="completed",reason=""} 2.0' in told
    assert 'appliance_documents_read_total{outcome="refused",reason="document_encrypted"} 2.0' in told
    assert "appliance_pages_read_total 24.0" in told


async def test_reading_tells_how_it_ended(
    database: Database, worker_database: Database, tmp_path: Path
) -> None:
    """A document that is read with its pages, one that is refused with its reason."""
    desk = Desk(database, worker_database, tmp_path)
    shelf = await desk.collection(ana())
    await desk.add(ana(), shelf, document("one", "two"))
    await desk.add(ana(), shelf, b"not a document")

    await desk.work()

    ended = {(end.outcome, end.reason, end.pages) for end in desk.ended}
    assert ended == {("completed", "", 2), ("refused", "document_damaged", 0)}


async def test_jobs_and_people_are_told_while_postgresql_answers(database: Database, owner_url: str) -> None:
    """What waits and for how long; nothing at all, rather than old figures, once PostgreSQL is away."""
    registry, metrics = CollectorRegistry(), JobMetrics(database)
    registry.register(metrics)
    jobs = PostgresJobQueue(database)
    await jobs.enqueue("ingest", {"a": 1})
    await jobs.enqueue("ingest", {"a": 2})

    async def nothing() -> None:
        return None

    scrape = metrics.before_scrape(nothing)
    await scrape()
    there = {
        "up": registry.get_sample_value("appliance_database_up"),
        "waiting": registry.get_sample_value("appliance_jobs", {"status": "waiting"}),
        "failed": registry.get_sample_value("appliance_jobs", {"status": "failed"}),
        "people": registry.get_sample_value("appliance_active_people"),
    }
    oldest_s = registry.get_sample_value("appliance_oldest_waiting_job_seconds")
    await database.close()
    await scrape()

    assert there == {"up": 1, "waiting": 2, "failed": 0, "people": 0}
    assert oldest_s is not None and oldest_s > 0
    assert registry.get_sample_value("appliance_database_up") == 0
    assert registry.get_sample_value("appliance_jobs", {"status": "waiting"}) is None


async def test_a_requests_line_says_who_where_and_how_long(caplog: pytest.LogCaptureFixture) -> None:
    """By ids and numbers; what is not known is left out; several are written together."""
    log = RequestLog()

    with caplog.at_level("INFO", logger=REQUESTS):
        for number in (7, 8):
            start = RequestStart(
                UUID(int=1), f"req_{number}", UUID(int=2), None, "llama", "chat", datetime.now(UTC)
            )
            end = RequestEnd("completed", "local", Usage(12, 34), wait_ms=1.234, total_ms=56.78)
            log.note(SimpleNamespace(start=start, end=end))  # type: ignore[arg-type]
        before = len(caplog.records)
        log.flush()
        log.flush()

    assert (before, len(caplog.records)) == (0, 1)
    first, second = map(json.loads, JsonFormatter("gateway").format(caplog.records[0]).splitlines())
    assert second["request_id"] == "req_8"
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "process": "gateway",
        "logger": REQUESTS,
        "message": "request completed",
        "request_id": "req_7",
        "user": str(UUID(int=2)),
        "route": "chat",
        "model": "llama",
        "engine": "local",
        "status": "completed",
        "wait_ms": 1.2,
        "total_ms": 56.8,
        "prompt_tokens": 12,
        "completion_tokens": 34,
    }
