"""Summaries: in one call, part by part, in the document's own words; and what is said of how much was read."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Progressed, Waiting
from appliance.pipelines.summarise import MOST_PARTS, Summarise
from appliance.pipelines.summary_texts import SUMMARY_TEXTS
from inference.errors import EngineStreamBroken
from inference.types import ChatMessage, EngineRequest
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.files_of_a_chat import CALLER, COLLECTION, Answering, ShelfOf, document, end_of, text_of
from tests.appliance.test_answer_with_sources import NoMeaning
from tests.library import vector_of

RENT = "The tenant pays a rent of 950 euros on the fifth day of every month."
NOTICE = "Either party may end the contract with a notice of 30 days in writing."

ANALYZER = Analyzer(("en", "es"))


class Hashed(NoMeaning):
    """An embedder for which every text means something else."""

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return vector_of(text)


def page(number: int, sentences: int = 12) -> str:
    """A page whose every sentence is its own."""
    return "\n".join(
        f"Clause {number}.{index} says that item {number * 100 + index} of the warehouse is delivered on day {index}."
        for index in range(1, sentences + 1)
    )


async def summary(
    shelf: ShelfOf, engine: Answering | None, wish: str = "Summarise this"
) -> list[AnswerEvent]:
    """Everything the pipeline says of the files of a chat."""
    pipeline = Summarise(ANALYZER, shelf, Quoter(Hashed(), ANALYZER))
    request = AnswerRequest((ChatMessage("user", wish),), "summarise", attached=COLLECTION)
    return [event async for event in pipeline.answer(CALLER, request, engine, shelf)]


def test_both_languages_say_everything() -> None:
    """Neither lacks a sentence or a value in it."""
    values = [
        {name: sorted(re.findall(r"{(\w+)}", words)) for name, words in texts.items()}
        for texts in SUMMARY_TEXTS.values()
    ]
    assert values[0] == values[1]


async def test_what_fits_the_context_is_summarised_in_one_call() -> None:
    """All of the text stands in the one prompt, and the sentences are cited where they stand."""
    shelf = ShelfOf(document(RENT, NOTICE))
    engine = Answering(lambda _: "A contract. The tenant pays a rent of 950 euros every month. [1]")

    events = await summary(shelf, engine)

    (request,) = engine.requests
    prompt = request.payload["messages"][0]["content"]
    (cited,) = [event for event in events if isinstance(event, Cited)]
    assert RENT in prompt and NOTICE in prompt
    assert (RENT, 1, True) in [(one.quote, one.page, one.is_verified) for one in cited.citations]
    assert "all of “report.pdf”, 2 pages" in text_of(events)
    (coverage,) = end_of(events).coverage
    assert (coverage.share, coverage.pages_read, coverage.left_out) == (1.0, 2, ())
    assert end_of(events).notes == ()


def notes_then_summary(request: EngineRequest) -> str:
    """Repeats the first sentence of a part; of the notes it makes a sentence that stands in part 3."""
    asked = request.payload["messages"][-1]["content"]
    if "Part " in asked:
        return next(line for line in asked.splitlines() if line.startswith("Clause"))
    return "It is a list of deliveries. " + asked.split("[3]")[1].strip().splitlines()[1] + " [3]"


async def test_what_does_not_fit_is_read_part_by_part_in_order() -> None:
    """Every part is asked once, in order, a few at a time and behind whoever waits; then the notes become one text."""
    shelf = ShelfOf(document(*(page(number) for number in range(1, 31))))
    engine = Answering(notes_then_summary)

    events = await summary(shelf, engine)

    parts = [r for r in engine.requests if "Part " in r.payload["messages"][-1]["content"]]
    numbers = [int(re.search(r"Part (\d+) of", r.payload["messages"][-1]["content"])[1]) for r in parts]  # type: ignore[index]
    progress = [event for event in events if isinstance(event, Progressed)]
    (cited,) = [event for event in events if isinstance(event, Cited)]
    assert numbers == list(range(1, len(parts) + 1)) and len(parts) > 3
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, len(parts), len(parts))
    assert 1 < engine.most_running <= 4 and engine.gave_way == 1
    assert cited.citations[0].index == 3 and cited.citations[0].is_verified
    assert "all of “report.pdf”, 30 pages" in text_of(events)
    everything = "".join(r.payload["messages"][-1]["content"] for r in parts)
    assert all(line in everything for number in range(1, 31) for line in page(number).splitlines())


async def test_no_prompt_is_longer_than_the_context() -> None:
    """Counted as the model counts, answer included, also where numbers need many tokens."""
    digits = "\n".join(" ".join(str(n) for n in range(i, i + 60)) + "." for i in range(0, 4000, 60))
    shelf = ShelfOf(document(digits, digits))
    engine = Answering(lambda _: "A table of numbers.", context_tokens=1024)

    await summary(shelf, engine)

    for request in engine.requests:
        words = " ".join(message["content"] for message in request.payload["messages"])
        tokens = await engine.count_tokens("scripted", words)
        assert tokens is not None and tokens + request.payload["max_tokens"] <= 1024


async def test_what_broke_off_is_said_to_be_missing() -> None:
    """A part is tried twice; then the summary goes on without it and names its pages."""
    shelf = ShelfOf(document(*(page(number) for number in range(1, 13))))
    broken: list[str] = []

    def reply(request: EngineRequest) -> str | Exception:
        asked = request.payload["messages"][-1]["content"]
        if "Part 2 of" in asked:
            broken.append(asked)
            return EngineStreamBroken("gone")
        return "A note."

    events = await summary(shelf, Answering(reply))

    (coverage,) = end_of(events).coverage
    assert len(broken) == 2
    assert coverage.left_out[0][1] == "part_failed" and coverage.share < 1
    assert f"Left out: pages {coverage.left_out[0][0]}" in text_of(events) or (
        f"Left out: page {coverage.left_out[0][0]}" in text_of(events)
    )
    assert "100 %" not in text_of(events) and "partial" in end_of(events).notes


async def test_an_engine_that_answers_no_part_leaves_it_to_the_document() -> None:
    """There is nothing to make a summary of, and nothing is made up: its own sentences are quoted."""
    shelf = ShelfOf(document(*(page(number) for number in range(1, 13))))

    events = await summary(shelf, Answering(lambda _: EngineStreamBroken("gone")))

    assert (end_of(events).kind, end_of(events).rung) == ("quoted", "quoted")
    assert "No language model answers just now" in text_of(events)
    assert Waiting(0, trying="quoted") in events


async def test_the_end_of_a_very_long_document_is_left_out_and_named() -> None:
    """At most so many parts are read; the pages behind them stand in the answer."""
    shelf = ShelfOf(document(*(page(number, 20) for number in range(1, 301))))
    engine = Answering(lambda _: "A note.", context_tokens=1024)

    events = await summary(shelf, engine)

    parts = [r for r in engine.requests if "Part " in r.payload["messages"][-1]["content"]]
    (coverage,) = end_of(events).coverage
    ((pages, reason),) = coverage.left_out
    assert len(parts) == MOST_PARTS and reason == "too_long" and pages.endswith("–300")
    assert 0 < coverage.share < 1 and f"at most {MOST_PARTS} parts" in text_of(events)


async def test_closing_it_ends_every_call() -> None:
    """Stop, and no part is asked any more."""
    shelf = ShelfOf(document(*(page(number) for number in range(1, 31))))
    engine = Answering(lambda _: "A note.")
    engine.hold = asyncio.Event()
    request = AnswerRequest((ChatMessage("user", "Summarise"),), "summarise", attached=COLLECTION)
    pipeline = Summarise(ANALYZER, shelf, Quoter(Hashed(), ANALYZER))

    async def follow() -> None:
        async with aclosing(pipeline.answer(CALLER, request, engine, shelf)) as events:
            async for _ in events:
                pass

    following = asyncio.create_task(follow())
    while engine.running < 4:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    assert engine.running == 0 and len(engine.requests) == 4


async def test_without_an_engine_the_document_speaks() -> None:
    """Sentences of every section, verbatim, verified at their page, and said to be quotes."""
    book = document(f"{RENT}\nThe flat has 70 square metres, two rooms and a balcony to the south.", NOTICE)
    shelf = ShelfOf(book)

    events = await summary(shelf, None)

    text = text_of(events)
    (cited,) = [event for event in events if isinstance(event, Cited)]
    assert end_of(events).kind == "quoted" and "No language model is connected" in text
    assert {one.page for one in cited.citations} == {1, 2}
    assert all(one.is_verified and text[one.start : one.end] == one.quote for one in cited.citations)
    assert all(one.quote in book.pages[(one.page or 1) - 1].text for one in cited.citations)


async def test_a_spanish_wish_is_answered_in_spanish() -> None:
    """The prompts and what is said of the coverage."""
    shelf = ShelfOf(document(RENT))
    engine = Answering(lambda _: "Un contrato.")

    events = await summary(shelf, engine, "Resúmeme este PDF, por favor")

    assert "Resumes un archivo" in engine.requests[0].payload["messages"][0]["content"]
    assert "Leído para esto: todo «report.pdf»" in text_of(events)


async def test_pages_without_text_and_files_that_failed_are_named() -> None:
    """A scan that could not be read is not passed over in silence."""
    shelf = ShelfOf(document(RENT, "  ", NOTICE), unread=[("photo.pdf", "failed")])

    events = await summary(shelf, Answering(lambda _: "A contract."))

    assert "No text was found on page 2" in text_of(events)
    assert "“photo.pdf” could not be read" in text_of(events)
    assert "partial" in end_of(events).notes


async def test_nothing_to_read_is_said_and_no_engine_is_asked() -> None:
    """A chat whose only file failed, and a request that names no document."""
    engine = Answering(lambda _: "Never.")
    shelf = ShelfOf(unread=[("photo.pdf", "failed")])
    pipeline = Summarise(ANALYZER, shelf, Quoter(Hashed(), ANALYZER))
    nothing = AnswerRequest((ChatMessage("user", "Summarise"),), "summarise")

    events = await summary(shelf, engine)
    unnamed = [event async for event in pipeline.answer(CALLER, nothing, engine, shelf)]

    assert end_of(events).notes == ("nothing_to_read",) and "photo.pdf" in text_of(events)
    assert end_of(unnamed).notes == ("nothing_given",) and "vector_store_ids" in text_of(unnamed)
    assert engine.requests == []
