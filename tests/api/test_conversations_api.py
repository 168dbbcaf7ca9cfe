"""Conversations over HTTP: a tree of turns, marks, search, export, deleting and having back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from appliance.domain.answers import AnswerRequest, Cost, Finished, Restarted, TextDelta, TurnEvent
from appliance.storage.database import Database
from inference.types import Usage
from tests.administration_world import as_owner
from tests.api.conversing import END, Browser, ana, box, echoing, exported, luis, told
from tests.page_box import PageBox, make_box, quoted, sse

__all__ = ["ana", "box", "luis"]


# The tree -----------------------------------------------------------------------------------------------


async def test_an_edited_question_is_a_version_beside_the_first(box: PageBox, ana: Browser) -> None:
    """What followed the first stays under it; the new one begins its own path, told of nothing that came later."""
    first = await ana.ask("dogs")
    await ana.ask("cats", conversation_id=first["conversation_id"])
    edited = await ana.version(first, question="birds")
    (shown,) = await ana.path(first["conversation_id"])

    assert edited["previous_id"] is None and edited["conversation_id"] == first["conversation_id"]
    assert shown["question"] == "birds" and shown["answer"] == "About birds."
    assert shown["version"] == {"index": 2, "count": 2, "ids": [first["id"], edited["id"]]}
    assert told(box)[-1] == ["birds"]


async def test_leafing_back_shows_all_that_followed(ana: Browser) -> None:
    """‹1/2› brings back the whole path behind the first version, down to what was asked last."""
    first = await ana.ask("dogs")
    second = await ana.ask("cats", conversation_id=first["conversation_id"])
    await ana.version(first, question="birds")
    back = await ana.ok(
        "PATCH", f"/conversations/{first['conversation_id']}", {"current_turn_id": first["id"]}
    )

    assert back["current_turn_id"] == second["id"]
    assert await ana.questions(first["conversation_id"]) == ["dogs", "cats"]


async def test_a_question_follows_the_path_that_is_shown(box: PageBox, ana: Browser) -> None:
    """After leafing, the model is told of that path alone, from Valkey and from PostgreSQL alike."""
    first = await ana.ask("dogs")
    chat = first["conversation_id"]
    await ana.ask("cats", conversation_id=chat)
    birds = await ana.version(first, question="birds")
    await ana.ask("fish", conversation_id=chat)
    assert told(box)[-1] == ["birds", "About birds.", "fish"]

    await ana.ok("PATCH", f"/conversations/{chat}", {"current_turn_id": first["id"]})
    await ana.ask("cows", conversation_id=chat)
    await ana.ask("bees", previous_id=birds["id"])

    assert told(box)[-2] == ["dogs", "About dogs.", "cats", "About cats.", "cows"]
    assert told(box)[-1] == ["birds", "About birds.", "bees"]
    assert await ana.questions(chat) == ["birds", "bees"]


async def test_questions_of_the_same_moment_never_stand_beside_each_other(box: PageBox, ana: Browser) -> None:
    """Of six that are sent at once one is answered; the others are told to wait, and are no versions of it."""
    may_end = asyncio.Event()
    box.answerer.script = lambda request: [may_end.wait(), *echoing(request)]
    chat = (await ana.ok("POST", "/conversations"))["id"]

    async def ask(number: int) -> httpx.Response:
        return await ana.call("POST", "/turns", {"question": f"q{number}", "conversation_id": chat})

    answers = await asyncio.gather(*(ask(number) for number in range(6)))
    (begun,) = [one.json() for one in answers if one.status_code == 201]
    refused = [one.json()["error"]["code"] for one in answers if one.status_code == 409]
    late = await ana.call("POST", "/turns", {"question": "late", "previous_id": begun["id"]})
    may_end.set()
    await ana.ended(begun)
    await ana.ask("next", conversation_id=chat)
    first, second = await ana.path(chat)

    assert refused == ["answer_in_progress"] * 5 and late.json()["error"]["code"] == "answer_in_progress"
    assert (first["id"], second["question"], second["previous_id"]) == (begun["id"], "next", begun["id"])
    assert first["version"]["count"] == second["version"]["count"] == 1


async def test_a_question_follows_one_that_was_answered_while_it_came_in(box: PageBox, ana: Browser) -> None:
    """Ten at once whose answers take no time: each is refused or has its place in one line, none is a branch."""
    chat = (await ana.ask("first"))["conversation_id"]

    async def ask(number: int) -> int:
        answer = await ana.call("POST", "/turns", {"question": f"q{number}", "conversation_id": chat})
        if answer.status_code == 201:
            await ana.ended(answer.json())
        return answer.status_code

    statuses = await asyncio.gather(*(ask(number) for number in range(10)))
    path = await ana.path(chat)

    assert set(statuses) <= {201, 409} and 201 in statuses
    assert len(path) == 1 + statuses.count(201)
    assert [turn["version"]["count"] for turn in path] == [1] * len(path)


async def test_regenerating_asks_the_same_of_another_model(box: PageBox, ana: Browser) -> None:
    """Without a new question: the same one, the same collections, told of the same past."""
    store = f"vs_{uuid4().hex}"
    first = await ana.ask("dogs")
    second = await ana.ask("cats", conversation_id=first["conversation_id"], vector_store_ids=[store])
    again = await ana.version(second, model="other")
    asked = [request for _, request in box.answerer.asked]

    assert again["previous_id"] == first["id"]
    assert told(box)[-1] == told(box)[-2]
    assert asked[-1].model == "other" and asked[-1].collection_ids == asked[-2].collection_ids is not None


async def test_an_answer_that_broke_off_is_completed(box: PageBox, ana: Browser) -> None:
    """The version beside it begins with what was written, and the answerer is told how far that went."""
    box.answerer.script = lambda _request: [TextDelta("Half an ans"), asyncio.Event().wait()]
    turn = await ana.ok("POST", "/turns", {"question": "dogs"})
    while not await box.page.turns._log.text(turn["id"]):  # type: ignore[arg-type]
        pass
    await ana.ok("POST", f"/turns/{turn['id']}/stop")
    await ana.ended(turn)
    box.answerer.script = lambda _request: [TextDelta("wer."), END]
    resumed = await ana.ended(await ana.ok("POST", f"/turns/{turn['id']}/continue"))
    (shown,) = await ana.path(turn["conversation_id"])

    assert (shown["answer"], shown["status"]) == ("Half an answer.", "done")
    assert shown["continues_id"] == turn["id"] and shown["version"]["count"] == 2
    assert "".join(shown["blocks"]) == "<p>Half an answer.</p>\n"
    assert box.answerer.asked[-1][1].partial == "Half an ans"
    assert (await ana.call("POST", f"/turns/{resumed['id']}/continue")).status_code == 409


async def test_an_answer_is_followed_by_another_gateway_from_where_it_was_left(
    box: PageBox, ana: Browser, database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """Another device, another process: the rest comes live, and a gateway that stops is told to whoever follows."""
    box.answerer.script = lambda _request: [TextDelta("One.\n\nTwo"), asyncio.Event().wait()]
    turn = await ana.ok("POST", "/turns", {"question": "Count."})
    log = box.page.turns._log
    seen: list[TurnEvent] = []
    async with asyncio.timeout(60):
        while not any(event.kind == "block" for event in seen):
            seen = await log.read(UUID(turn["id"]), 0, 0.05)
    other = make_box(database, valkey, tmp_path / "no-ui-either.sock")
    other.people.by_email.update(box.people.by_email)
    phone = Browser(other, "ana")
    following = asyncio.create_task(phone.call("GET", f"/turns/{turn['id']}/events?after={seen[0].seq}"))
    await other.was_asked("GET", f"/api/turns/{turn['id']}/events")
    await box.page.turns.close()
    events = sse((await following).text)
    again = sse((await phone.call("GET", f"/turns/{turn['id']}/events?after={events[-2][0]}")).text)
    await phone.client.aclose()

    assert min(seq for seq, _, _ in events) > seen[0].seq
    assert events[-1][1:] == ("error", {"code": "turn_interrupted", "slot": 0})
    assert again == events[-1:]


async def test_an_answer_cut_by_its_length_is_completed(box: PageBox, ana: Browser) -> None:
    """`finish_reason: length` is no end either."""
    box.answerer.script = lambda _request: [TextDelta("One, two"), Finished("written", "length")]
    turn = await ana.ask("Count.")
    box.answerer.script = lambda _request: [TextDelta(", three."), END]

    await ana.ended(await ana.ok("POST", f"/turns/{turn['id']}/continue"))

    assert (await ana.path(turn["conversation_id"]))[0]["answer"] == "One, two, three."


async def test_an_answer_that_is_begun_anew_replaces_what_was_there(box: PageBox, ana: Browser) -> None:
    """Some ways to answer cannot go on: the page is left with the new text alone, and so is the memory."""
    box.answerer.script = lambda _request: [TextDelta("One.\n\nTwo.\n\nThr"), Finished("written", "length")]
    turn = await ana.ask("Count.")
    box.answerer.script = lambda _request: [Restarted(), TextDelta("All three."), END]
    await ana.ended(await ana.ok("POST", f"/turns/{turn['id']}/continue"))
    (shown,) = await ana.path(turn["conversation_id"])
    await ana.ask("And?", conversation_id=turn["conversation_id"])

    assert shown["answer"] == "All three."
    assert "".join(shown["blocks"]) == "<p>All three.</p>\n"
    assert told(box)[-1] == ["Count.", "All three.", "And?"]


async def test_long_conversations_are_paged(ana: Browser) -> None:
    """The last turns first; `before` a turn or a moment gives those above it."""
    turn = await ana.ask("0")
    chat = turn["conversation_id"]
    for number in range(1, 5):
        await ana.ask(str(number), conversation_id=chat)
    last = await ana.ok("GET", f"/conversations/{chat}?limit=2")
    middle = await ana.ok("GET", f"/conversations/{chat}?limit=2&before={last['turns'][0]['id']}")

    assert [one["question"] for one in last["turns"]] == ["3", "4"] and last["has_more"]
    assert [one["question"] for one in middle["turns"]] == ["1", "2"] and middle["has_more"]
    assert await ana.questions(chat, before=middle["turns"][0]["created_at"]) == ["0"]
    assert (await ana.call("GET", f"/conversations/{chat}?before={uuid4()}")).status_code == 400
    assert (await ana.call("GET", f"/conversations/{chat}?before=yesterday")).status_code == 400


async def test_a_turn_keeps_its_figures(ana: Browser) -> None:
    """Time to the first token, all of it, tokens, and who answered stay with the turn."""
    turn = await ana.ask("dogs")
    (shown,) = await ana.path(turn["conversation_id"])

    assert shown["usage"] == {"prompt_tokens": 12, "completion_tokens": 5}
    assert shown["served_by"] == "local:tiny" and shown["cost"] is None
    assert shown["total_ms"] >= shown["first_token_ms"] >= 0
    assert datetime.fromisoformat(shown["finished_at"]) >= datetime.fromisoformat(shown["created_at"])


async def test_a_turn_costs_what_its_calls_cost(box: PageBox, ana: Browser) -> None:
    """All calls of an answer together, in the last event and with the turn; of a stopped one what was used by then."""

    def priced(request: AnswerRequest) -> list[Any]:
        assert request.on_used is not None
        request.on_used(Usage(100, 10), Cost(0.002, "EUR"))
        request.on_used(Usage(5, 5), Cost(0.0005, "EUR"))
        return echoing(request)

    box.answerer.script = priced
    turn = await ana.ask("dogs")
    (shown,) = await ana.path(turn["conversation_id"])
    may_end = asyncio.Event()
    box.answerer.script = lambda request: [*priced(request)[:1], may_end.wait()]
    stopped = await ana.ok("POST", "/turns", {"question": "cats", "conversation_id": turn["conversation_id"]})
    await ana.ok("POST", f"/turns/{stopped['id']}/stop")
    await ana.ended(stopped)
    _, cut = await ana.path(turn["conversation_id"])

    assert shown["cost"] == shown["done"]["cost"] == {"amount": 0.0025, "currency": "EUR"}
    assert shown["usage"] == {"prompt_tokens": 12, "completion_tokens": 5}
    assert (cut["status"], cut["cost"]) == ("stopped", {"amount": 0.0025, "currency": "EUR"})
    assert cut["usage"] == {"prompt_tokens": 105, "completion_tokens": 15}


# Feedback -----------------------------------------------------------------------------------------------


async def test_feedback_is_given_changed_and_taken_back(ana: Browser) -> None:
    """One opinion a turn, with its reason, shown with the turn."""
    turn = await ana.ask("dogs")
    down = {"rating": "down", "reason": "wrong", "comment": "It was 23.", "share_text": False}
    await ana.ok("PUT", f"/turns/{turn['id']}/feedback", {"rating": "up"})
    await ana.ok("PUT", f"/turns/{turn['id']}/feedback", down)
    (rated,) = await ana.path(turn["conversation_id"])
    await ana.ok("DELETE", f"/turns/{turn['id']}/feedback")
    (unrated,) = await ana.path(turn["conversation_id"])

    assert rated["feedback"] == down
    assert unrated["feedback"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "rating"), ({"rating": "sideways"}, "rating"), ({"rating": "up", "reason": "ugly"}, "reason")],
)
async def test_feedback_of_no_known_kind_is_refused(ana: Browser, body: dict[str, Any], field: str) -> None:
    """The field that is wrong is named."""
    turn = await ana.ask("dogs")
    answer = await ana.call("PUT", f"/turns/{turn['id']}/feedback", body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


# Lists and marks ----------------------------------------------------------------------------------------


async def _listed(browser: Browser, query: str = "") -> list[str]:
    return [one["title"] for one in (await browser.ok("GET", f"/conversations{query}"))["data"]]


async def test_pinned_and_archived_ones_are_listed_apart(ana: Browser) -> None:
    """Archived ones leave the list until they are asked for; names can be changed."""
    chats = [(await ana.ask(title))["conversation_id"] for title in ("one", "two", "three")]
    await ana.ok("PATCH", f"/conversations/{chats[0]}", {"pinned": True})
    await ana.ok("PATCH", f"/conversations/{chats[1]}", {"archived": True})
    renamed = await ana.ok("PATCH", f"/conversations/{chats[2]}", {"title": "  drei "})

    assert renamed["title"] == "drei"
    assert await _listed(ana) == ["drei", "one"]
    assert await _listed(ana, "?pinned=true") == ["one"]
    assert await _listed(ana, "?archived=true") == ["two"]


async def test_lists_are_paged(ana: Browser) -> None:
    """`has_more` and the last one's `updated_at`, which is a moment like any other, lead through them."""
    for number in range(3):
        await ana.ask(str(number))
    first = await ana.ok("GET", "/conversations?limit=2")
    rest = await ana.client.get("/api/conversations", params={"before": first["data"][-1]["updated_at"]})

    assert [one["title"] for one in first["data"]] == ["2", "1"] and first["has_more"]
    assert [one["title"] for one in rest.json()["data"]] == ["0"] and not rest.json()["has_more"]


