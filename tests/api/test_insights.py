"""How it goes, told to administrators and auditors: grouped, counted, compared – and nobody's words but shared ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from appliance.domain.answers import QUESTION_READ, Feedback, Turn, TurnEvent
from appliance.domain.people import AccountEvent, Viewer
from appliance.fairness.accounting.ledger_rows import RequestEnd
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from appliance.storage.turns import PostgresTurns
from inference.types import Usage
from tests.administration_world import Office, as_owner, asked, opened_office, table_of

SECRET = "Zanahoria-4711"
NOW = datetime.now(UTC)
LAST_WEEK = NOW - timedelta(days=9)


@pytest.fixture
async def office(database: Database, valkey: Redis) -> AsyncIterator[Office]:
    """Four people; what administrators may read of questions is off."""
    async with opened_office(database, valkey) as opened:
        yield opened


@pytest.fixture
async def reading_office(database: Database, valkey: Redis) -> AsyncIterator[Office]:
    """The same where `insights.shows_questions` is on."""
    async with opened_office(database, valkey, shows_questions=True) as opened:
        yield opened


async def _refused(
    database: Database,
    user: UUID,
    question: str,
    *,
    moment: datetime = NOW,
    notes: tuple[str, ...] = (),
    collections: tuple[UUID, ...] | None = None,
    is_temporary: bool = False,
) -> Turn:
    """A turn of the page to which nothing was found. notes: what the answer said beside."""
    turns, viewer = PostgresTurns(database), Viewer(user)
    turn = Turn(
        uuid4(),
        uuid4(),
        question,
        "answer-with-sources",
        "running",
        moment,
        collection_ids=collections,
        language="es",
    )
    await turns.begin(viewer, turn, "title", is_temporary=is_temporary)
    end = TurnEvent(1, "done", 0, {"kind": "refused", "notes": [*notes, "nothing_found"]})
    await turns.finish(viewer, turn.id, "done", "No hay nada.", [end])
    return turn


async def _collection(owner_url: str, user: UUID, name: str) -> UUID:
    number = uuid4()
    statement = "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (%s, %s, %s, %s)"
    as_owner(owner_url, statement, (number, name, user, user))
    return number


# Who may ----------------------------------------------------------------------------------------------------


async def test_insights_are_for_administrators_and_auditors(office: Office) -> None:
    """A 403 for people, a 401 for nobody; auditors are told numbers, and never a word."""
    assert (await office.get("/insights", "ana")).status_code == 403
    assert (await office.worker.client.get("/api/insights")).status_code == 401
    told = await office.ok("/insights", "auditor")
    assert told["unanswered"]["questions"] is None and told["disliked"]["data"] is None
    told = await office.ok("/insights")
    assert told["unanswered"]["questions"] == [] and told["disliked"]["data"] == []
    assert (await office.get("/insights", period="year")).status_code == 400
    assert (await office.get("/insights", format="csv")).status_code == 400


# Errors -----------------------------------------------------------------------------------------------------


async def test_the_same_error_is_told_once(office: Office, owner_url: str, database: Database) -> None:
    """By code and route: how often, whom it met, since when, and the latest one's id; against the week before."""
    ana, bea = office.ids["ana"], office.ids["bea"]
    away = RequestEnd("failed", error_code="engine_unavailable")
    await asked(owner_url, ana, NOW - timedelta(hours=3), away)
    parent = await asked(owner_url, bea, NOW - timedelta(hours=2), away, "answer-with-sources")
    await asked(
        owner_url, bea, NOW - timedelta(hours=2), away, part_of=parent
    )  # the same failure, deeper down
    latest = await asked(owner_url, bea, NOW - timedelta(hours=1), away)
    await asked(owner_url, ana, LAST_WEEK, away)
    await asked(owner_url, ana, LAST_WEEK, RequestEnd("refused", error_code="queue_full"))
    await asked(owner_url, ana, NOW, RequestEnd("completed"))
    async with database.transaction() as connection:
        await record_event(connection, AccountEvent("sign_in.failed", None, ana, address="203.0.113.7"))

    errors = (await office.ok("/insights", "auditor"))["errors"]
    first, second = errors["data"]

    assert (errors["count"], errors["before"]) == (4, 2)
    assert (first["code"], first["route"], first["source"]) == (
        "engine_unavailable",
        "/v1/chat/completions",
        "request",
    )
    assert (first["count"], first["before"], first["people"]) == (3, 1, 2)
    assert (first["lookup"], first["models"]) == (str(latest), ["answer-with-sources", "llama"])
    assert first["message"] and first["first_at"] < first["last_at"]
    assert (second["source"], second["code"], second["message"] is None) == (
        "account",
        "sign_in_failed",
        False,
    )


