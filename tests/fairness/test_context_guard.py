"""What the gate decides of a prompt's length: by its bytes, by the engine's count, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import PromptTooLong
from appliance.fairness.admission import Candidate
from appliance.fairness.context_guard import Checked, ContextGuard, as_too_long, is_cut
from appliance.fairness.routing import Routes
from inference.errors import EngineRefused
from inference.types import EngineRequest, PromptCount, Usage


class Counting:
    """A token is a character, and ten are the template's for each message. can: whether it can be asked."""

    def __init__(self, *, strict: bool = False, can: bool = True, is_exact: bool = True) -> None:
        self.refuses_long_answers, self.can, self.is_exact = strict, can, is_exact
        self.asked = 0

    async def count_prompt(self, request: EngineRequest) -> PromptCount | None:
        """As the class says."""
        self.asked += 1
        messages = request.payload["messages"]
        tokens = sum(10 * self.is_exact + len(message["content"]) for message in messages)
        return PromptCount((tokens,), self.is_exact) if self.can else None


def routes(engine: Counting, context: int | None = 200) -> Routes:
    """To that engine alone."""
    return Routes("p", {"e": (engine, "m")}, (Candidate("e", 1),), context)  # type: ignore[dict-item]


def chat(*contents: str, **fields: Any) -> EngineRequest:
    """A question, an answer, a question …"""
    roles = ["user", "assistant"] * len(contents)
    messages = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]
    return EngineRequest("chat/completions", {"model": "m", "messages": messages, **fields})


@pytest.fixture
def guard() -> ContextGuard:
    """At time zero."""
    return ContextGuard(lambda: 0.0)


async def test_a_short_prompt_costs_the_engine_nothing(guard: ContextGuard) -> None:
    """Its template is measured once, by two counts; then bytes decide."""
    engine = Counting()
    known = routes(engine)
    for _ in range(5):
        await guard.check(chat("hello"), known)

    assert engine.asked == 2


async def test_only_near_the_limit_the_engine_counts(guard: ContextGuard) -> None:
    """The last token that fits is let through with its count, the next is refused with the numbers."""
    engine = Counting()
    known = routes(engine)
    fits = await guard.check(chat("x" * 189), known)

    assert (fits.prompt_tokens, fits.is_exact) == (199, True)
    with pytest.raises(
        PromptTooLong, match="It has 200 tokens; 'm' reads 200 in all, its answer included: 1 too many"
    ):
        await guard.check(chat("x" * 190), known)


async def test_an_answer_without_room_is_refused_where_the_engine_refuses_it(guard: ContextGuard) -> None:
    """As vLLM does; llama.cpp writes until it is full, and says so."""
    with pytest.raises(PromptTooLong, match=r"asks for 50 more; .*: 10 too many. Ask for at most 40"):
        await guard.check(chat("x" * 150, max_tokens=50), routes(Counting(strict=True)))
    assert (await guard.check(chat("x" * 150, max_tokens=50), routes(Counting()))).dropped is None


async def test_as_few_turns_go_as_it_takes(guard: ContextGuard) -> None:
    """Of nine; the answer gets the room that it asks for, and `truncation` does not reach the engine."""
    request = chat(*["y" * 20, "z" * 10] * 4, "last", truncation="auto", max_tokens=40)
    checked = await guard.check(request, routes(Counting()))

    contents = [message["content"] for message in checked.request.payload["messages"]]
    assert contents == ["y" * 20, "z" * 10, "y" * 20, "z" * 10, "last"]
    assert checked.dropped is not None
    assert (checked.dropped.messages, checked.dropped.tokens) == (4, 100)
    assert "truncation" not in checked.request.payload
    assert checked.prompt_tokens == 114


async def test_an_answer_is_cut_where_that_is_allowed_and_told(guard: ContextGuard) -> None:
    """No turn goes for an answer of any length; where the engine is strict the answer gets what is left."""
    request = chat("q" * 60, truncation="auto", max_tokens=1000)
    checked = await guard.check(request, routes(Counting(strict=True)))

    assert checked.dropped is not None
    assert checked.dropped.as_object() == {"messages": 0, "tokens": 0, "max_tokens": 130}
    assert checked.request.payload["max_tokens"] == 130


async def test_where_nobody_can_count_the_engine_decides(guard: ContextGuard) -> None:
    """Asked once, and not again with every request; old turns go by an overestimate where that is allowed."""
    engine = Counting(can=False)
    known = routes(engine)
    for _ in range(5):
        assert (await guard.check(chat("x" * 900), known)).prompt_tokens is None
    assert engine.asked == 2

    request = chat("y" * 900, "z", "last", truncation="auto")
    checked = await guard.check(request, known)
    assert [message["content"] for message in checked.request.payload["messages"]] == ["last"]


async def test_a_count_of_the_texts_alone_refuses_only_what_is_sure(guard: ContextGuard) -> None:
    """The template's own tokens are not in it, so the engine may still refuse."""
    known = routes(Counting(is_exact=False))
    assert not (await guard.check(chat("x" * 199), known)).is_exact
    with pytest.raises(PromptTooLong):
        await guard.check(chat("x" * 200), known)


async def test_an_unknown_context_is_no_limit(guard: ContextGuard) -> None:
    """Nor are other routes weighed."""
    assert (await guard.check(chat("x" * 900), routes(Counting(), None))).prompt_tokens is None
    embedding = EngineRequest("embeddings", {"model": "m", "input": "x" * 900})
    assert (await guard.check(embedding, routes(Counting()))).request is embedding


async def test_other_routes_are_measured_anew(guard: ContextGuard) -> None:
    """An engine that came back may have another template."""
    engine = Counting()
    await guard.check(chat("hello"), routes(engine))
    await guard.check(chat("hello"), routes(engine))

    assert engine.asked == 4


def test_an_engine_s_own_refusal_is_told_in_our_words() -> None:
    """With its numbers; other refusals stay."""
    body = b'{"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 600, "n_ctx": 512, "message": ""}}'
    told = as_too_long(EngineRefused(400, body), chat("x"), None)

    assert isinstance(told, PromptTooLong)
    assert "600 tokens; 'm' reads 512 in all" in str(told)
    other = EngineRefused(400, b'{"error": {"message": "no such tool"}}')
    assert as_too_long(other, chat("x"), 512) is other


def test_fewer_tokens_than_were_counted_are_a_cut() -> None:
    """None at all means that the engine does not tell."""
    counted = Checked(chat("x"), 600)

    assert is_cut(counted, Usage(512))
    assert not is_cut(counted, Usage(600))
    assert not is_cut(counted, Usage(0))
    assert not is_cut(Checked(chat("x")), Usage(5))