async def test_lists_lose_and_repeat_nothing_where_times_are_equal(ana: Browser, owner_url: str) -> None:
    """`next` leads through conversations of one and the same moment, each of them once."""
    chats = {(await ana.ask(str(number)))["conversation_id"] for number in range(7)}
    as_owner(owner_url, "UPDATE conversations SET updated_at = '2026-03-01T09:00:00Z'")

    seen: list[str] = []
    query = {"limit": "2"}
    for _ in range(4):
        page = (await ana.client.get("/api/conversations", params=query)).json()
        seen += [one["id"] for one in page["data"]]
        query["before"] = page["next"]

    assert (len(seen), set(seen), page["has_more"], page["next"]) == (7, chats, False, None)
    assert (await ana.call("GET", "/conversations?before=2026-03-01T09:00:00Z_nothing")).status_code == 400
    assert (await ana.call("GET", "/conversations?before=yesterday")).status_code == 400


async def test_running_and_unread_are_marked(box: PageBox, ana: Browser) -> None:
    """An answer that ended after its person last looked is unread until they say that they have read it."""
    may_end = asyncio.Event()
    box.answerer.script = lambda _request: [TextDelta("Slow."), may_end.wait(), END]
    turn = await ana.ok("POST", "/turns", {"question": "dogs"})
    (running,) = (await ana.ok("GET", "/conversations"))["data"]
    may_end.set()
    await ana.ended(turn)
    (ended,) = (await ana.ok("GET", "/conversations"))["data"]
    read = await ana.ok("PATCH", f"/conversations/{turn['conversation_id']}", {"read": True})

    assert (running["running"], running["unread"]) == (True, False)
    assert (ended["running"], ended["unread"]) == (False, True)
    assert read["unread"] is False