async def test_documents_jobs_and_turns_that_failed_are_among_the_errors(
    office: Office, owner_url: str, database: Database
) -> None:
    """Without a name of a document; a turn whose engine failed is told as the request that it was."""
    ana = office.ids["ana"]
    collection, file = await _collection(owner_url, ana, SECRET), uuid4()
    uploaded = (
        "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose) "
        "VALUES (%s, %s, %s, 'text/plain', 1, decode(repeat('00', 32), 'hex'), 'assistants')"
    )
    as_owner(owner_url, uploaded, (file, ana, f"{SECRET}.txt"))
    failed = (
        "INSERT INTO collection_files (collection_id, file_id, owner_id, status, error_code, error_message, "
        "size_bytes, finished_at) VALUES (%s, %s, %s, 'failed', 'document_encrypted', %s, 1, now())"
    )
    as_owner(owner_url, failed, (collection, file, ana, SECRET))
    job = "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('documents', 'ingest', %s)"
    as_owner(owner_url, job, ("failed",))
    as_owner(
        owner_url,
        "INSERT INTO procrastinate_events (job_id, type) SELECT id, 'failed' FROM procrastinate_jobs",
    )
    turns, viewer = PostgresTurns(database), Viewer(ana)
    for code, is_known in (("index_unavailable", False), ("engine_unavailable", True)):
        turn = Turn(uuid4(), uuid4(), SECRET, "answer-with-sources", "running", NOW)
        await turns.begin(viewer, turn, SECRET)
        await turns.finish(viewer, turn.id, "failed", "", [TurnEvent(1, "error", 0, {"code": code})])
        if is_known:
            await asked(
                owner_url, ana, NOW, RequestEnd("failed", error_code=code), request_id=turn.request_id
            )

    answer = await office.get("/insights", part="errors", period="day")
    found = {(one["source"], one["code"]): one for one in answer.json()["errors"]["data"]}

    assert SECRET not in answer.text
    assert found.keys() == {
        ("document", "document_encrypted"),
        ("job", "job_broke"),
        ("turn", "index_unavailable"),
        ("request", "engine_unavailable"),
    }
    assert found["document", "document_encrypted"]["lookup"] == f"ingest-{collection.hex}-{file.hex}"
    assert found["request", "engine_unavailable"]["lookup"] == turn.request_id


# Unanswered -------------------------------------------------------------------------------------------------


async def test_unanswered_questions_are_counted_and_their_words_stay_private(
    office: Office, database: Database, owner_url: str
) -> None:
    """By collection and language; a collection that the reader does not see has no name, and no text is told."""
    ana, bea, admin = (office.ids[name] for name in ("ana", "bea", "admin"))
    private, seen = await _collection(owner_url, ana, SECRET), await _collection(owner_url, admin, "Manuals")
    await _refused(database, ana, f"¿Dónde está {SECRET}?", collections=(private,))
    await _refused(database, ana, f"¿Dónde está {SECRET}?", notes=(QUESTION_READ,))
    await _refused(database, bea, f"donde esta {SECRET}", collections=(seen,))
    await _refused(database, bea, SECRET, moment=LAST_WEEK)
    await _refused(database, bea, SECRET, is_temporary=True)
    programs = RequestEnd("completed", finish_reason="nothing_found")
    await asked(owner_url, bea, NOW - timedelta(hours=1), programs, "answer-with-sources")

    for who in ("admin", "auditor"):
        answer = await office.get("/insights", who, part="unanswered")
        told = answer.json()["unanswered"]
        assert (
            SECRET not in answer.text and str(private) not in answer.text and private.hex not in answer.text
        )
        assert (told["count"], told["before"], told["by_programs"], told["people"]) == (4, 1, 1, 2)
        assert (told["readable"], told["shows_questions"]) == (0, False)
    told = (await office.ok("/insights", part="unanswered"))["unanswered"]
    places = {(one["collection"], one["private"]): one for one in told["places"]}
    assert places.keys() == {(None, True), (None, False), ("Manuals", False)}
    assert {one["language"] for one in told["places"]} == {"es"}
    assert (told["questions"], (await office.ok("/audit", action="questions.read"))["data"]) == ([], [])


