"""Deciding whether a request leaves: whatever goes wrong, it stays; what leaves is recorded before it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from appliance.domain.origins import OWN_WORDS, of_collection
from appliance.domain.people import Caller
from appliance.errors import PartUnavailable
from appliance.fairness.leaving.deciding import Decisions
from appliance.fairness.leaving.decisions import Decision, Facts
from appliance.fairness.leaving.port import NOTHING_LEAVES, Leave, Stay
from appliance.fairness.leaving.rules import Marks, Narrowing, Permission
from inference.personal_data.detector import Detector, Finding
from inference.personal_data.patterns import PatternDetector
from inference.types import EngineRequest
from tests.waiting import until

ANA = Caller(UUID(int=1), "ana@box.example")
DOCUMENTS = UUID(int=9)
FREE = Permission("queue", 30.0, redacts=True, by_name=True)


def asking(text: str = "How are you?", **more: Any) -> EngineRequest:
    """A chat of one message, the author's own words unless `origins` says otherwise."""
    payload = {"model": "llama", "messages": [{"role": "user", "content": text}]}
    return replace(EngineRequest("chat/completions", payload, "req_1", origins=OWN_WORDS), **more)


@dataclass
class Book:
    """A LeavingBook in memory. before: called first by every method, and may raise."""

    narrowed: Narrowing = field(default_factory=Narrowing)
    marks: Marks = field(default_factory=Marks)
    before: Callable[[str], None] = lambda _method: None
    kept: list[Decision] = field(default_factory=list)

    async def facts(self, caller: Caller, collections: Sequence[UUID]) -> Facts:
        self.before("facts")
        return Facts(self.narrowed, caller.group_ids, self.marks)

    async def narrowing(self) -> Narrowing:
        self.before("narrowing")
        return self.narrowed

    async def keep(self, decisions: Sequence[Decision]) -> None:
        self.before("keep")
        self.kept += decisions


class Broken:
    """A detector that fails."""

    def find(self, text: str) -> Sequence[Finding]:
        raise RuntimeError("no patterns")


@asynccontextmanager
async def deciding(
    book: Book, permission: Permission = FREE, detector: Detector | None = None, **more: Any
) -> AsyncIterator[Decisions]:
    """Opened, and closed at the end."""
    parts: dict[str, Any] = {
        "names": lambda _model: (frozenset(), frozenset()),
        "new_id": uuid4,
        "now": lambda: datetime.now(UTC),
    }
    one = Decisions(permission, book, detector or PatternDetector(), **{**parts, **more})
    await one.open()
    try:
        yield one
    finally:
        await one.close()


async def test_what_leaves_is_recorded_before_the_answer() -> None:
    """The permit's id is the record's; it carries the asker and the reason into the egress ledger."""
    book = Book()
    async with deciding(book) as one:
        answer = await one.decide(ANA, "llama", asking(), "local_down")
        assert isinstance(answer, Leave)
        (kept,) = book.kept

    assert answer.permit.id == str(kept.id)
    assert (answer.permit.actor, answer.permit.why) == ("ana@box.example", kept.why)
    assert answer.request.permit == answer.permit
    assert (kept.leaves, kept.code, kept.user_id, kept.model) == (True, "leaves", ANA.user_id, "llama")
    assert (kept.reason, kept.request_id, kept.origins) == ("local_down", "req_1", frozenset())


async def test_decisions_to_stay_are_kept_too_and_hold_nobody_up() -> None:
    """Written a moment later; at the latest when the process ends."""
    book = Book(marks=Marks())
    async with deciding(book) as one:
        answer = await one.decide(
            ANA, "llama", asking(origins=frozenset({of_collection(DOCUMENTS)})), "local_down"
        )
        assert answer == Stay("collection_stays", "It was made from documents that stay here.")
    (kept,) = book.kept

    assert (kept.leaves, kept.code) == (False, "collection_stays")
    assert kept.origins == frozenset({of_collection(DOCUMENTS)})


