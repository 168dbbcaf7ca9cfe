"""Answers with sources: quoted, written, refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Cited,
    Finished,
    Searched,
    TextDelta,
    Waiting,
)
from appliance.domain.people import Caller
from appliance.errors import QueueFull
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.texts import TEXTS
from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.types import (
    ChatChunk,
    ChatMessage,
    EngineLoad,
    EngineRequest,
    EngineResponse,
    ModelInfo,
    Usage,
)
from rag.analysis import Analyzer
from rag.documents import Page, Passage, SearchResult
from rag.filters import Filter
from rag.quoter import Quoter

PAGE = (
    "Holidays\nEvery employee has 23 working days of holiday a year. Unused days expire on 31 March of the next year. "
    "Ask your manager two weeks ahead.\nThe canteen opens at noon."
)
CALLER = Caller(uuid4(), "ana@example.com")
FILE = uuid4()


class OneBook:
    """A search over one page; fulfils appliance.ports.Search."""

    def __init__(self, *, is_relevant: bool = True, notes: tuple[str, ...] = (), page: str = PAGE) -> None:
        self.is_relevant, self.notes, self.text = is_relevant, notes, page
        self.differing: list[Passage] = []
        self.start = len("Holidays\n")

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
        passage = Passage(
            1,
            FILE,
            "handbook.pdf",
            uuid4(),
            PAGE[self.start :],
            3,
            self.start,
            len(PAGE),
            ("Holidays",),
            "en",
            1.0,
        )
        weights = {"holiday": 4.0, "employe": 2.0}
        return SearchResult(
            [passage], "en", self.notes, weights, self.is_relevant, differing=tuple(self.differing)
        )

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        return list(passages)

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        return self.text if (file_id, page) == (FILE, 3) else None

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None:
        return Page(number, self.text) if (file_id, number) == (FILE, 3) else None


class NoMeaning:
    """An embedder for which all texts are alike, so that words alone decide."""

    model_id, dimension, max_tokens = "none", 2, 256

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return np.array([1, 0], np.float32)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([1, 0], np.float32), (len(texts), 1))

    async def close(self) -> None: ...


class Scripted:
    """A chat engine that says what it was told to, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.requests: list[EngineRequest] = []

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo("scripted", context_tokens=2048)]

    def relay(self, request: EngineRequest) -> AbstractAsyncContextManager[EngineResponse]:
        raise AssertionError("a pipeline streams")

    async def stream(self, request: EngineRequest) -> AsyncGenerator[ChatChunk, None]:
        self.requests.append(request)
        for piece in self.pieces:
            yield ChatChunk(piece)
        yield ChatChunk("", "stop", Usage(10, 5))

    async def load(self) -> EngineLoad:
        return EngineLoad()

    async def count_tokens(self, model: str, text: str) -> int | None:
        return None

    async def close(self) -> None: ...


async def _answer(question: str, engine: Scripted | None, search: OneBook) -> list[AnswerEvent]:
    analyzer = Analyzer(("en", "es"))
    pipeline = AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer)
    request = AnswerRequest((ChatMessage("user", question),), "answer-with-sources")
    return [event async for event in pipeline.answer(CALLER, request, engine, search)]


