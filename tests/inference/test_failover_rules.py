"""The rules of failover: what a failure means, how many retries there are, how long a first token may take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import (
    CloudKeyRefused,
    CloudNotPermitted,
    CloudRefused,
    EngineRefused,
    EngineStreamBroken,
    EngineUnavailable,
    ModelNotFound,
)
from inference.failover.answer_head import read_head
from inference.failover.first_token import FirstTokens
from inference.failover.judging import may_move, outcome_of
from inference.failover.outcomes import Outcome
from inference.failover.retry_budget import RetryBudget
from inference.failover.settings import FailoverSettings

SSE, JSON = "text/event-stream; charset=utf-8", "application/json"
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
WORD = b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}\n\n'
DONE = b"data: [DONE]\n\n"


async def pieces(data: Sequence[bytes], broken: bool = False) -> AsyncIterator[bytes]:
    """As an engine sends them; broken: the connection dies behind them."""
    for piece in data:
        yield piece
    if broken:
        raise EngineStreamBroken("The connection died.")


# what a failure means -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "outcome", "moves"),
    [
        (EngineUnavailable("x"), Outcome.UNREACHABLE, True),
        (EngineRefused(500, b""), Outcome.FAILED, True),
        (EngineRefused(503, b""), Outcome.FAILED, True),
        (EngineRefused(429, b""), Outcome.RATE_LIMITED, True),
        (EngineRefused(401, b""), Outcome.REJECTED, True),
        (EngineRefused(400, b""), Outcome.NOT_COUNTED, False),
        (EngineRefused(404, b""), Outcome.NOT_COUNTED, False),
        (EngineRefused(413, b""), Outcome.NOT_COUNTED, False),
        (EngineRefused(422, b""), Outcome.NOT_COUNTED, False),
        (EngineStreamBroken("x"), Outcome.BROKEN, True),
        (EngineStreamBroken("x", is_malformed=True), Outcome.MALFORMED, True),
        (CloudRefused("x", 503), Outcome.FAILED, True),
        (CloudKeyRefused("x", 401), Outcome.REJECTED, True),
        (CloudNotPermitted("x"), Outcome.NOT_COUNTED, False),
        (ModelNotFound("x", []), Outcome.NOT_COUNTED, False),
        (ConnectionResetError(), Outcome.NOT_COUNTED, False),
    ],
    ids=lambda value: str(value) if isinstance(value, Outcome | bool) else None,
)
def test_a_failure_is_the_engine_s_or_the_client_s(failure: Exception, outcome: Outcome, moves: bool) -> None:
    """Only what is the engine's own counts, and only that is tried elsewhere."""
    assert outcome_of(failure) is outcome
    assert may_move(outcome) is moves


# how many retries -----------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 30)), max_size=300))
def test_retries_never_pass_their_share(history: list[tuple[bool, float]]) -> None:
    """A tenth of the requests, one in five seconds, and the reserve: not one more, whatever the order."""
    budget, now_s, requests, retries = RetryBudget(0.1, 5), 0.0, 0, 0
    for is_request, passed_s in history:
        now_s += passed_s
        if is_request:
            budget.earn()
            requests += 1
        else:
            retries += budget.take(now_s)

    assert retries <= 5 + 0.1 * requests + 0.2 * now_s + 1e-6


def test_retries_come_back_with_traffic() -> None:
    """After a burst ten requests earn the next one."""
    budget = RetryBudget(0.1, 2)
    spent = [budget.take(0.0) for _ in range(4)]
    for _ in range(11):
        budget.earn()

    assert spent == [True, True, False, False]
    assert budget.take(0.0) and not budget.take(0.0)


def test_without_a_share_there_are_none() -> None:
    """Not even where time goes by."""
    budget = RetryBudget(0.0, 0)

    assert not budget.take(0.0) and not budget.take(1e6)


# how long a first token may take --------------------------------------------------------------------------


def test_what_nobody_knows_gets_what_a_slow_processor_needs() -> None:
    """A prompt that is read for a minute at fifty tokens a second is in time."""
    times = FirstTokens(FailoverSettings())

    assert times.deadline_s("a", "m", 3000) >= 60 + 30
    assert times.deadline_s("a", "m", 3000) > times.deadline_s("a", "m", 10)


def test_what_is_usual_counts_by_engine_and_length() -> None:
    """A fast engine has a second for a short prompt, and more for a long one; another engine is another matter."""
    settings = FailoverSettings()
    times = FirstTokens(settings)
    for _ in range(20):
        times.took("a", "m", 100, 0.05)
        times.took("a", "m", 3000, 2.0)

    assert times.deadline_s("a", "m", 100) == settings.first_token_least_s
    assert 6.0 <= times.deadline_s("a", "m", 3000) < 12.0
    assert times.deadline_s("a", "m", 30_000) > times.deadline_s("a", "m", 3000)
    assert times.deadline_s("b", "m", 100) == pytest.approx(settings.first_token_unknown_s, abs=5)