async def test_a_question_that_was_shared_with_a_rating_is_read(office: Office, database: Database) -> None:
    """By administrators alone, until its conversation is deleted."""
    ana = office.ids["ana"]
    turn = await _refused(database, ana, "¿Cuántos días de vacaciones hay?")
    await _refused(database, ana, SECRET)
    await PostgresTurns(database).rate(
        Viewer(ana), turn.id, Feedback("down", "wrong", "nada", shares_text=True)
    )

    told = (await office.ok("/insights"))["unanswered"]
    assert [one["question"] for one in told["questions"]] == ["¿Cuántos días de vacaciones hay?"]
    assert (told["count"], told["readable"]) == (2, 1)
    assert (await office.ok("/insights", "auditor"))["unanswered"]["questions"] is None
    async with database.viewing(Viewer(ana)) as connection:
        await connection.execute("UPDATE conversations SET deleted_at = now()")
    told = (await office.ok("/insights"))["unanswered"]
    assert (told["questions"], told["count"]) == ([], 0)


async def test_who_was_told_is_read_and_the_audit_says_so(
    reading_office: Office, database: Database, owner_url: str
) -> None:
    """Similar words are one question, with the collections that the reader sees; each reading is one line."""
    office, told_so = reading_office, (QUESTION_READ,)
    ana, bea, admin = (office.ids[name] for name in ("ana", "bea", "admin"))
    seen = await _collection(owner_url, admin, "Manuals")
    await _refused(database, ana, "¿Cuántos días de vacaciones tengo?", notes=told_so, collections=(seen,))
    await _refused(database, bea, "dias de vacaciones", notes=told_so)
    await _refused(database, bea, "¿Qué hago con un pinchazo del camión?", notes=told_so)
    await _refused(database, bea, SECRET)  # asked before the setting was on: nobody was told
    await _refused(database, bea, SECRET, notes=told_so, is_temporary=True)

    answer = await office.get("/insights", part="unanswered")
    told = answer.json()["unanswered"]
    audit = (await office.ok("/audit", "auditor", kind="question"))["data"]

    assert SECRET not in answer.text
    assert [(one["count"], one["people"], one["collections"]) for one in told["questions"]] == [
        (2, 2, ["Manuals"]),
        (1, 1, []),
    ]
    assert (told["count"], told["readable"], told["shows_questions"]) == (4, 3, True)
    assert [(line["actor"], line["detail"]["questions"]) for line in audit] == [
        ((await office.ok("/me"))["email"], 3)
    ]
    rows = table_of(
        await office.get("/insights", part="unanswered", format="csv", separator="semicolon"), ";"
    )
    assert [row["count"] for row in rows if row["question"]] == ["2", "1"]


# Slow -------------------------------------------------------------------------------------------------------


def _took(total_ms: float, wait_ms: float | None = None, **more: Any) -> RequestEnd:
    return RequestEnd(
        "completed",
        "local",
        Usage(900, 200),
        ttft_ms=total_ms / 4,
        total_ms=total_ms,
        wait_ms=wait_ms,
        **more,
    )


