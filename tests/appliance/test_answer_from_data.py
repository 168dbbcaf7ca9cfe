"""Answers from tables: saved questions run as they are, and what is said where nothing fits."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from appliance.domain.answers import AnswerEvent, AnswerRequest, Finished, Restarted, Tabled, TextDelta
from appliance.domain.data import ChosenQuestion, SavedParameter, SavedQuestion
from appliance.domain.origins import OWN_WORDS, of_source
from appliance.domain.people import Caller
from appliance.pipelines.answer_from_data.pipeline import AnswerFromData
from inference.types import ChatMessage
from querying.types import Column, Schema, Table
from rag.analysis import Analyzer
from tests.appliance.test_answer_with_sources import OneBook
from tests.desk_of_tables import SOURCE_ID, DeskOfTables, SavedHere

CALLER = Caller(uuid4(), "ana@example.com")
SCHEMA = Schema(
    "sqlite",
    (
        Table(
            "sales",
            (Column("month", "integer"), Column("product", "text"), Column("amount", "decimal")),
            description="What was sold",
        ),
    ),
)


@pytest.fixture
def desk(tmp_path: Path) -> DeskOfTables:
    """One table of sales, known as "Ventas"."""
    path = tmp_path / "sales.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE sales (month INTEGER, product TEXT, amount REAL)")
        database.executemany(
            "INSERT INTO sales VALUES (?, ?, ?)",
            [(1, "Café", 1200.5), (2, "Café", 800.25), (3, "Té", 1234.56), (3, "Café", 100)],
        )
    return DeskOfTables.over_sqlite(path, SCHEMA)


def saved(sql: str, *parameters: SavedParameter, language: str = "es") -> SavedQuestion:
    """One whose words do not matter."""
    assert language in ("en", "es")
    return SavedQuestion(uuid4(), SOURCE_ID, "Total de ventas por mes", sql, "es", parameters=parameters)


async def ask(
    desk: DeskOfTables | None, question: str, saved_here: SavedHere | None = None, **more: Any
) -> list[AnswerEvent]:
    """Without a model."""
    pipeline = AnswerFromData(desk, saved_here, Analyzer(("en", "es")))
    request = AnswerRequest([ChatMessage("user", question)], pipeline.name, origins=OWN_WORDS, **more)
    return [event async for event in pipeline.answer(CALLER, request, None, OneBook())]


def text_of(events: list[AnswerEvent]) -> str:
    """All of it."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_saved_question_is_run_as_it_is_and_named(desk: DeskOfTables) -> None:
    """The answer says which one it was, with its value in Spanish; the rows stand beside it."""
    one = saved(
        "SELECT sum(amount) AS total_ventas FROM sales WHERE month = :mes", SavedParameter("mes", "integer")
    )
    here = SavedHere(chosen_as={"¿Cuánto se vendió en marzo?": ChosenQuestion(one, 0.9, {"mes": 3})})

    events = await ask(desk, "¿Cuánto se vendió en marzo?", here)

    (tabled,) = [event for event in events if isinstance(event, Tabled)]
    assert tabled.run.rows.rows == ((1334.56,),) and tabled.saved_id == one.id
    assert tabled.origins == {of_source(SOURCE_ID)} and tabled.chart is None
    assert text_of(events) == (
        "He ejecutado la pregunta guardada «Total de ventas por mes» (mes: 3).\n\nTotal ventas: **1.334,56**."
    )
    assert isinstance(events[-1], Finished) and events[-1].kind == "quoted"


async def test_a_value_that_nobody_told_is_asked_back(desk: DeskOfTables) -> None:
    """Nothing runs until it is known."""
    one = saved("SELECT :mes", SavedParameter("mes", "integer", "Mes"))
    chosen = ChosenQuestion(one, 0.9, missing=one.parameters)

    events = await ask(desk, "ventas del mes", SavedHere(chosen_as={"ventas del mes": chosen}))

    assert "falta un dato: Mes" in text_of(events) and desk.asked == []


async def test_a_default_is_used_and_said(desk: DeskOfTables) -> None:
    """Whoever reads the number knows for which month it is."""
    one = saved(
        "SELECT sum(amount) AS t FROM sales WHERE month = :mes", SavedParameter("mes", "integer", default=1)
    )
    chosen = ChosenQuestion(one, 0.9, missing=one.parameters)

    events = await ask(desk, "ventas del mes", SavedHere(chosen_as={"ventas del mes": chosen}))

    assert "(mes: 1, porque no se dijo otra cosa)" in text_of(events) and "1.200,50" in text_of(events)


async def test_without_a_model_only_saved_questions_are_answered(desk: DeskOfTables) -> None:
    """The answer says so, names questions to begin with, and what tables there are."""
    events = await ask(desk, "How tall is the tower?", SavedHere([saved("SELECT 1")]))

    said = text_of(events)
    assert "No language model is connected" in said and "- Total de ventas por mes" in said
    assert "**Ventas**: sales (What was sold)" in said and desk.asked == []
    assert isinstance(events[-1], Finished) and events[-1].kind == "refused"


async def test_a_saved_question_that_runs_no_more_says_why(desk: DeskOfTables) -> None:
    """Its tables changed since it was checked; nothing is made up instead."""
    one = saved("SELECT revenue FROM sales")

    events = await ask(
        desk,
        "¿Qué ventas hay en total?",
        SavedHere(chosen_as={"¿Qué ventas hay en total?": ChosenQuestion(one, 1.0)}),
    )

    assert "encaja, pero no ha traído nada" in text_of(events)
    assert isinstance(events[-1], Finished) and events[-1].notes == ("query_refused",)


async def test_workbooks_of_the_chat_s_files_are_asked_before_all_else(desk: DeskOfTables) -> None:
    """And the chosen collections' alone, where some were chosen."""
    chat, other = uuid4(), uuid4()
    workbook = replace(desk.sources[0], id=uuid4(), name="Hoja", kind="workbook", collection_id=chat)
    desk.sources = [*desk.sources, workbook]

    attached = await ask(desk, "¿Qué hay aquí?", attached=chat)
    chosen = await ask(desk, "¿Qué hay aquí?", collection_ids=(other,))
    everything = await ask(desk, "¿Qué hay aquí?")

    assert "**Hoja**" in text_of(attached) and "**Ventas**" not in text_of(attached)
    assert "no hay tablas" in text_of(chosen) and "**Ventas**" in text_of(everything)


async def test_an_answer_that_broke_off_is_begun_anew(desk: DeskOfTables) -> None:
    """Rows are read again."""
    assert isinstance((await ask(desk, "¿Qué hay?", partial="He ejec"))[0], Restarted)


async def test_who_may_ask_nothing_is_told_so() -> None:
    """Neither a source nor a desk."""
    assert "no tables that you may ask" in text_of(await ask(None, "How much did we sell?"))