# Search -------------------------------------------------------------------------------------------------


async def test_search_finds_titles_questions_and_answers(ana: Browser) -> None:
    """Without accents and capitals, words by their beginning, all of them; the best first, with the place marked."""
    chat = (await ana.ask("¿Cuándo pagáis la NÓMINA de julio?"))["conversation_id"]
    await ana.ask("Nothing of it")
    titled = (await ana.ask("Holidays"))["conversation_id"]
    await ana.ok("PATCH", f"/conversations/{chat}", {"title": "Julio"})
    await ana.ok("PATCH", f"/conversations/{titled}", {"title": "Nóminas"})
    found = (await ana.ok("GET", "/conversations?q=nomina"))["data"]

    assert [one["id"] for one in found] == [titled, chat]
    snippet = found[1]["snippet"]
    assert {snippet["text"][start:end] for start, end in snippet["marks"]} == {"NÓMINA"}
    assert await _listed(ana, "?q=julio+nom") == ["Julio"]
    assert await _listed(ana, "?q=julio+holidays") == []


@pytest.mark.parametrize("words", ["'", "!!!", "a & !b | (c", "a\x00b", "🦊", "\\", ":*", "x" * 500])
async def test_any_words_may_be_searched(ana: Browser, words: str) -> None:
    """Whatever is typed is looked for and never understood as a language of queries."""
    await ana.ask("dogs")
    answer = await ana.client.get("/api/conversations", params={"q": words})

    assert answer.status_code == 200 and answer.json()["data"] == []


