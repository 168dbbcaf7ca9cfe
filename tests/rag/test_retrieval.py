"""Searching the real index with the real model, and without it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.errors import EmbedderUnavailable
from rag.analysis import Analyzer
from rag.documents import Block, Page, ParsedDocument, SearchResult
from rag.errors import DocumentEmpty
from rag.indexing import Indexed, Indexing
from rag.retrieval import EMBEDDER_UNAVAILABLE, LANGUAGE_MISMATCH, Retrieval
from rag.settings import ChunkingSettings
from rag.stores.pgvector import PgvectorStore
from tests.embedding_models import built_model
from tests.library import Library

ENGLISH = [
    "Every employee has thirty days of paid leave a year. Leave is requested in the portal.",
    "A laptop is lent for three years and stays the property of the company.",
    "The warehouse in Rotterdam closes its gates at 18:00 on weekdays.",
    "Chilled goods are kept between 2 and 7 degrees; the alarm rings after ten minutes.",
]
SPANISH = [
    "El abono de transporte se paga cada mes con la nómina.",
    "El comedor abre de una a tres y el menú cuesta cinco euros.",
    "Quien cuide de un menor puede pedir una jornada reducida.",
]


class AbsentEmbedder:
    """An embedder that has gone away."""

    model_id = "absent"
    dimension = 384
    max_tokens = 256

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Never answers."""
        raise EmbedderUnavailable

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Never answers."""
        raise EmbedderUnavailable

    async def close(self) -> None:
        """Nothing to close."""


@cache
def _embedder() -> OnnxEmbedder:
    return OnnxEmbedder(built_model())


def _document(texts: Sequence[str]) -> ParsedDocument:
    """One page for each text."""
    pages = tuple(
        Page(number, text, (Block("paragraph", 0, len(text)),)) for number, text in enumerate(texts, start=1)
    )
    return ParsedDocument("application/pdf", pages)


class Shelf:
    """One person's collection, indexed and searched as the appliance does."""

    def __init__(self, library: Library, viewer: Viewer, collection: UUID) -> None:
        self.library, self.viewer, self.collection = library, viewer, collection
        self.reports: list[tuple[int, int]] = []

    @property
    def indexing(self) -> Indexing:
        """With the real model."""
        return Indexing(self.library.store, _embedder(), Analyzer(), ChunkingSettings())

    async def put(self, texts: Sequence[str], file: UUID | None = None) -> Indexed:
        """Index a document of these pages."""
        file = file or await self.library.file(self.viewer)
        scope = self.library.worker.scope(self.viewer, [self.collection])
        return await self.indexing.index(file, _document(texts), scope, self.collection, self._report)

    async def ask(self, question: str, limit: int = 5) -> SearchResult:
        """Search with everything there."""
        return await Retrieval(self.library.store, _embedder(), Analyzer()).search(
            question, self.library.scope(self.viewer, self.collection), limit
        )

    async def ask_without_vectors(self, question: str) -> SearchResult:
        """Search while the embedder is away."""
        retrieval = Retrieval(self.library.store, AbsentEmbedder(), Analyzer())
        return await retrieval.search(question, self.library.scope(self.viewer, self.collection), 5)

    async def _report(self, done: int, total: int) -> None:
        self.reports.append((done, total))


@pytest.fixture
async def shelf(worker_database: Database, database: Database) -> Shelf:
    """An empty collection of somebody."""
    library = Library(worker_database, database, PgvectorStore())
    viewer = Viewer(uuid4())
    return Shelf(library, viewer, await library.collection(viewer))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many days of paid leave do I have?", ENGLISH[0]),
        ("When does the Rotterdam warehouse close?", ENGLISH[2]),
        ("How much vacation does an employee get?", ENGLISH[0]),
        ("¿Cuánto cuesta el menú del comedor?", SPANISH[1]),
        ("¿Quién puede pedir jornada reducida?", SPANISH[2]),
        ("menu comedor", SPANISH[1]),
    ],
)
async def test_the_passage_that_answers_comes_first(shelf: Shelf, question: str, expected: str) -> None:
    """In both languages, by words, by meaning, without accents, in one collection."""
    await shelf.put(ENGLISH)
    await shelf.put(SPANISH)

    result = await shelf.ask(question)

    assert result.passages[0].text == expected
    assert result.is_relevant
    assert result.notes == ()


