"""Answers from documents that broke off and are gone on with, and what their person wants them to heed."""

from __future__ import annotations

import pytest

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited, Finished, Restarted, TextDelta
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.texts import TEXTS
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.test_answer_with_sources import CALLER, NoMeaning, OneBook, Scripted

QUESTION = "How many days of holiday does an employee have?"
BEGUN = "Every employee has 23 working days of holiday a year [1]. Unused days"
REST = " expire on 31 March of the next year [1]."


async def _answered(engine: Scripted | None, search: OneBook, **more: str) -> list[AnswerEvent]:
    analyzer = Analyzer(("en", "es"))
    pipeline = AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer)
    request = AnswerRequest((ChatMessage("user", QUESTION),), "answer-with-sources", **more)  # type: ignore[arg-type]
    return [event async for event in pipeline.answer(CALLER, request, engine, search)]


def _text(events: list[AnswerEvent]) -> str:
    """What a reader ends up with."""
    text = BEGUN
    for event in events:
        if isinstance(event, Restarted):
            text = ""
        elif isinstance(event, TextDelta):
            text += event.text
    return text


async def test_both_halves_are_checked_as_one_answer() -> None:
    """The engine is given the first half; citations of either stand where they are in the whole."""
    engine = Scripted(REST)
    events = await _answered(engine, OneBook(), partial=BEGUN)
    (cited,) = [event for event in events if isinstance(event, Cited)]

    assert _text(events) == BEGUN + REST
    assert engine.requests[0].is_continuing
    assert engine.requests[0].payload["messages"][-1] == {"role": "assistant", "content": BEGUN}
    assert len(cited.citations) == 2 and not cited.unsupported
    assert all((BEGUN + REST)[one.start : one.end].strip() for one in cited.citations)
    assert cited.citations[-1].end > len(BEGUN)


@pytest.mark.parametrize("language", ["en", "es"])
async def test_what_was_added_behind_the_first_half_does_not_stay_in_the_middle(language: str) -> None:
    """The note that a part has no support stood at the end, where the answer now goes on."""
    note = TEXTS[language]["unsupported"]  # type: ignore[index]
    engine = Scripted(REST)
    events = await _answered(engine, OneBook(), partial=f"{BEGUN}\n\n_{note}_")

    assert _text(events) == BEGUN + REST
    assert engine.requests[0].payload["messages"][-1]["content"] == BEGUN


async def test_quotes_are_made_anew() -> None:
    """Without an engine there is nothing to go on with: the documents' words replace what was there."""
    events = await _answered(None, OneBook(), partial=BEGUN)

    assert _text(events).startswith("**handbook.pdf")
    assert isinstance(events[-1], Finished) and events[-1].kind == "quoted"


async def test_the_person_s_instructions_stand_before_the_pipeline_s() -> None:
    """They are read by the engine, and what the pipeline says comes after them."""
    engine = Scripted(BEGUN)
    await _answered(engine, OneBook(), instructions="Be brief and use British spelling.")
    system = engine.requests[0].payload["messages"][0]["content"]

    assert 0 < system.index("British spelling") < system.index("Use only the numbered passages")


async def test_long_instructions_leave_room_for_passages() -> None:
    """At most about a quarter of what the model reads is theirs."""
    engine = Scripted(BEGUN)
    await _answered(engine, OneBook(), instructions="Be brief. " * 1_000)
    system = engine.requests[0].payload["messages"][0]["content"]

    assert "23 working days" in system and len(system) < 4_500