def _fails_in(*methods: str, error: Exception) -> Callable[[str], None]:
    def before(method: str) -> None:
        if method in methods:
            raise error

    return before


async def _hangs(*_: object) -> Facts:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("method", "error", "code"),
    [
        ("facts", PartUnavailable(), "policy_unknown"),
        ("facts", RuntimeError("a bug"), "failed"),
        ("facts", KeyError("a bug"), "failed"),
        ("keep", PartUnavailable(), "not_recorded"),
        ("keep", RuntimeError("a bug"), "failed"),
    ],
    ids=["rules away", "rules broken", "rules odd", "record away", "record broken"],
)
async def test_an_exception_anywhere_stays(method: str, error: Exception, code: str) -> None:
    """No record, no sending; rules that nobody can read permit nothing."""
    book = Book(before=_fails_in(method, error=error))
    async with deciding(book) as one:
        answer = await one.decide(ANA, "llama", asking(), "local_down")
        book.before = lambda _method: None

    assert isinstance(answer, Stay) and answer.code == code
    assert [kept.leaves for kept in book.kept] == [False]


async def test_a_database_that_hangs_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it longer than deciding may take."""
    book = Book()
    monkeypatch.setattr(book, "facts", _hangs)
    async with deciding(book, patience_s=0.01) as one:
        answer = await one.decide(ANA, "llama", asking(), "local_down")

    assert isinstance(answer, Stay) and answer.code == "failed"


async def test_names_that_cannot_be_told_stay() -> None:
    """Without the model's names nobody knows which rules are about it."""

    def names(_model: str) -> tuple[frozenset[str], frozenset[str]]:
        raise RuntimeError("no roster")

    async with deciding(Book(), names=names) as one:
        answer = await one.decide(ANA, "llama", asking(), "local_down")

    assert isinstance(answer, Stay) and answer.code == "failed"


async def test_a_detector_that_fails_or_is_absent_stays() -> None:
    """Unlooked-at text does not leave."""
    async with deciding(Book(), detector=Broken()) as one:
        answer = await one.decide(ANA, "llama", asking(), "local_down")
    assert isinstance(answer, Stay) and answer.code == "detector_failed"
    absent = Decisions(
        FREE,
        Book(),
        None,
        names=lambda _model: (frozenset(), frozenset()),
        new_id=uuid4,
        now=lambda: datetime.now(UTC),
    )
    answer = await absent.decide(ANA, "llama", asking(), "local_down")
    assert isinstance(answer, Stay) and answer.code == "detector_failed"


async def test_personal_data_keep_a_request_here_where_the_file_says_veto() -> None:
    """The record says which kinds there were, never which."""
    book = Book()
    async with deciding(book, replace(FREE, redacts=False)) as one:
        answer = await one.decide(ANA, "llama", asking("Write to luis@box.example."), "local_down")

    assert isinstance(answer, Stay) and answer.code == "personal_data"
    assert "email: 1" in answer.why and "luis" not in answer.why
    assert "luis" not in repr(book.kept)


async def test_personal_data_are_replaced_where_the_file_says_redact() -> None:
    """And counted, in the permit and in the record."""
    book = Book()
    async with deciding(book) as one:
        answer = await one.decide(ANA, "llama", asking("Write to luis@box.example."), "local_down")

    assert isinstance(answer, Leave)
    assert answer.request.payload["messages"][0]["content"] == "Write to [EMAIL_1]."
    assert (answer.permit.redactions, book.kept[0].redactions) == (1, 1)


async def test_an_administrator_can_make_a_veto_of_it() -> None:
    """What the file redacts, the page may keep here."""
    async with deciding(Book(narrowed=Narrowing(vetoes=True))) as one:
        answer = await one.decide(ANA, "llama", asking("Write to luis@box.example."), "local_down")

    assert isinstance(answer, Stay) and answer.code == "personal_data"