@pytest.mark.parametrize(
    "question",
    [
        "Who was the first man on the moon?",
        "¿Cuál es la capital de Francia?",
        "asdf qwer",
        "?!",
        "",
        "the of and",
    ],
)
async def test_a_question_on_something_else_is_not_relevant(shelf: Shelf, question: str) -> None:
    """The evidence says so, for questions without a word too."""
    await shelf.put(ENGLISH)
    await shelf.put(SPANISH)

    assert not (await shelf.ask(question)).is_relevant


async def test_an_empty_collection_and_an_empty_scope_find_nothing(shelf: Shelf) -> None:
    """No error, no passages, nothing to answer from."""
    nothing = await Retrieval(shelf.library.store, _embedder(), Analyzer()).search(
        "leave", shelf.library.scope(shelf.viewer), 5
    )

    for result in (await shelf.ask("How many days of leave?"), nothing):
        assert not result.passages
        assert not result.is_relevant


async def test_scores_fall_and_say_where_they_come_from(shelf: Shelf) -> None:
    """0 to 1, best first; cosine and BM25 stand beside them; the limit is kept; each term has its weight."""
    await shelf.put(ENGLISH)

    result = await shelf.ask("paid leave of an employee", limit=3)

    scores = [passage.score for passage in result.passages]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert result.passages[0].dense is not None
    assert result.passages[0].lexical is not None
    assert result.weights["leav"] > 0
    assert result.passages[0].location.page == 1


async def test_without_the_embedder_words_still_find(shelf: Shelf) -> None:
    """A note tells that meaning was left out; refusal goes by words alone."""
    await shelf.put(ENGLISH)

    found = await shelf.ask_without_vectors("When does the Rotterdam warehouse close?")
    missed = await shelf.ask_without_vectors("Who was the first man on the moon?")

    assert found.passages[0].text == ENGLISH[2]
    assert found.notes == (EMBEDDER_UNAVAILABLE,)
    assert found.is_relevant
    assert not missed.is_relevant


async def test_an_answer_in_another_language_carries_a_hint(shelf: Shelf) -> None:
    """A Spanish question finds an English passage by names and numbers, and the reader is told."""
    await shelf.put(ENGLISH)
    await shelf.put(SPANISH)

    result = await shelf.ask("¿A qué hora cierra Rotterdam?")

    assert result.passages[0].text == ENGLISH[2]
    assert result.language == "es"
    assert LANGUAGE_MISMATCH in result.notes
    assert result.is_relevant


async def test_what_others_own_changes_nothing(shelf: Shelf) -> None:
    """The same question gives the same passages, scores and weights, whatever lies in collections one cannot see."""
    await shelf.put(ENGLISH)
    before = await shelf.ask("paid leave of an employee")
    stranger = Viewer(uuid4())
    other = Shelf(shelf.library, stranger, await shelf.library.collection(stranger))
    await other.put([f"{text} Secretly." for text in ENGLISH])

    after = await shelf.ask("paid leave of an employee")

    assert after == before


async def test_a_pasted_page_is_a_question_too(shelf: Shelf) -> None:
    """A megabyte of question costs as much as its first two thousand characters."""
    await shelf.put(ENGLISH)

    result = await shelf.ask("How many days of paid leave does an employee have? " * 20_000)

    assert result.passages[0].text == ENGLISH[0]