def _text(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_without_an_engine_the_documents_speak() -> None:
    """The sentence that answers is quoted word for word under its document, heading and page."""
    events = await _answer("How many days of holiday does an employee have?", None, OneBook())

    text, cited, finished = _text(events), events[-2], events[-1]
    assert isinstance(events[0], Searched) and isinstance(cited, Cited) and isinstance(finished, Finished)
    assert "handbook.pdf › Holidays · page 3" in text
    assert "No language model is connected" in text
    assert finished.kind == "quoted"
    first = cited.citations[0]
    assert first.quote == "Every employee has 23 working days of holiday a year." and first.is_verified
    assert text[first.start : first.end] == first.quote
    assert "holiday" in [first.quote[a:b] for a, b in first.marks]


class Failing(Scripted):
    """Says what it was told to, and then fails."""

    def __init__(self, failure: Exception, *pieces: str) -> None:
        super().__init__(*pieces)
        self.failure = failure

    async def stream(self, request: EngineRequest) -> AsyncGenerator[ChatChunk, None]:
        for piece in self.pieces:
            yield ChatChunk(piece)
        raise self.failure


@pytest.mark.parametrize(
    "failure",
    [EngineUnavailable(), EngineStreamBroken(), EngineRefused(503, b"")],
    ids=["away", "broken", "refused"],
)
async def test_an_engine_that_fails_before_its_first_word_leaves_it_to_the_documents(
    failure: Exception,
) -> None:
    """The same quotes as without one; who waits is told what is tried, and the end says by which rung it came."""
    events = await _answer("How many days of holiday does an employee have?", Failing(failure), OneBook())

    text, finished = _text(events), events[-1]
    assert isinstance(finished, Finished)
    assert (finished.kind, finished.rung) == ("quoted", "quoted")
    assert "> Every employee has 23 working days of holiday a year. [1]" in text
    assert "No language model answers just now" in text
    assert Waiting(0, trying="quoted") in events


@pytest.mark.parametrize(
    ("failure", "pieces"),
    [
        (EngineStreamBroken(), ("Every employee has ",)),
        (EngineRefused(400, b""), ()),
        (QueueFull(retry_after_s=3), ()),
    ],
    ids=["begun", "the-request-is-wrong", "no-room"],
)
async def test_what_has_begun_and_what_is_not_the_engine_s_fault_is_no_reason_to_quote(
    failure: Exception, pieces: tuple[str, ...]
) -> None:
    """Half an answer is not followed by another one."""
    with pytest.raises(type(failure)):
        await _answer("How many days of holiday does an employee have?", Failing(failure, *pieces), OneBook())


async def test_a_spanish_question_gets_its_sentences_in_spanish() -> None:
    """The appliance speaks the asker's language, whatever the documents speak."""
    events = await _answer(
        "¿Cuántos días de vacaciones tiene un empleado?", None, OneBook(notes=("language_mismatch",))
    )

    assert "No hay ningún modelo de lenguaje" in _text(events)
    assert "idiomas distintos" in _text(events)


async def test_a_written_answer_is_checked_against_its_page() -> None:
    """Supported sentences carry a verified quote; an invented one is marked."""
    engine = Scripted(
        "Every employee has 23 working ", "days of holiday. [1] ", "Dogs may come on Fridays in 2031. [1]"
    )

    events = await _answer("How many days of holiday does an employee have?", engine, OneBook())

    cited, finished = events[-2], events[-1]
    assert isinstance(cited, Cited) and isinstance(finished, Finished)
    assert [citation.page for citation in cited.citations] == [3]
    assert cited.citations[0].is_verified
    assert [_text(events)[a:b] for a, b in cited.unsupported] == ["Dogs may come on Fridays in 2031."]
    assert finished.usage == Usage(10, 5) and "unsupported" in finished.notes
    assert "check it before you rely on it" in _text(events)
    assert "23 working days" in str(engine.requests[0].payload["messages"])


@pytest.mark.parametrize("engine", [None, Scripted("Every employee has 23 working days of holiday. [1]")])
async def test_versions_that_differ_are_named_in_the_answer(engine: Scripted | None) -> None:
    """Whoever reads it learns that another document says nearly the same, and where."""
    search = OneBook()
    search.differing = [
        Passage(number, uuid4(), name, uuid4(), PAGE, 3)
        for number, name in enumerate(("rules-2025.pdf", "rules-2026.pdf"))
    ]

    text = _text(await _answer("How many days of holiday does an employee have?", engine, search))

    assert "“rules-2025.pdf · page 3”; “rules-2026.pdf · page 3”" in text


async def test_a_heading_is_no_quote() -> None:
    """The heading above a passage holds the question's words and not its answer."""
    search = OneBook()
    search.start = 0

    events = await _answer("How many days of holidays does an employee have?", None, search)

    cited = events[-2]
    assert isinstance(cited, Cited)
    assert "Holidays" not in [citation.quote for citation in cited.citations]


async def test_a_quote_that_left_its_page_is_not_shown() -> None:
    """A document that changed since it was indexed does not lend its name to a quote."""
    events = await _answer(
        "How many days of holiday does an employee have?", None, OneBook(page="Something else.")
    )

    cited, finished = events[-2], events[-1]
    assert isinstance(cited, Cited) and cited.citations == ()
    assert isinstance(finished, Finished) and finished.kind == "refused"
    assert "23 working days" not in _text(events)


async def test_a_written_claim_whose_source_is_gone_is_marked() -> None:
    """The citation is dropped and the sentence stands without support, rather than with a wrong source."""
    engine = Scripted("Every employee has 23 working days of holiday. [1]")

    events = await _answer(
        "How many days of holiday does an employee have?", engine, OneBook(page="Something else.")
    )

    cited = events[-2]
    assert isinstance(cited, Cited) and cited.citations == ()
    assert [_text(events)[a:b] for a, b in cited.unsupported] == [
        "Every employee has 23 working days of holiday."
    ]


async def test_nothing_relevant_is_refused_without_calling_the_engine() -> None:
    """Where the documents are silent, the model is not asked to invent."""
    engine = Scripted("The moon is made of cheese.")

    events = await _answer("What is the moon made of?", engine, OneBook(is_relevant=False))

    finished = events[-1]
    assert isinstance(finished, Finished) and finished.kind == "refused"
    assert engine.requests == [] and "I found nothing" in _text(events)


async def test_an_empty_shelf_is_told_from_a_fruitless_search() -> None:
    """Somebody without documents is told how to add one."""
    events = await _answer(
        "What is the moon made of?", None, OneBook(is_relevant=False, notes=("no_documents",))
    )

    assert "appliance ingest" in _text(events)


def test_both_languages_say_the_same_things() -> None:
    """No sentence is missing in either language."""
    assert TEXTS["en"].keys() == TEXTS["es"].keys()