async def test_search_finds_one_s_own_only(ana: Browser, luis: Browser) -> None:
    """The index holds everybody's words; a search sees its person's."""
    await ana.ask("tremendous secret")
    mine = await luis.ask("tremendous weather")

    found = (await luis.ok("GET", "/conversations?q=tremendous"))["data"]

    assert [one["id"] for one in found] == [mine["conversation_id"]]


async def test_what_no_database_holds_is_kept_as_a_mark(box: PageBox, ana: Browser) -> None:
    """A NUL character in a pasted question, or in an engine's answer, costs one character and not the turn."""
    box.answerer.script = lambda _request: [TextDelta("one\0two"), END]
    turn = await ana.ask("a\0b")
    (shown,) = await ana.path(turn["conversation_id"])

    assert (shown["question"], shown["answer"], shown["status"]) == ("a\ufffdb", "one\ufffdtwo", "done")


# Temporary ones -----------------------------------------------------------------------------------------


async def test_a_temporary_chat_is_listed_nowhere(ana: Browser) -> None:
    """It can be gone on with by who has its address, and is in no list and no search."""
    turn = await ana.ask("whisper", temporary=True)
    begun = await ana.ok("POST", "/conversations", {"temporary": True})
    await ana.ask("whisper more", conversation_id=turn["conversation_id"])
    opened = await ana.ok("GET", f"/conversations/{turn['conversation_id']}")

    assert opened["temporary"] is True and begun["temporary"] is True
    assert [one["question"] for one in opened["turns"]] == ["whisper", "whisper more"]
    assert (
        await _listed(ana) == await _listed(ana, "?q=whisper") == await _listed(ana, "?archived=true") == []
    )