async def test_indexing_tells_its_progress_and_its_result(shelf: Shelf) -> None:
    """From 0 to all, never backwards; languages are those of the passages."""
    texts = [f"{ENGLISH[number % 4]} Paragraph {number}." for number in range(40)] + SPANISH

    indexed = await shelf.put(texts)

    assert indexed == Indexed(chunks=43, pages=43, languages=("en", "es"), embedded=43)
    assert shelf.reports[0] == (0, 43)
    assert shelf.reports[-1] == (43, 43)
    assert shelf.reports == sorted(shelf.reports)


async def test_indexing_again_gives_the_same_answers(shelf: Shelf) -> None:
    """A job that runs twice changes no score."""
    file = await shelf.library.file(shelf.viewer)
    await shelf.put(ENGLISH, file)
    before = [(p.text, p.score) for p in (await shelf.ask("paid leave")).passages]

    await shelf.put(ENGLISH, file)

    assert [(p.text, p.score) for p in (await shelf.ask("paid leave")).passages] == before


async def test_a_document_without_text_is_refused_by_name(shelf: Shelf) -> None:
    """DocumentEmpty, and nothing in the index."""
    with pytest.raises(DocumentEmpty):
        await shelf.put(["   \n\n "])


async def test_cancelled_indexing_leaves_nothing(shelf: Shelf) -> None:
    """Stopped at the first report of progress, the document is not there at all."""
    stopped = asyncio.Event()

    async def stop(done: int, total: int) -> None:
        if done:
            stopped.set()
            await asyncio.Event().wait()

    file = await shelf.library.file(shelf.viewer)
    scope = shelf.library.worker.scope(shelf.viewer, [shelf.collection])
    work = asyncio.create_task(shelf.indexing.index(file, _document(ENGLISH), scope, shelf.collection, stop))
    await stopped.wait()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert not (await shelf.ask("paid leave")).passages


async def test_headings_are_searched_with_their_text(shelf: Shelf) -> None:
    """A passage under a heading is found by the heading's words."""
    text = "Parental leave\nSixteen weeks, for either parent."
    page = Page(None, text, (Block("heading", 0, 14, 1), Block("paragraph", 15, len(text))))
    file = await shelf.library.file(shelf.viewer)
    scope = shelf.library.worker.scope(shelf.viewer, [shelf.collection])
    await shelf.put(SPANISH)
    await shelf.indexing.index(
        file, ParsedDocument("text/markdown", (page,)), scope, shelf.collection, shelf._report
    )

    result = await shelf.ask("What about parental leave?")

    assert "Sixteen weeks" in result.passages[0].text
    assert result.passages[0].headings == ("Parental leave",)


async def test_a_question_finds_documents_of_another_language_in_their_words(shelf: Shelf) -> None:
    """Told as such, with both wordings in the trace; what nothing answers is refused in both."""
    await shelf.put(ENGLISH)

    found = await shelf.ask("¿Cuántos días de permiso pagado tiene un empleado al año?")
    nothing = await shelf.ask("¿Cuántos perros tiene el presidente de la universidad?")

    assert found.passages[0].text == ENGLISH[0]
    assert found.is_relevant and LANGUAGE_MISMATCH in found.notes
    assert found.language == "es"
    assert found.wording is not None and found.wording.language == "en"
    assert found.trace is not None and len(found.trace.queries) == 2
    assert not nothing.is_relevant and nothing.wording is None


async def test_a_question_finds_the_other_language_by_words_that_are_spelled_alike(shelf: Shelf) -> None:
    """What its own language has is left out; no list has "irriga"; the answer says that the languages differ."""
    await shelf.put(
        [*ENGLISH, "The vegetation around the building is irrigated by a contractor twice a week."]
    )
    await shelf.put([*SPANISH, "La vegetación del tejado no se pisa."])

    result = await shelf.ask("¿Cuántas veces a la semana se irriga la vegetación del edificio?")

    assert result.is_relevant and LANGUAGE_MISMATCH in result.notes
    assert "irrigated" in result.passages[0].text
    assert result.wording is not None and result.wording.language == "en"
    assert {passage.language for passage in result.passages} == {"en"}