def test_an_engine_that_varies_is_given_more() -> None:
    """By its own mean deviation."""
    steady, moody = FirstTokens(FailoverSettings()), FirstTokens(FailoverSettings())
    for number in range(40):
        steady.took("a", "m", 100, 1.0)
        moody.took("a", "m", 100, 0.2 if number % 2 else 1.8)

    assert moody.deadline_s("a", "m", 100) > 1.5 * steady.deadline_s("a", "m", 100)


def test_an_engine_that_became_slow_is_given_more_before_long() -> None:
    """Those that were given up count with the time they had, so what is usual grows."""
    times = FirstTokens(FailoverSettings())
    for _ in range(50):
        times.took("a", "m", 100, 0.05)
    before_s = times.deadline_s("a", "m", 100)
    for _ in range(5):
        times.took("a", "m", 100, times.deadline_s("a", "m", 100))

    assert times.deadline_s("a", "m", 100) > 2 * before_s


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.floats(0.001, 300)), max_size=60),
    st.integers(0, 200_000),
)
def test_no_deadline_is_shorter_than_the_least(seen: list[tuple[int, float]], prompt_tokens: int) -> None:
    """Whatever was seen before."""
    times = FirstTokens(FailoverSettings())
    for size, took_s in seen:
        times.took("a", "m", size, took_s)

    assert times.deadline_s("a", "m", prompt_tokens) >= FailoverSettings().first_token_least_s


# where an answer begins -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begun",
    [
        WORD,
        b'data: {"choices":[{"delta":{"reasoning_content":"Hm"}}]}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}\n\n',
        b'data: {"choices":[{"text":"Hello"}]}\n\n',
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
        DONE,
    ],
    ids=["text", "thought", "tool", "completion", "finish", "done"],
)
async def test_an_answer_begins_with_what_it_carries(begun: bytes) -> None:
    """The role alone, a comment and an empty text are no beginning."""
    frames = pieces([b": hello\n\n", ROLE, begun, b"more"])

    assert await read_head(SSE, frames) == b": hello\n\n" + ROLE + begun
    assert [piece async for piece in frames] == [b"more"]


@pytest.mark.parametrize(
    "data",
    [b'data: {"choices": [{"del\n\n', b"data: [1]\n\n", b"data: <html>\n\n"],
    ids=["cut off", "a list", "a page"],
)
async def test_nonsense_before_the_first_token_is_no_answer(data: bytes) -> None:
    """It is noticed while another engine can still be asked."""
    with pytest.raises(EngineStreamBroken) as raised:
        await read_head(SSE, pieces([ROLE, data, WORD]))

    assert raised.value.is_malformed


@pytest.mark.parametrize(("code", "status"), [(400, 400), (503, 503), ("x", 502)])
async def test_an_error_event_before_the_first_token_is_a_refusal(code: object, status: int) -> None:
    """With the status it would have had without the stream."""
    told = b'{"error":{"message":"no","code":%b}}' % (b'"x"' if code == "x" else str(code).encode())
    with pytest.raises(EngineRefused) as raised:
        await read_head(SSE, pieces([ROLE, b"data: " + told + b"\n\n"]))

    assert raised.value.status == status and raised.value.body == told


@pytest.mark.parametrize("broken", [True, False])
async def test_a_stream_that_ends_before_its_first_token_is_none(broken: bool) -> None:
    """However it ends."""
    with pytest.raises(EngineUnavailable):
        await read_head(SSE, pieces([ROLE], broken))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", b"<html>"), (JSON, b'{"choices": ['), (JSON, b"[]"), (JSON, b"")],
    ids=["a page", "cut off", "a list", "nothing"],
)
async def test_a_whole_answer_that_is_none_is_malformed(content_type: str, body: bytes) -> None:
    """All of it is looked at before any of it is passed on."""
    with pytest.raises(EngineStreamBroken) as raised:
        await read_head(content_type, pieces([body]))

    assert raised.value.is_malformed


async def test_a_whole_answer_is_its_own_head_up_to_a_mebibyte() -> None:
    """Beyond that it passes as it comes, and memory does not grow with it."""
    small, large = pieces([b'{"a": ', b"1}"]), pieces([b"x" * 2**19] * 8)

    assert await read_head(JSON, small) == b'{"a": 1}'
    assert len(await read_head(JSON, large)) == 3 * 2**19
    assert len([piece async for piece in large]) == 5
