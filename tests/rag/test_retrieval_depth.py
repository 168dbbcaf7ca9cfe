"""What a search does beyond the first order: exact strings, copies, wordings, filters, rerankers; and its trace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from rag.analysis import Analyzer
from rag.documents import SearchResult
from rag.filters import Comparison
from rag.ports import Scope
from rag.reranking import RERANKER_LATE, Reranking
from rag.retrieval import QUOTED_NOT_FOUND, VERSIONS_DIFFER, Retrieval
from rag.stores.pgvector import PgvectorStore
from tests.library import Library
from tests.rag.test_retrieval import Shelf, _embedder

TEXTS = [
    "Contract AB-1234/77 on cleaning: contract partners clean the contract rooms named in the contract every day.",
    "Under AB-1234/7 the office plants are watered on Mondays.",
    "The office plants of the second floor are watered on Fridays by the contract partner.",
    "Questions on travel go to travel@example.com before the trip.",
    "Whoever travels keeps the travel receipts for the travel office, trip by trip, for every travel question.",
]


@pytest.fixture
async def shelf(worker_database: Database, database: Database) -> Shelf:
    """A collection of somebody with five passages."""
    library = Library(worker_database, database, PgvectorStore())
    viewer = Viewer(uuid4())
    shelf = Shelf(library, viewer, await library.collection(viewer))
    await shelf.put(TEXTS)
    return shelf


def _scope(shelf: Shelf) -> Scope:
    return shelf.library.scope(shelf.viewer, shelf.collection)


async def _ask(shelf: Shelf, question: str, **more: object) -> SearchResult:
    retrieval = Retrieval(shelf.library.store, _embedder(), Analyzer())
    return await retrieval.search(question, _scope(shelf), 5, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What does the contract AB-1234/7 say of contract rooms?", TEXTS[1]),
        ("Which travel questions and travel receipts go to travel@example.com?", TEXTS[3]),
        ('Who "waters" or has "watered on Fridays" the contract rooms named in the contract?', TEXTS[2]),
    ],
)
async def test_what_is_asked_to_the_letter_comes_first(shelf: Shelf, question: str, expected: str) -> None:
    """The passage that holds the code, address or phrase verbatim, though others share more words."""
    found = await _ask(shelf, question)

    assert found.passages[0].text == expected
    assert [p.score for p in found.passages] == sorted((p.score for p in found.passages), reverse=True)
    assert all(0 <= passage.score <= 1 for passage in found.passages)


async def test_a_quoted_string_that_nobody_wrote_is_named(shelf: Shelf) -> None:
    """A note and the string itself; the search goes on by words and meaning."""
    found = await _ask(shelf, 'Who waters the "office cacti" on Fridays?')

    assert found.missing == ("office cacti",)
    assert QUOTED_NOT_FOUND in found.notes
    assert found.passages


async def test_the_same_words_in_two_places_are_one_passage(shelf: Shelf) -> None:
    """The better one stays and names the other; a text that differs by a number stays a passage of its own."""
    copy, other = await shelf.library.file(shelf.viewer, "copy.pdf"), await shelf.library.file(shelf.viewer)
    await shelf.put([TEXTS[1].upper().replace(" ", "  ")], copy)
    await shelf.put([TEXTS[1].replace("Mondays", "Tuesdays")], other)

    found = await _ask(shelf, "When are the office plants watered?")

    watered = [
        passage
        for passage in found.passages
        if "watered on mondays" in " ".join(passage.text.lower().split())
    ]
    assert len(watered) == 1
    assert len(watered[0].also_in) == 1
    assert any("Tuesdays" in passage.text for passage in found.passages)
    assert found.trace is not None
    assert [one.reason for one in found.trace.dropped].count("the same words as a better one") == 1


async def test_many_copies_do_not_crowd_out_what_else_there_is(shelf: Shelf) -> None:
    """However many files hold the best text, the others are read on for."""
    for number in range(25):
        await shelf.put([TEXTS[1]], await shelf.library.file(shelf.viewer, f"copy-{number}.pdf"))

    found = await _ask(shelf, "When are the office plants of AB-1234/7 watered on Mondays?")

    assert len(found.passages[0].also_in) == 25
    assert len({passage.text for passage in found.passages}) == len(found.passages) > 1


async def test_versions_that_differ_are_found_both_and_told(shelf: Shelf) -> None:
    """A price list and the one before it: two passages, a note, and both of them named."""
    prices = "Storage of a pallet costs {} euros a month, picking 0.42 euros a line and labelling 0.11 euros a piece."
    for price in ("6.90", "7.10"):
        await shelf.put([prices.format(price)], await shelf.library.file(shelf.viewer, f"list-{price}.pdf"))

    found = await _ask(shelf, "What does storage of a pallet cost a month?")

    assert {passage.text for passage in found.passages[:2]} == {prices.format("6.90"), prices.format("7.10")}
    assert VERSIONS_DIFFER in found.notes
    assert {passage.filename for passage in found.differing} == {"list-6.90.pdf", "list-7.10.pdf"}


async def test_another_wording_finds_what_the_question_does_not_say(shelf: Shelf) -> None:
    """Both are searched; the question itself counts more."""
    alone = await _ask(shelf, "And on which day of the week?")
    both = await _ask(shelf, "And on which day of the week?", also=["When are the office plants watered?"])

    assert both.trace is not None and len(both.trace.queries) >= 2
    assert {TEXTS[1], TEXTS[2]} <= {passage.text for passage in both.passages}
    assert len(both.passages) >= len(alone.passages)


async def test_a_filter_leaves_only_what_fulfils_it(shelf: Shelf) -> None:
    """No attribute fulfils it here, so nothing is found, nothing is held, and nothing is enough."""
    found = await _ask(shelf, "When are the plants of AB-1234/7 watered?", only=Comparison("eq", "team", "x"))

    assert found.passages == []
    assert not found.is_relevant


class Backwards:
    """A reranker for which the shortest passage answers best."""

    model_id = "backwards"

    def __init__(self, delay: asyncio.Event | None = None) -> None:
        self.delay = delay

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """1 for nothing, less for more."""
        if self.delay is not None:
            await self.delay.wait()
        return [1 / (1 + len(text)) for text in texts]


async def test_the_score_that_ranked_last_is_the_one_that_counts(shelf: Shelf) -> None:
    """Order, scores and the answer to "is it enough" come from the reranker; the trace names it."""
    outcomes = []
    for least in (0.001, 0.9):
        reranking = Reranking(Backwards(), budget_s=30, least=least)
        retrieval = Retrieval(shelf.library.store, _embedder(), Analyzer(), reranking=reranking)
        outcomes.append(await retrieval.search("When are the office plants watered?", _scope(shelf), 3))

    shortest = min(TEXTS, key=len)
    assert [outcome.passages[0].text for outcome in outcomes] == [shortest, shortest]
    assert outcomes[0].passages[0].score == 1 / (1 + len(shortest))
    assert [outcome.is_relevant for outcome in outcomes] == [True, False]
    assert outcomes[0].trace is not None and outcomes[0].trace.reranker == "backwards"


async def test_a_late_reranker_changes_nothing_but_the_notes(shelf: Shelf) -> None:
    """The order is the one without it, and the trace says so."""
    plain = await _ask(shelf, "When are the office plants watered?")
    reranking = Reranking(Backwards(asyncio.Event()), budget_s=0.01)
    retrieval = Retrieval(shelf.library.store, _embedder(), Analyzer(), reranking=reranking)

    late = await retrieval.search("When are the office plants watered?", _scope(shelf), 5)

    assert late.passages == plain.passages
    assert late.notes == (RERANKER_LATE,)
    assert late.trace is not None and not late.trace.is_reranked
    (step,) = (step for step in late.trace.steps if step.name == "rerank")
    assert step.figures == {
        "model": "backwards",
        "passages": len(TEXTS),
        "budget_ms": 10,
        "outcome": RERANKER_LATE,
    }


async def test_a_trace_tells_every_step_and_no_text(shelf: Shelf) -> None:
    """What was searched, found and left out, with times from the given clock; never a passage's words."""
    ticks = iter(range(1000))
    retrieval = Retrieval(shelf.library.store, _embedder(), Analyzer(), clock=lambda: next(ticks) / 1000)

    result = await retrieval.search("When are the plants of AB-1234/7 watered?", _scope(shelf), 1)

    assert result.trace is not None
    told = result.trace.as_json()
    assert {"embed", "by meaning", "by words", "to the letter", "fuse", "read", "sharpen"} == {
        step["name"] for step in told["steps"]
    }
    assert all(step["took_ms"] >= 1 for step in told["steps"])
    assert told["exact"] == [{"text": "AB-1234/7", "passages": 1}]
    assert len(told["found"]) == 1
    assert {one["reason"] for one in told["dropped"]} == {"beyond the number asked for"}
    assert "Mondays" not in str(told)