async def test_slow_answers_are_told_with_where_their_time_went(office: Office, owner_url: str) -> None:
    """Queue, documents and engine of those beyond the 95th percentile of their model; also of days added up."""
    ana = office.ids["ana"]
    for number in range(20):
        await asked(owner_url, ana, NOW - timedelta(days=number % 5, hours=1), _took(1000, 100))
    await asked(owner_url, ana, NOW - timedelta(hours=1), _took(60_000, 50_000))
    parent = await asked(
        owner_url, ana, NOW - timedelta(days=3), replace(_took(30_000), wait_ms=None), "answer-with-sources"
    )
    call = _took(20_000, 5_000)
    await asked(owner_url, ana, NOW - timedelta(days=3), call, part_of=parent, request_id=str(parent))
    await asked(owner_url, ana, LAST_WEEK, _took(500, 1))

    slow = (await office.ok("/insights", "auditor", part="slow"))["slow"]
    again = (await office.ok("/insights", part="slow"))["slow"]
    llama, pipeline = slow["models"]
    parts = ("queue_ms", "documents_ms", "engine_ms")

    assert slow == again and as_owner(owner_url, "SELECT count(*) > 0 FROM answer_days") == [(True,)]
    assert (llama["model"], llama["answers"], llama["before_answers"]) == ("llama", 21, 1)
    assert llama["total_p50"] == pytest.approx(1000, rel=0.03) and llama["first_p50"] == pytest.approx(
        250, rel=0.03
    )
    assert llama["before_total_p95"] == pytest.approx(500, rel=0.03)
    assert (pipeline["model"], pipeline["answers"], pipeline["queue_p95"]) == ("answer-with-sources", 1, None)
    assert [[one[part] for part in parts] for one in slow["answers"][:2]] == [
        [50_000, 0, 10_000],
        [5_000, 10_000, 15_000],
    ]
    assert slow["answers"][1]["request_id"] == str(parent)
    rows = table_of(await office.get("/insights", part="slow", format="csv"))
    assert rows[0]["queue_ms"] == "50000"


# Disliked ---------------------------------------------------------------------------------------------------


async def test_bad_answers_are_counted_by_reason_and_model(office: Office, database: Database) -> None:
    """Administrators read what people wrote to them, with the question where they let it be read; never who."""
    ana, bea = office.ids["ana"], office.ids["bea"]
    turns = PostgresTurns(database)
    shared, kept = [await _refused(database, user, f"{SECRET} of {user}") for user in (ana, bea)]
    await turns.rate(Viewer(ana), shared.id, Feedback("down", "wrong", "not so", shares_text=True))
    await turns.rate(Viewer(bea), kept.id, Feedback("down", "slow"))
    liked = await _refused(database, ana, "thanks")
    await turns.rate(Viewer(ana), liked.id, Feedback("up"))

    told = (await office.ok("/insights", part="disliked"))["disliked"]
    audited = await office.get("/insights", "auditor", part="disliked")

    assert (told["count"], told["up"], told["before"]) == (2, 1, 0)
    assert (told["reasons"], told["models"]) == ({"slow": 1, "wrong": 1}, {"answer-with-sources": 2})
    questions = {one["reason"]: one["question"] for one in told["data"]}
    assert questions == {"wrong": f"{SECRET} of {ana}", "slow": None}
    assert "not so" not in audited.text and SECRET not in audited.text
    assert {**audited.json()["disliked"], "data": told["data"]} == told
    assert "ana@box.example" not in json.dumps(told)
    assert len(table_of(await office.get("/insights", part="disliked", format="csv"))) == 3


async def test_nobody_reads_the_words_beneath_the_route(office: Office, database: Database) -> None:
    """What gives out words in the database asks who looks, whatever the gateway wants to know."""
    ana, bea = office.ids["ana"], office.ids["bea"]
    await _refused(database, ana, SECRET, notes=(QUESTION_READ,))
    query = "SELECT question FROM unanswered_questions(now() - interval '1 day', now() + interval '1 day', true, 10)"
    counts = (
        "SELECT count(*) FROM unanswered_counts(now() - interval '1 day', now() + interval '1 day', '{}')"
    )

    async with database.viewing(Viewer(bea)) as connection:
        seen = [await (await connection.execute(one)).fetchall() for one in (query, counts)]
        added = await (await connection.execute("SELECT add_up_answer_times(1)")).fetchone()

    assert seen == [[], [(0,)]] and added == (0,)
