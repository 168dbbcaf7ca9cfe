"""/api/prompts with the real PostgreSQL of the test, and `appliance prompt` over it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from appliance.bootstrap.prompts import PromptRoom, build_prompts
from appliance.domain.answers import Feedback, Turn
from appliance.domain.people import Viewer
from appliance.fairness.accounting.ledger_rows import RequestEnd, RequestStart, end_row, start_row, uuid7
from appliance.storage.database import Database
from appliance.storage.turns import PostgresTurns
from appliance.storage.usage import UsageStore, ledger_url
from tests.accounts_world import Worker, add_person, bearer, first_administrator, key_of, serving, worker
from tests.commands.test_users import CommandLine

PURPOSE = "answer-with-sources"
WORDS: dict[str, Any] = {
    "texts": {"en": "Answer briefly. Cite as [1].", "es": "Responde con brevedad. Cita así: [1]."},
    "examples": {"en": [{"asked": "How long?", "answered": "Three days [1]."}]},
    "temperature": 0.5,
}


@dataclass
class Desk:
    """A gateway with its catalogue; root administers, ana does not."""

    worker: Worker
    room: PromptRoom
    heads: dict[str, dict[str, str]]
    ana: UUID
    key: str

    async def send(self, method: str, path: str, body: object = None, *, who: str = "root") -> httpx.Response:
        return await self.worker.client.request(
            method, f"/api/prompts{path}", json=body, headers=self.heads[who]
        )

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        answered = await self.send(method, path, body)
        assert answered.is_success, answered.text
        return answered.json()


@pytest.fixture
async def desk(database: Database, valkey: Redis) -> AsyncIterator[Desk]:
    """With an empty catalogue."""
    room = build_prompts(database)
    await room.followed.open()
    async with worker(
        database,
        valkey,
        more_routes=lambda _, identity: [room.routes(lambda: {"tiny", "large"}, identity)],
    ) as one:
        first = await first_administrator(one.accounts)
        ana = await add_person(one.accounts)
        heads = {"root": bearer(first.api_key), "ana": bearer(await key_of(one.accounts, ana))}
        yield Desk(one, room, heads, ana.id, first.api_key)
    await room.followed.close()


async def test_what_is_shipped_is_in_force_until_somebody_says_otherwise(desk: Desk) -> None:
    """All purposes are listed with their words; nothing was ever saved."""
    listed = (await desk.ok("GET", ""))["data"]

    assert {one["purpose"] for one in listed} >= {PURPOSE, "summarise", "follow-up"}
    assert all(one["version"] == 0 and one["versions"] == 0 and one["is_shipped"] for one in listed)
    assert all(one["texts"]["en"] and one["texts"]["es"] for one in listed)


async def test_a_version_is_saved_put_in_force_and_rolled_back(desk: Desk) -> None:
    """Each counts at once where it was put in force; the shipped words are version 0."""
    saved = await desk.ok("POST", f"/{PURPOSE}/versions", {**WORDS, "note": "shorter"})
    assert (saved["version"], saved["author"], saved["note"]) == (1, "admin@box.example", "shorter")
    assert (await desk.room.followed.in_force(PURPOSE, "en")).version == 0

    await desk.ok("PUT", f"/{PURPOSE}/in_force", {"version": 1})
    counts = await desk.room.followed.in_force(PURPOSE, "en")
    assert (counts.version, counts.text, counts.temperature) == (1, WORDS["texts"]["en"], 0.5)
    assert counts.used == f"{PURPOSE}@1" and "How long?" in counts.instructions

    await desk.ok("PUT", f"/{PURPOSE}/in_force", {"version": 0})
    assert (await desk.room.followed.in_force(PURPOSE, "es")).version == 0
    assert [one["version"] for one in (await desk.ok("GET", f"/{PURPOSE}/versions"))["data"]] == [1, 0]


async def test_a_version_that_was_saved_never_changes(desk: Desk) -> None:
    """A second save is a second version, also of the same words."""
    for _ in range(2):
        await desk.ok("POST", f"/{PURPOSE}/versions", {**WORDS, "in_force": True})

    assert (await desk.ok("GET", f"/{PURPOSE}/versions/1"))["texts"] == WORDS["texts"]
    assert desk.room.followed.number(PURPOSE) == 2


async def test_other_processes_follow(desk: Desk, database: Database) -> None:
    """What is put in force in one process is read by another."""
    other = build_prompts(database).followed
    await desk.ok("POST", f"/{PURPOSE}/versions", {**WORDS, "in_force": True})

    await other.read()

    assert (await other.in_force(PURPOSE, "es")).text == WORDS["texts"]["es"]


async def test_a_difference_is_told_sentence_by_sentence(desk: Desk) -> None:
    """In the language that differs, and the settings beside it."""
    await desk.ok("POST", f"/{PURPOSE}/versions", WORDS)
    texts = {**WORDS["texts"], "en": "Answer at length. Cite as [1]."}
    await desk.ok("POST", f"/{PURPOSE}/versions", {**WORDS, "texts": texts, "model": "large"})

    told = await desk.ok("GET", f"/{PURPOSE}/difference?before=1&after=2")

    assert list(told["lines"]) == ["en"]
    assert "-Answer briefly." in told["lines"]["en"] and "+Answer at length." in told["lines"]["en"]
    assert told["settings"] == {"model": {"before": "", "after": "large"}}


@pytest.mark.parametrize(
    ("purpose", "change", "code"),
    [
        (PURPOSE, {"texts": {"en": "No marks.", "es": "Sin marcas."}}, "prompt_lacks"),
        (PURPOSE, {"texts": {"en": "Only one [1]."}}, "prompt_both_languages"),
        (PURPOSE, {"texts": {}}, "prompt_empty"),
        (PURPOSE, {"texts": {"en": "x" * 12_001 + "[1]", "es": "[1]"}}, "prompt_long"),
        (PURPOSE, {"temperature": 2.5}, "prompt_temperature_wrong"),
        (PURPOSE, {"model": "larg"}, "prompt_model_unknown"),
        (PURPOSE, {"examples": {"en": [{"asked": "a", "answered": " "}]}}, "prompt_example_wrong"),
        (PURPOSE, {"examples": {"en": [{"asked": "a", "answered": "b"}] * 9}}, "prompt_examples_most"),
        (PURPOSE, {"note": "n" * 501}, "prompt_note_long"),
        ("summarise-part", {}, "prompt_no_examples"),
        ("summarise-part", {"examples": {}, "model": "large"}, "prompt_no_model"),
        ("responses-with-files", {"examples": {}}, "prompt_no_temperature"),
        ("Not A Name", {}, "prompt_name_wrong"),
    ],
)
async def test_bad_words_are_refused_with_their_reason(
    desk: Desk, purpose: str, change: dict[str, Any], code: str
) -> None:
    """And nothing is saved."""
    answered = await desk.send("POST", f"/{purpose}/versions", {**WORDS, **change})

    assert (answered.status_code, answered.json()["error"]["detail"]["code"]) == (400, code)
    assert all(one["versions"] == 0 for one in (await desk.ok("GET", ""))["data"])


async def test_only_administrators_change_and_only_overseers_read(desk: Desk) -> None:
    """Ana neither sees nor changes them, by none of the routes."""
    await desk.ok("POST", f"/{PURPOSE}/versions", WORDS)
    for method, path, body in (
        ("GET", "", None),
        ("GET", f"/{PURPOSE}/versions", None),
        ("GET", f"/{PURPOSE}/versions/1", None),
        ("GET", f"/{PURPOSE}/difference?before=0&after=1", None),
        ("GET", f"/{PURPOSE}/figures", None),
        ("POST", f"/{PURPOSE}/versions", WORDS),
        ("PUT", f"/{PURPOSE}/in_force", {"version": 1}),
    ):
        assert (await desk.send(method, path, body, who="ana")).status_code == 403, path


async def test_a_prompt_of_ones_own_is_there_for_pipelines(desk: Desk) -> None:
    """Under its name, in the language it has; one that nobody made is unknown."""
    await desk.ok(
        "POST", "/formal-letter/versions", {"texts": {"es": "Escribe una carta."}, "in_force": True}
    )

    assert (await desk.room.followed.in_force("formal-letter", "en")).text == "Escribe una carta."
    assert [one["purpose"] for one in (await desk.ok("GET", ""))["data"] if not one["is_shipped"]] == [
        "formal-letter"
    ]
    with pytest.raises(KeyError):
        await desk.room.followed.in_force("nobody-made-this", "en")
    assert (await desk.send("GET", "/nobody-made-this/versions")).status_code == 404
    assert (await desk.send("PUT", f"/{PURPOSE}/in_force", {"version": 7})).status_code == 404


async def test_figures_tell_how_each_version_did(desk: Desk, database: Database, owner_url: str) -> None:
    """From the ledger's rows and what people thought: answers, nothing found, ratings, times, tokens."""
    await desk.ok("POST", f"/{PURPOSE}/versions", WORDS)
    store = UsageStore(ledger_url(owner_url))
    turn = uuid4()
    await _answered(store, desk.ana, "turn-" + 36 * "-", (f"{PURPOSE}@0",), "stop")
    await _answered(store, desk.ana, f"turn-{turn}", (f"{PURPOSE}@1", "follow-up@0"), "stop")
    await _answered(store, desk.ana, "request-3", (f"{PURPOSE}@1",), "nothing_found")
    await store.close()
    await _rated(database, Viewer(desk.ana), turn)

    told = {one["version"]: one for one in (await desk.ok("GET", f"/{PURPOSE}/figures"))["data"]}

    assert (told[0]["answers"], told[1]["answers"], told[1]["nothing_found"]) == (1, 2, 1)
    assert (told[1]["up"], told[1]["down"], told[0]["up"]) == (1, 0, 0)
    assert (told[1]["first_ms"], told[1]["total_ms"]) == (40.0, 300.0)