# Export -------------------------------------------------------------------------------------------------


async def test_a_conversation_is_taken_away_as_markdown(box: PageBox, ana: Browser) -> None:
    """The path that is shown, with documents and pages of what was cited, under a name any system takes."""
    box.answerer.script = quoted
    turn = await ana.ask("How many days? / *really*")
    await ana.version(turn, question="How many days of holiday?")
    answer = await ana.call("GET", f"/conversations/{turn['conversation_id']}/export?format=markdown")

    name = answer.headers["content-disposition"]
    assert name.startswith('attachment; filename="How many days_') or "How%20many%20days" in name
    assert "/" not in name.split("filename=")[1].split(";")[0]
    assert "## How many days of holiday?" in answer.text and "really*\n" not in answer.text.split("\n", 2)[2]
    assert "1. employee-handbook.pdf, page 12: “Everybody has 23 days of holiday a year.”" in answer.text


async def test_an_export_says_who_answered_where_that_was_somebody_else(box: PageBox, ana: Browser) -> None:
    """A cloud by its name and model, in the reader's words and in the figures; also of an answer that was stopped."""
    by = {"served_by": "cloud:far", "rung": "cloud", "answered_as": "OpenAI (gpt-4o-mini)"}
    box.answerer.script = lambda _request: [TextDelta("Yes."), Finished("written", **by)]
    turn = await ana.ask("Is it open?")
    path = f"/conversations/{turn['conversation_id']}"
    shown = (await ana.call("GET", path)).json()["turns"][0]
    markdown = (await ana.call("GET", f"{path}/export?format=markdown")).text
    figures = exported(await ana.call("GET", f"{path}/export?format=json"))["turns"][0]["figures"]

    assert {name: shown[name] for name in by} == {name: shown["done"][name] for name in by} == by
    assert "Answered by a cloud: OpenAI (gpt-4o-mini)." in markdown
    assert {name: figures[name] for name in by} == by


