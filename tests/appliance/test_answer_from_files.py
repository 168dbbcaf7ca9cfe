"""Questions in a chat with files of its own: all of the text where it fits, passages of it where not, summaries."""

from __future__ import annotations

from typing import get_args

import pytest

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Progressed
from appliance.domain.documents import IngestionStatus
from appliance.pipelines.answer_from_files import AnswerFromFiles
from appliance.pipelines.wishes import wants_summary
from appliance.ports import PipelineParts
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.files_of_a_chat import CALLER, COLLECTION, Answering, ShelfOf, document, end_of, text_of
from tests.appliance.test_answer_with_sources import NoMeaning
from tests.appliance.test_summarise import NOTICE, RENT, page


async def asked(
    shelf: ShelfOf, engine: Answering | None, question: str, model: str = "answer-with-sources"
) -> list[AnswerEvent]:
    """Everything that is said to a question in a chat with these files."""
    analyzer = Analyzer(("en", "es"))
    pipeline = AnswerFromFiles.made_from(PipelineParts(Quoter(NoMeaning(), analyzer), analyzer, shelf))
    request = AnswerRequest((ChatMessage("user", question),), model, attached=COLLECTION)
    return [event async for event in pipeline.answer(CALLER, request, engine, shelf)]


async def test_all_of_a_short_file_goes_into_the_prompt() -> None:
    """Nothing is searched; the answer's sentences are cited where they stand."""
    shelf = ShelfOf(document(RENT, NOTICE))
    engine = Answering(lambda _: "The tenant pays 950 euros of rent. [1]")

    events = await asked(shelf, engine, "How much is the rent?")

    prompt = engine.requests[0].payload["messages"][0]["content"]
    (cited,) = [event for event in events if isinstance(event, Cited)]
    assert RENT in prompt and NOTICE in prompt and shelf.questions == []
    assert [(one.quote, one.page, one.is_verified) for one in cited.citations] == [(RENT, 1, True)]
    assert "whole_text" in end_of(events).notes and end_of(events).coverage[0].share == 1.0


async def test_a_file_that_does_not_fit_is_searched_and_nothing_else() -> None:
    """Only in this chat's own collection."""
    book = document(*(page(number) for number in range(1, 31)))
    shelf = ShelfOf(book)
    shelf.found = [one for one in book.passages if "Clause 7.3 " in one.text]
    engine = Answering(lambda _: "Clause 7.3 says that item 703 of the warehouse is delivered on day 3. [1]")

    events = await asked(shelf, engine, "When is item 703 delivered?")

    (cited,) = [event for event in events if isinstance(event, Cited)]
    assert shelf.questions == [("When is item 703 delivered?", (COLLECTION,))]
    assert cited.citations[0].page == 7 and cited.citations[0].is_verified


async def test_what_just_fits_and_what_just_does_not() -> None:
    """By the model's own count with room for the answer; never a prompt that is too long or a text that was cut."""
    for pages in range(1, 14):
        book = document(*(page(number, 6) for number in range(1, pages + 1)))
        shelf = ShelfOf(book)
        shelf.found = list(book.passages[:1])
        engine = Answering(lambda _: "Yes.", context_tokens=2048)

        await asked(shelf, engine, "What about clause 1?")

        (request,) = engine.requests
        words = "\n".join(message["content"] for message in request.payload["messages"])
        tokens = await engine.count_tokens("scripted", words)
        assert tokens is not None and tokens + request.payload["max_tokens"] <= 2048
        assert bool(shelf.questions) != all(one.text in words for one in book.passages), pages


async def test_asking_for_a_summary_gives_one() -> None:
    """By words, or by the model's name."""
    for question, model in (("Resúmeme este PDF", "answer-with-sources"), ("Go on", "summarise")):
        engine = Answering(lambda _: "Un contrato de alquiler.")

        events = await asked(ShelfOf(document(RENT)), engine, question, model)

        system = engine.requests[0].payload["messages"][0]["content"]
        assert "You summarise a file" in system or "Resumes un archivo" in system
        assert "report.pdf" in text_of(events)


async def test_files_that_are_still_being_read_are_waited_for() -> None:
    """With how far they are; one that then fails is named in the answer."""
    shelf = ShelfOf(document(RENT), unread=[("slow.pdf", "in_progress")])
    engine = Answering(lambda _: "The rent is 950 euros. [1]")

    events = await asked(shelf, engine, "How much is the rent?")

    assert events[0] == Progressed("reading", 40, 100, "slow.pdf")
    assert "“slow.pdf” could not be read" in text_of(events)


async def test_without_an_engine_the_files_are_quoted() -> None:
    """Word for word from this chat's files."""
    book = document(RENT, NOTICE)
    shelf = ShelfOf(book)
    shelf.found = [book.passages[0]]

    events = await asked(shelf, None, "How much is the rent?")

    assert end_of(events).kind == "quoted" and RENT in text_of(events)
    assert shelf.questions[0][1] == (COLLECTION,)


async def test_what_the_files_do_not_hold_is_said_of_these_files() -> None:
    """Not of all documents, for only these were searched."""
    shelf = ShelfOf(document(RENT, NOTICE))

    events = await asked(shelf, None, "Where is the printer?")

    assert "in the files of this chat" in text_of(events) and end_of(events).kind == "refused"


@pytest.mark.parametrize(
    "status", [one for one in get_args(IngestionStatus) if one in ("failed", "cancelled")]
)
async def test_a_chat_whose_files_cannot_be_read_says_so(status: IngestionStatus) -> None:
    """No model makes something up."""
    engine = Answering(lambda _: "Never.")

    events = await asked(ShelfOf(unread=[("scan.pdf", status)]), engine, "How much is the rent?")

    assert end_of(events).kind == "refused" and "scan.pdf" in text_of(events) and engine.requests == []


WISHES = """Resúmeme este PDF|resume
Resume este documento|summary|Summary please|summarise this|Summarize the file|tl;dr
TL;DR?|Give me a short summary of this report|Hazme un resumen|haz un resumen de dos párrafos|resumen por favor
¿Puedes resumirme el contrato?|Could you please summarise it in Spanish?|Please sum it up|What are the main points?
¿De qué trata este documento?|What is this document about?|Quiero un resumen ejecutivo|Dame las ideas principales
I need a one page summary|Necesito que me resumas esto|sintetiza el informe|¿De qué va esto?|ok, summarise"""
QUESTIONS = """Where is Ana's resume?|What does the summary say about costs?|¿Qué dice el resumen sobre los costes?
Who wrote the summary?|How many days of holiday do I have?|When does work resume after Christmas?|¿Cuál es el importe?
Is there an executive summary?|Does the abstract name the authors?|Which section holds the overview of fees?
How do I resume a download?|¿En qué página está el resumen?|What is the notice period?|   |"""


@pytest.mark.parametrize("message", [one for line in WISHES.splitlines() for one in line.split("|")])
def test_a_wish_for_a_summary_is_recognised(message: str) -> None:
    """In both languages, short and polite."""
    assert wants_summary(message)


@pytest.mark.parametrize("message", [one for line in QUESTIONS.splitlines() for one in line.split("|")])
def test_a_question_about_something_is_none(message: str) -> None:
    """Also where it has the word in it."""
    assert not wants_summary(message)
