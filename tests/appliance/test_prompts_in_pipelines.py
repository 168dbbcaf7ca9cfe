"""The words of the catalogue in the pipelines: what is in force is what the model reads, and the answer says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from appliance.domain.answers import AnswerEvent, AnswerRequest, Finished
from appliance.domain.people import Language
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.following_up import FollowingUp
from appliance.pipelines.purposes import PURPOSES, ShippedPrompts
from appliance.ports.prompts import PromptInForce
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.quoter import Quoter
from tests.appliance.test_answer_with_sources import CALLER, NoMeaning, OneBook, Scripted

QUESTION = "How many days of holiday does an employee have?"


class Changed:
    """Some purposes have other words than the shipped ones."""

    def __init__(self, changes: Mapping[str, dict[str, object]]) -> None:
        self._changes = changes

    async def in_force(self, purpose: str, language: Language) -> PromptInForce:
        shipped = await ShippedPrompts().in_force(purpose, language)
        return replace(shipped, **self._changes.get(purpose, {}))  # type: ignore[arg-type]


async def _asked(prompts: Changed, engine: Scripted, **options: object) -> list[AnswerEvent]:
    analyzer = Analyzer(("en", "es"))
    pipeline = AnswerWithSources(Quoter(NoMeaning(), analyzer), analyzer, prompts)
    request = AnswerRequest((ChatMessage("user", QUESTION),), "answer-with-sources", options=options)
    return [event async for event in pipeline.answer(CALLER, request, engine, OneBook())]


async def test_the_words_in_force_are_what_the_model_reads() -> None:
    """Text and examples before the passages, the temperature beside them, the version with the answer."""
    engine = Scripted("Every employee has 23 working days of holiday a year. [1]")
    changed = {
        "text": "Be brief. Cite as [1].",
        "examples": (("How long?", "Three days [1]."),),
        "temperature": 0.7,
        "version": 4,
    }

    events = await _asked(Changed({"answer-with-sources": changed}), engine)

    payload = engine.requests[0].payload
    system = payload["messages"][0]["content"]
    assert system.startswith("Be brief. Cite as [1].") and "23 working days" in system
    assert system.index("Question: How long?\nAnswer: Three days [1].") < system.index("Passages:")
    assert payload["temperature"] == 0.7
    assert isinstance(events[-1], Finished) and events[-1].prompts == ("answer-with-sources@4",)


async def test_whoever_asks_has_the_last_word_on_the_temperature() -> None:
    """A request's own counts before the catalogue's."""
    engine = Scripted("Yes. [1]")

    await _asked(Changed({"answer-with-sources": {"temperature": 0.7}}), engine, temperature=0.1)

    assert engine.requests[0].payload["temperature"] == 0.1


async def test_a_follow_up_is_rewritten_with_the_words_in_force() -> None:
    """Those of its own purpose."""
    engine = Scripted("How many days of holiday next year?")
    prompts = Changed({"follow-up": {"text": "Say it whole."}})

    said = [
        ChatMessage("user", QUESTION),
        ChatMessage("assistant", "23."),
        ChatMessage("user", "And next year?"),
    ]
    wording = await FollowingUp(Analyzer(), prompts=prompts).wording(said, "en", engine, "r")

    assert engine.requests[0].payload["messages"][0]["content"] == "Say it whole."
    assert wording.question == "How many days of holiday next year?"


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_what_is_shipped_could_be_saved(purpose: str) -> None:
    """In both languages, and with the marks that its answers are read by."""
    shipped = PURPOSES[purpose]

    assert all(shipped.shipped.texts.get(language) for language in ("en", "es"))
    for text in shipped.shipped.texts.values():
        assert all(mark in text for mark in shipped.must_hold)