async def test_pictures_stay() -> None:
    """Nobody can look into them."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    payload = {"model": "llama", "messages": [{"role": "user", "content": [part]}]}
    async with deciding(Book()) as one:
        answer = await one.decide(ANA, "llama", asking(payload=payload), "local_down")

    assert isinstance(answer, Stay) and answer.code == "not_text"


async def test_who_asks_is_not_told_outside() -> None:
    """Fields that name the asker, or ask for the prompt to be kept, do not leave."""
    payload = {**asking().payload, "user": "ana", "metadata": {"team": "x"}, "store": True, "temperature": 0}
    async with deciding(Book()) as one:
        answer = await one.decide(ANA, "llama", asking(payload=payload), "local_down")

    assert isinstance(answer, Leave)
    assert set(answer.request.payload) == {"model", "messages", "temperature"}


async def test_never_asks_nobody() -> None:
    """By default no decision reads the database: it stays, and is counted."""
    book = Book(before=_fails_in("facts", "narrowing", error=AssertionError("it was asked")))
    told: list[str] = []
    async with deciding(book, Permission()) as one:
        one.told = lambda decision: told.append(decision.code)
        answer = await one.decide(ANA, "llama", asking(), "local_down")
        assert one.patience_s(ANA, "llama") is None
        assert not one.could_leave(ANA, "llama", "local_down")

    assert isinstance(answer, Stay) and answer.code == "never"
    assert told == ["never"]


async def test_patience_follows_what_is_narrowed() -> None:
    """Nobody is taken out of a queue for a cloud that they may not use."""
    book = Book()
    async with deciding(book) as one:
        await one.read()
        assert one.patience_s(ANA, "llama") == 30.0
        assert one.could_leave(ANA, "llama")
        assert one.patience_s(replace(ANA, stays_local=True), "llama") is None
        assert one.patience_s(replace(ANA, is_batch=True), "llama") is None
        book.narrowed = Narrowing(queue_s=60.0)
        await one.read()
        assert one.patience_s(ANA, "llama") == 60.0
        book.narrowed = Narrowing(stays=frozenset({ANA.user_id}))
        await one.read()
        assert one.patience_s(ANA, "llama") is None
        assert not one.could_leave(ANA, "llama")


async def test_what_cannot_be_read_is_not_hoped_for() -> None:
    """While PostgreSQL is away nobody leaves a queue for a cloud."""
    book = Book()
    async with deciding(book) as one:
        await one.read()
        book.before = _fails_in("narrowing", error=PartUnavailable())
        with pytest.raises(PartUnavailable):
            await one.read()
        assert one.patience_s(ANA, "llama") is None
        assert not one.could_leave(ANA, "llama")


async def test_stays_wait_for_postgres_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written in the order they were made, once, when it answers again."""
    monkeypatch.setattr("appliance.fairness.leaving.stays._AGAIN_S", 0.01)
    monkeypatch.setattr("appliance.fairness.leaving.stays._PAUSE_S", 0.01)
    attempts: list[str] = []

    def away(method: str) -> None:
        attempts.append(method)
        raise PartUnavailable

    book = Book(before=away)
    async with deciding(book) as one:
        for number in range(3):
            await one.decide(ANA, "llama", asking(origins=None, request_id=f"req_{number}"), "local_down")
        await until(lambda: attempts.count("keep") > 1)
        assert book.kept == []
        book.before = lambda _method: None
        await until(lambda: len(book.kept) == 3)

    assert [kept.request_id for kept in book.kept] == ["req_0", "req_1", "req_2"]


async def test_without_a_policy_nothing_leaves() -> None:
    """What a gate without a composed policy asks."""
    answer = await NOTHING_LEAVES.decide(ANA, "llama", asking(), "local_down")
    assert isinstance(answer, Stay) and answer.code == "never"
    assert NOTHING_LEAVES.patience_s(ANA, "llama") is None
    assert not NOTHING_LEAVES.could_leave(ANA, "llama")