async def test_the_command_line_changes_compares_and_rolls_back(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `prompt show` prints is what `prompt set` reads."""
    async with serving(desk.worker.app) as url:
        (tmp_path / "credentials.json").write_text(
            json.dumps({"url": url, "api_key": desk.key}), encoding="utf-8"
        )
        cli = CommandLine(desk.worker, tmp_path, capsys)
        _, shown, _ = await cli("prompt", "show", PURPOSE)
        words = tmp_path / "words.json"
        words.write_text(shown.replace("company's documents", "firm's documents"), encoding="utf-8")

        saved = await cli.json("prompt", "set", PURPOSE, str(words), "--note", "firm", "--use")
        _, differing, _ = await cli("prompt", "diff", PURPOSE, "0", "1")
        _, history, _ = await cli("prompt", "history", PURPOSE)
        _, used, _ = await cli("prompt", "use", PURPOSE, "0")
        words.write_text("[", encoding="utf-8")
        refused = await cli("prompt", "set", PURPOSE, str(words))

    assert saved["version"] == 1
    assert "+You answer questions from a firm's documents." in differing
    assert "version 1" in history and "firm" in history and "as shipped" in used
    assert refused[0] == 1 and "no JSON" in refused[2]


async def _answered(
    store: UsageStore, user_id: UUID, request_id: str, prompts: tuple[str, ...], finish_reason: str
) -> None:
    start = RequestStart(
        uuid7(), request_id, user_id, None, PURPOSE, "/v1/chat/completions", datetime.now(UTC)
    )
    end = RequestEnd("completed", finish_reason=finish_reason, ttft_ms=40, total_ms=300, prompts=prompts)
    await store.record([start_row(uuid4(), start)], [])
    await store.record([], [end_row(start.id, end)])


async def _rated(database: Database, viewer: Viewer, turn_id: UUID) -> None:
    """As somebody who was answered in the page and liked it."""
    turns = PostgresTurns(database)
    turn = Turn(turn_id, uuid4(), "How long?", PURPOSE, "done", datetime.now(UTC))
    await turns.begin(viewer, turn, "How long?")
    await turns.rate(viewer, turn_id, Feedback("up"))
