"""Turns over HTTP: whose they are, how they are followed, stopped and found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.identity import SECURE_COOKIE
from appliance.bootstrap.turns import join_turns
from appliance.domain.answers import Finished, TextDelta, Waiting
from appliance.storage.database import Database
from appliance.storage.turn_log import ValkeyTurnLog
from appliance.storage.turns import PostgresTurns
from inference.errors import EngineUnavailable
from tests.page_box import QUESTIONS, PageBox, ScriptedAnswerer, make_box, sse

END = Finished("written", model="tiny")


@pytest.fixture
async def box(database: Database, valkey: Redis, tmp_path: Path) -> AsyncIterator[PageBox]:
    """The page's rooms without a ui process."""
    made = make_box(database, valkey, tmp_path / "no-ui.sock")
    for name in ("ana", "luis"):
        made.people.add(f"{name}@example.org")
    await made.page.open()
    yield made
    await made.page.close()


def _client(box: PageBox, email: str | None = "ana@example.org") -> httpx.AsyncClient:
    cookies = {SECURE_COOKIE: box.people.sign_in(email)} if email else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=box),
        base_url="http://127.0.0.1",
        cookies=cookies,
        headers={"sec-fetch-site": "same-origin"},
        timeout=120,
    )


async def _ask(client: httpx.AsyncClient, question: str = "How many?", **more: Any) -> dict[str, str]:
    answer = await client.post("/api/turns", json={"question": question, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def _events(
    client: httpx.AsyncClient, turn_id: str, **query: Any
) -> list[tuple[int, str, dict[str, Any]]]:
    answer = await client.get(f"/api/turns/{turn_id}/events", params=query)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return sse(answer.text)


async def test_a_question_is_answered_with_citations_and_figures(box: PageBox) -> None:
    """What the page draws arrives: status, blocks with marked words, the passage of each citation, the end."""
    async with _client(box) as client:
        turn = await _ask(client)
        events = await _events(client, turn["id"])

    kinds = [kind for _, kind, _ in events]
    data = {kind: data for _, kind, data in events}
    html = "".join(data["html"] for _, kind, data in events if kind == "block")
    (citation,) = data["citations"]["citations"]
    assert kinds[0] == "status"
    assert kinds[-1] == "done"
    assert '<mark class="match">23 days</mark>' in html
    assert citation["filename"] == "employee-handbook.pdf"
    assert citation["page"] == 12
    assert citation["quote"] in citation["passage"]
    assert data["done"]["kind"] == "quoted"
    assert data["done"]["total_ms"] >= data["done"]["ttft_ms"] >= 0


async def test_a_turn_of_somebody_else_does_not_exist(box: PageBox) -> None:
    """Another person gets 404 on every route of a turn and its conversation, and cannot continue it."""
    async with _client(box) as ana, _client(box, "luis@example.org") as luis:
        turn = await _ask(ana)
        await _events(ana, turn["id"])
        own = (await ana.get(f"/api/turns/{turn['id']}/trace")).json()
        assert (own["request_id"], own["trace_id"]) == (f"turn-{turn['id']}", None)
        conversation = turn["conversation_id"]
        answers = [
            await luis.get(f"/api/turns/{turn['id']}/events"),
            await luis.get(f"/api/turns/{turn['id']}/trace"),
            await luis.post(f"/api/turns/{turn['id']}/stop"),
            await luis.get(f"/api/conversations/{conversation}"),
            await luis.delete(f"/api/conversations/{conversation}"),
            await luis.post("/api/turns", json={"question": "And?", "conversation_id": conversation}),
        ]
        listed = (await luis.get("/api/conversations")).json()["data"]
        kept = (await ana.get(f"/api/conversations/{conversation}")).json()["turns"]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert {answer.json()["error"]["code"] for answer in answers} == {"not_found"}
    assert listed == []
    assert len(kept) == 1


async def test_row_level_security_alone_keeps_turns_apart(box: PageBox, database: Database) -> None:
    """Without a viewer the tables are empty, whatever a query asks for."""
    async with _client(box) as client:
        await _events(client, (await _ask(client))["id"])

    async with database.connection() as connection:
        for table in ("conversations", "turns", "turn_events"):
            rows = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await rows.fetchone() == (0,), table


@pytest.mark.parametrize(
    "path",
    ["/api/turns/{id}/events", "/api/turns/{id}/trace", "/api/conversations", "/api/conversations/{id}"],
)
async def test_nobody_reads_without_signing_in(box: PageBox, path: str) -> None:
    """Every route asks who is there before it looks anything up."""
    async with _client(box, None) as client:
        answer = await client.get(path.format(id=uuid4()))

    assert answer.status_code == 401


async def test_following_resumes_where_it_was_cut_off(box: PageBox) -> None:
    """`after=` and Last-Event-ID give exactly the events behind that number, live or saved."""
    async with _client(box) as client:
        turn = await _ask(client)
        everything = await _events(client, turn["id"])
        cut = everything[2][0]

        by_query = await _events(client, turn["id"], after=cut)
        answer = await client.get(f"/api/turns/{turn['id']}/events", headers={"last-event-id": str(cut)})

    latest = {(kind, data["slot"]): (seq, kind, data) for seq, kind, data in everything}
    expected = sorted((one for one in latest.values() if one[0] > cut), key=lambda one: one[0])
    assert by_query == expected
    assert sse(answer.text) == expected


async def test_a_page_that_comes_back_draws_the_answer_from_the_conversation(box: PageBox) -> None:
    """A conversation is found again with its blocks, citations and end, under a title of its first words."""
    async with _client(box) as client:
        turn = await _ask(client, "How many days of holiday do I have?")
        events = await _events(client, turn["id"])
        again = (await client.get(f"/api/conversations/{turn['conversation_id']}")).json()
        listed = (await client.get("/api/conversations")).json()["data"]

    (found,) = again["turns"]
    assert again["title"] == "How many days of holiday do I have?"
    assert [one["id"] for one in listed] == [turn["conversation_id"]]
    assert found["status"] == "done"
    shown = {data["slot"]: data["html"] for _, kind, data in events if kind == "block"}
    assert found["blocks"] == [shown[slot] for slot in sorted(shown)]
    assert found["citations"][0]["index"] == 1
    assert found["done"]["kind"] == "quoted"


async def test_the_conversation_so_far_goes_with_the_next_question(box: PageBox, valkey: Redis) -> None:
    """The model is told what was said, from Valkey or, where that has forgotten, from PostgreSQL."""
    box.answerer.script = lambda request: [TextDelta(f"About {request.question}"), END]
    async with _client(box) as client:
        first = await _ask(client, "dogs")
        await _events(client, first["id"])
        for question, forget in (("cats", False), ("birds", True)):
            if forget:
                await valkey.flushall()
            turn = await _ask(client, question, conversation_id=first["conversation_id"])
            await _events(client, turn["id"])

    told = [[message.content for message in request.messages] for _, request in box.answerer.asked]
    assert told[1] == ["dogs", "About dogs", "cats"]
    assert told[2] == ["dogs", "About dogs", "cats", "About cats", "birds"]


async def test_stopping_keeps_what_was_written_and_closes_the_engine(box: PageBox) -> None:
    """Stop ends the answer for the reader and for the engine behind it."""
    box.answerer.script = lambda _request: [TextDelta("Half an ans"), asyncio.Event().wait(), END]
    async with _client(box) as client:
        turn = await _ask(client)
        following = asyncio.create_task(_events(client, turn["id"]))
        while not await box.page.turns._log.read(turn["id"], 1, 0.05):  # type: ignore[arg-type]
            pass
        stopped = await client.post(f"/api/turns/{turn['id']}/stop")
        events = await following
        (found,) = (await client.get(f"/api/conversations/{turn['conversation_id']}")).json()["turns"]

    assert stopped.status_code == 204
    assert events[-1][1] == "done"
    assert events[-1][2]["finish_reason"] == "stopped"
    assert found["status"] == "stopped"
    assert found["answer"] == "Half an ans"
    assert box.answerer.closed == 1


async def test_another_process_can_stop_a_turn(box: PageBox, database: Database, valkey: Redis) -> None:
    """A stop reaches the process that writes, whichever one it was asked of."""
    box.answerer.script = lambda _request: [TextDelta("On and on"), asyncio.Event().wait(), END]
    other, _ = join_turns(database, valkey, ScriptedAnswerer())
    async with _client(box) as client:
        turn = await _ask(client)
        caller = box.people.by_email["ana@example.org"]
        await other.stop(caller, turn["id"])  # type: ignore[arg-type]
        events = await _events(client, turn["id"])

    assert events[-1][2]["finish_reason"] == "stopped"


async def test_a_turn_whose_writer_died_is_interrupted_for_every_reader(
    box: PageBox, database: Database, valkey: Redis
) -> None:
    """No lease and no end: the first reader settles it, what was written stays, and nobody waits for ever."""
    repository, log = PostgresTurns(database), ValkeyTurnLog(valkey)
    box.answerer.script = lambda _request: [TextDelta("Half"), asyncio.Event().wait()]
    async with _client(box) as client:
        turn = await _ask(client)
        while not any(event.kind == "block" for event in await log.read(turn["id"], 0, 0.05)):  # type: ignore[arg-type]
            pass
        # Dies as by kill -9: no last words, and the lease runs out.
        writer, task = box.page.turns._tasks.pop(next(iter(box.page.turns._tasks)))
        writer._log = writer._repository = _Nowhere()  # type: ignore[assignment]
        task.cancel()
        await valkey.delete(f"turn:{turn['id']}:lease")

        events = await _events(client, turn["id"])
        again = await _events(client, turn["id"])
        (found,) = (await client.get(f"/api/conversations/{turn['conversation_id']}")).json()["turns"]

    assert events[-1][1:] == ("error", {"code": "turn_interrupted", "slot": 0})
    assert again[-1] == events[-1]
    assert found["status"] == "interrupted"
    assert "Half" in found["blocks"][0]
    viewer = box.people.by_email["ana@example.org"].viewer
    assert not (await repository.turn(viewer, turn["id"])).is_running  # type: ignore[arg-type]


class _Nowhere:
    """Where the words of a dead writer go."""

    def __getattr__(self, _name: str) -> Any:
        async def nothing(*_: Any) -> bool:
            return False

        return nothing


async def test_closing_the_gateway_interrupts_what_it_writes(box: PageBox) -> None:
    """A restart tells readers at once instead of letting them wait for a lease to run out."""
    box.answerer.script = lambda _request: [TextDelta("Half"), asyncio.Event().wait()]
    async with _client(box) as client:
        turn = await _ask(client)
        following = asyncio.create_task(_events(client, turn["id"]))
        await box.page.turns.close()
        events = await following

    assert events[-1][1:] == ("error", {"code": "turn_interrupted", "slot": 0})


async def test_waiting_and_refusals_reach_the_page(box: PageBox) -> None:
    """A place in the queue is told as it changes, and an engine's refusal ends the turn with its code."""
    box.answerer.script = lambda _request: [Waiting(3, 4.5), EngineUnavailable("local")]
    async with _client(box) as client:
        turn = await _ask(client)
        events = await _events(client, turn["id"])

    queued = next(data for _, kind, data in events if kind == "status" and data["state"] == "queued")
    assert (queued["position"], queued["eta_s"]) == (3, 4.5)
    assert events[-1][1] == "error"
    assert events[-1][2]["code"] == "engine_unavailable"


async def test_an_open_stream_ends_when_the_session_does(box: PageBox) -> None:
    """Signing out, suspension and revocation reach a page that is only listening."""
    box.answerer.script = lambda _request: [TextDelta("Half"), asyncio.Event().wait()]
    async with _client(box) as client:
        turn = await _ask(client)
        following = asyncio.create_task(_events(client, turn["id"]))
        await box.was_asked("GET", f"/api/turns/{turn['id']}/events")
        box.people.sessions.clear()
        events = await following

    assert events[-1][1] == "error"
    assert events[-1][2]["code"] == "invalid_api_key"


async def test_deleting_a_conversation_takes_everything_along(
    box: PageBox, maintenance_database: Database, valkey: Redis
) -> None:
    """Nothing of it stays in the tables or in the prompt's memory."""
    async with _client(box) as client:
        turn = await _ask(client)
        await _events(client, turn["id"])
        await client.delete(f"/api/conversations/{turn['conversation_id']}?now=true")
        gone = await client.get(f"/api/turns/{turn['id']}/events")

    assert gone.status_code == 404
    async with maintenance_database.connection() as connection:
        for table in ("conversations", "turns", "turn_events"):
            rows = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await rows.fetchone() == (0,), table
    assert not [key for key in await valkey.keys("*") if b"memory" in key or turn["id"].encode() in key]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": "   "}, "question"),
        ({"question": 7}, "question"),
        ({"question": "x", "model": ""}, "model"),
        ({"question": "x", "conversation_id": "7"}, "conversation_id"),
        ({"question": "x", "vector_store_ids": ["nonsense"]}, "vector_store_ids"),
        ({"question": "x", "language": "de"}, "language"),
        ({"question": "x", "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_field_is_named(box: PageBox, body: dict[str, Any], field: str) -> None:
    """A 4xx in OpenAI's shape says which field is wrong."""
    async with _client(box) as client:
        answer = await client.post("/api/turns", json=body)

    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["param"] == field


async def test_six_suggestions_are_offered(box: PageBox) -> None:
    """The questions of the sample collection, in the order they were written."""
    async with _client(box) as client:
        data = (await client.get("/api/suggestions")).json()["data"]

    assert [one["text"] for one in data] == [one["text"] for one in QUESTIONS]
