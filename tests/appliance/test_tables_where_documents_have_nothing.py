"""A question to the documents whose answer stands in a table: a saved question is run, or the tables are named."""

from __future__ import annotations

from uuid import uuid4

from appliance.domain.answers import AnswerEvent, AnswerRequest, Finished, Tabled, TextDelta
from appliance.domain.data import ChosenQuestion
from appliance.pipelines.answer_from_data.pipeline import AnswerFromData
from appliance.pipelines.answer_with_sources import AnswerWithSources
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.test_answer_from_data import CALLER, desk, saved
from tests.appliance.test_answer_with_sources import NoMeaning, OneBook
from tests.desk_of_tables import DeskOfTables, SavedHere

__all__ = ["desk"]

QUESTION = "¿Cuánto se vendió en total?"
SQL = "SELECT sum(amount) AS total FROM sales"


async def _asked(tables: DeskOfTables | None, saved_here: SavedHere, **scope: object) -> list[AnswerEvent]:
    analyzer = Analyzer(("en", "es"))
    from_tables = AnswerFromData(tables, saved_here, analyzer)
    pipeline = AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer, None, from_tables)
    request = AnswerRequest([ChatMessage("user", QUESTION)], pipeline.name, **scope)  # type: ignore[arg-type]
    search = OneBook(is_relevant=False)
    return [event async for event in pipeline.answer(CALLER, request, None, search)]


def _said(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_saved_question_answers_what_no_document_holds(desk: DeskOfTables) -> None:
    """Its rows stand beside the answer, which says that a saved question was run."""
    here = SavedHere(chosen_as={QUESTION: ChosenQuestion(saved(SQL), 0.9)})

    events = await _asked(desk, here)

    assert [event.run.rows.rows for event in events if isinstance(event, Tabled)] == [((3335.31,),)]
    assert "3.335,31" in _said(events) and "pregunta guardada" in _said(events)
    assert isinstance(events[-1], Finished) and events[-1].model == "answer-from-data"


async def test_where_no_saved_question_fits_the_tables_are_named(desk: DeskOfTables) -> None:
    """Beside the refusal, for who has tables to ask; nobody else hears of them."""
    with_tables = await _asked(desk, SavedHere())
    without = await _asked(None, SavedHere())

    assert "«Respuesta con tablas»" in _said(with_tables) and "tablas" not in _said(without)
    assert all(
        isinstance(each[-1], Finished) and each[-1].kind == "refused" for each in (with_tables, without)
    )


async def test_who_asked_chosen_documents_gets_their_answer_only(desk: DeskOfTables) -> None:
    """A saved question that fits is not run, and no table is named."""
    here = SavedHere(chosen_as={QUESTION: ChosenQuestion(saved(SQL), 0.9)})

    events = await _asked(desk, here, collection_ids=(uuid4(),))

    assert not [event for event in events if isinstance(event, Tabled)] and "tablas" not in _said(events)