async def test_a_conversation_is_taken_away_as_json(box: PageBox, ana: Browser) -> None:
    """Every version of every turn, with its citations and figures."""
    box.answerer.script = quoted
    turn = await ana.ask("How many days?")
    again = await ana.version(turn, question="How many hours?")
    answer = await ana.call("GET", f"/conversations/{turn['conversation_id']}/export?format=json")
    found = exported(answer)

    assert [one["question"] for one in found["turns"]] == ["How many days?", "How many hours?"]
    assert found["current_turn_id"] == again["id"]
    (citation,) = found["turns"][0]["citations"]
    assert (citation["filename"], citation["page"]) == ("employee-handbook.pdf", 12)


# Deleting -----------------------------------------------------------------------------------------------


async def test_deleting_can_be_undone(box: PageBox, ana: Browser, valkey: Redis) -> None:
    """Hidden everywhere at once; had back whole, memory included."""
    turn = await ana.ask("dogs")
    chat = f"/conversations/{turn['conversation_id']}"
    deleted = await ana.ok("DELETE", chat)
    paths = ("", "/export", "/context?model=x")
    gone = [await ana.call("GET", f"{chat}{path}") for path in paths]
    gone += [await ana.call("GET", f"/turns/{turn['id']}/{path}") for path in ("events", "trace")]
    asking = {"question": "And?", "conversation_id": turn["conversation_id"]}
    gone.append(await ana.call("POST", "/turns", asking))
    gone.append(await ana.call("PUT", f"/turns/{turn['id']}/feedback", {"rating": "up"}))
    hidden = await _listed(ana), await _listed(ana, "?q=dogs")
    keys = [key for key in await valkey.keys("*") if turn["id"].encode() in key]
    back = await ana.ok("POST", f"{chat}/restore")
    await ana.ask("cats", conversation_id=turn["conversation_id"])

    assert deleted["deleted"] is True and datetime.fromisoformat(deleted["undo_until"])
    assert [answer.status_code for answer in gone] == [404] * len(gone)
    assert hidden == ([], []) and keys == []
    assert back["id"] == turn["conversation_id"]
    assert told(box)[-1] == ["dogs", "About dogs.", "cats"]


async def test_deleting_at_once_leaves_a_receipt(ana: Browser, maintenance_database: Database) -> None:
    """Counts of what went; nothing can be had back, and no row is left."""
    turn = await ana.ask("dogs")
    await ana.version(turn, question="cats")
    await ana.ok("PUT", f"/turns/{turn['id']}/feedback", {"rating": "up"})
    chat = f"/conversations/{turn['conversation_id']}"
    deleted = await ana.ok("DELETE", f"{chat}?now=true")
    restored = await ana.call("POST", f"{chat}/restore")

    assert deleted["receipt"]["kind"] == "conversation"
    assert deleted["receipt"]["subject"] == turn["conversation_id"]
    removed = deleted["receipt"]["removed"]
    assert (removed["conversations"], removed["turns"], removed["feedback"]) == (1, 2, 1)
    assert restored.status_code == 404
    async with maintenance_database.connection() as connection:
        for table in ("conversations", "turns", "turn_events", "turn_feedback"):
            rows = await connection.execute(f"SELECT count(*) FROM {table}".encode())
            assert await rows.fetchone() == (0,), table


async def test_one_that_could_be_had_back_can_go_at_once(ana: Browser) -> None:
    """Whoever deleted it need not wait for the two minutes."""
    turn = await ana.ask("dogs")
    chat = f"/conversations/{turn['conversation_id']}"
    await ana.ok("DELETE", chat)

    assert (await ana.ok("DELETE", f"{chat}?now=true"))["receipt"]["removed"]["turns"] == 1


async def test_deleting_stops_what_is_being_written(box: PageBox, ana: Browser) -> None:
    """The engine is closed; back from the undo, the answer is there as far as it came."""
    box.answerer.script = lambda _request: [TextDelta("Half an ans"), asyncio.Event().wait()]
    turn = await ana.ok("POST", "/turns", {"question": "dogs"})
    while not await box.page.turns._log.text(turn["id"]):  # type: ignore[arg-type]
        pass
    await ana.ok("DELETE", f"/conversations/{turn['conversation_id']}")
    assert box.answerer.closed == 1

    await ana.ok("POST", f"/conversations/{turn['conversation_id']}/restore")
    (shown,) = await ana.path(turn["conversation_id"])
    assert (shown["status"], shown["answer"]) == ("stopped", "Half an ans")
