"""Follow-ups become questions of their own; first questions and whole ones pass as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from appliance.pipelines.following_up import FollowingUp, Wording
from inference.errors import EngineUnavailable
from inference.types import ChatChunk, ChatMessage, EngineRequest
from rag.analysis import Analyzer
from tests.appliance.test_answer_with_sources import Scripted

FIRST = "How many days of holiday does contract AB-1234/7 give?"


def _talk(*said: str) -> Sequence[ChatMessage]:
    roles = ("user", "assistant")
    return [ChatMessage(roles[number % 2], words) for number, words in enumerate(said)]


async def _wording(engine: Scripted | None, *said: str, budget_s: float = 10) -> Wording:
    following = FollowingUp(Analyzer(), budget_s)
    return await following.wording(_talk(*said), "en", engine, "r1")


class Slow(Scripted):
    """An engine that never begins."""

    async def stream(self, request: EngineRequest) -> AsyncGenerator[ChatChunk, None]:
        await asyncio.Event().wait()
        yield ChatChunk("")


class Away(Scripted):
    """An engine that is not there."""

    async def stream(self, request: EngineRequest) -> AsyncGenerator[ChatChunk, None]:
        raise EngineUnavailable
        yield ChatChunk("")


@pytest.mark.parametrize(
    "said",
    [
        ("And when do they expire?",),
        (FIRST, "23 days.", "Which departments may order a new laptop every three years?"),
        (FIRST, "23 days.", 'Which rules mention "force majeure"?'),
    ],
)
async def test_what_stands_alone_is_not_touched(said: tuple[str, ...]) -> None:
    """The first turn, a whole question, a quoted phrase: no engine is asked."""
    engine = Scripted("Something else")

    assert await _wording(engine, *said) == Wording(said[-1])
    assert not engine.requests


@pytest.mark.parametrize(
    ("before", "question"),
    [
        (FIRST, "And when do they expire?"),
        (FIRST, "Why?"),
        ("¿Cuántos días de vacaciones da el contrato AB-1234/7?", "¿Y cuándo caducan?"),
    ],
)
async def test_without_an_engine_the_last_question_is_carried_over(before: str, question: str) -> None:
    """Its content words and its codes to the letter; the question itself stays the second query."""
    found = await _wording(None, before, "23.", question)

    assert found.question.startswith(question)
    assert "AB-1234/7" in found.question
    assert found.also == (question,)


async def test_an_engine_rewrites_in_one_short_call() -> None:
    """What it says is searched for; it reads the conversation and is bounded."""
    engine = Scripted("When do the ", "holidays of AB-1234/7 expire?\n\nExplanation")

    found = await _wording(engine, FIRST, "23 days.", "And when do they expire?")

    assert found == Wording("When do the holidays of AB-1234/7 expire?", ("And when do they expire?",))
    assert len(engine.requests) == 1
    assert engine.requests[0].payload["max_tokens"] <= 128


async def test_numbers_and_codes_of_the_question_survive_the_engine() -> None:
    """What it left out is put back unchanged."""
    found = await _wording(Scripted("When does it expire?"), FIRST, "23.", "And that of XY-9/2 in 2025?")

    assert found.question == "When does it expire? XY-9/2 2025"


@pytest.mark.parametrize("engine", [Away(), Slow(), Scripted(""), Scripted("x" * 5_000)])
async def test_an_engine_that_fails_leaves_the_rule(engine: Scripted) -> None:
    """Away, too slow, silent or talkative: the question is asked with the last one's words."""
    found = await _wording(engine, FIRST, "23 days.", "And when do they expire?", budget_s=0.05)

    assert "AB-1234/7" in found.question
    assert found.also == ("And when do they expire?",)
