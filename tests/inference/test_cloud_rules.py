"""How a request is said in a provider's words, how its refusals are read, and how fast an answer has to come."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.cloud.answers import mended_stream, mended_whole
from inference.cloud.pace import AnswerTooLarge, AnswerTooSlow, Pace, PaceLimits
from inference.cloud.providers import PROVIDERS
from inference.cloud.refusals import refusal
from inference.cloud.rules import CannotBeSaid, translate
from inference.cloud.settings import CloudSettings
from inference.errors import CloudKeyRefused, CloudRefused, EngineRefused, InferenceError
from inference.failover.judging import outcome_of
from inference.failover.outcomes import Outcome

KEY = "sk-proj-0123456789abcdef"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAID_TO_ALL = {"model", "messages", "stream", "input"}

ODD = {"top_k", "user", "metadata", "vector_store_ids", "guided_json", "x-anything", "store"}
names = st.sampled_from(sorted({name for provider in PROVIDERS.values() for name in provider.known} | ODD))
values = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-3, 3), st.text(max_size=5))


@settings(deadline=None)
@given(provider=st.sampled_from(sorted(PROVIDERS)), more=st.dictionaries(names, values, max_size=12))
def test_nothing_leaves_that_the_provider_does_not_know(provider: str, more: dict[str, Any]) -> None:
    """Whatever a client sends: only names of the provider's own list, none that says who asks, messages cleaned."""
    there = PROVIDERS[provider]
    payload = {
        **more,
        "model": "m",
        "stream": True,
        "messages": [{"role": "user", "content": "x", "name": "ana", "annotations": [1], "odd": 2}],
    }
    before = json.dumps(payload)
    try:
        draft = translate(payload, "m", there.rules, there.known)
    except CannotBeSaid:
        return

    assert draft.payload.keys() <= there.known | SAID_TO_ALL
    assert not draft.payload.keys() & {"user", "metadata", "store"}
    assert draft.payload["messages"] == [{"role": "user", "content": "x"}]
    assert json.dumps(payload) == before


def test_every_drop_is_noted_and_who_asks_is_not() -> None:
    """A note is for the client; what it would tell others is not in it."""
    there = PROVIDERS["openai"]

    draft = translate(
        {"model": "m", "messages": [], "min_p": 0.1, "user": "ana", "seed": 1}, "m", there.rules, there.known
    )

    assert draft.notes == ["min_p dropped"]


@pytest.mark.parametrize(
    ("model", "keeps"),
    [("gpt-4o-mini", True), ("gpt-4.1", True), ("o3", False), ("gpt-5.4-mini", False), ("gpt-6-sol", False)],
)
def test_models_that_think_first_get_no_sampling(model: str, keeps: bool) -> None:
    """They answer 400 to it; the others are sampled as asked."""
    there = PROVIDERS["openai"]
    asked = {"model": model, "messages": [], "temperature": 0.2, "reasoning_effort": "low"}

    draft = translate(asked, model, there.rules, there.known)

    assert ("temperature" in draft.payload) is keeps
    assert ("reasoning_effort" in draft.payload) is not keeps


@pytest.mark.parametrize(
    ("model", "kept"),
    [
        ("claude-haiku-4-5", 1.0),
        ("claude-sonnet-4-6", 1.0),
        ("claude-opus-4-7", None),
        ("claude-sonnet-5-5", None),
    ],
)
def test_anthropic_s_temperature_ends_at_one_and_with_opus_4_7(model: str, kept: float | None) -> None:
    """Older models take it up to 1, newer ones none."""
    there = PROVIDERS["anthropic"]

    draft = translate({"model": model, "messages": [], "temperature": 1.6}, model, there.rules, there.known)

    assert draft.payload.get("temperature") == kept


def test_mistral_s_ids_of_calls_stay_joined() -> None:
    """The call and its result have the same short id, and two calls have two."""
    there = PROVIDERS["mistral"]
    calls = [{"id": "call_a", "type": "function"}, {"id": "call_b", "type": "function"}]
    messages = [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_b", "content": "1"},
        {"role": "tool", "tool_call_id": "call_a", "content": "2"},
    ]

    draft = translate({"model": "m", "messages": messages}, "m", there.rules, there.known)

    said, b, a = draft.payload["messages"]
    assert [one["id"] for one in said["tool_calls"]] == [a["tool_call_id"], b["tool_call_id"]]
    assert a["tool_call_id"] != b["tool_call_id"]
    assert all(len(one["tool_call_id"]) == 9 for one in (a, b))


def test_the_section_may_know_better() -> None:
    """An operator adds and takes away parameters of a provider that nobody described here."""
    told = {"engine": "cloud", "base_url": "https://llm.example/v1", "models": ["m"]}
    section = CloudSettings.model_validate({**told, "keep_parameters": ["top_k"], "parameters": {"x": 1}})

    draft = translate(
        {"model": "m", "messages": [], "top_k": 3, "service_tier": "priority"},
        "m",
        section.preset.rules,
        section.preset.known | set(section.keep_parameters),
        section.parameters,
    )

    assert draft.payload == {"model": "m", "messages": [], "top_k": 3, "x": 1}


# refusals ----------------------------------------------------------------------------------------------


def refused(status: int, body: Any, **headers: str) -> InferenceError:
    """What OpenAI's answer is turned into."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal("far", "OpenAI", status, json.dumps(body).encode(), told, KEY, NOW)


JUDGED = [
    (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, CloudKeyRefused, Outcome.REJECTED),
    (403, {"detail": "no"}, CloudKeyRefused, Outcome.REJECTED),
    (400, [{"error": {"code": 400, "message": "API key not valid."}}], CloudKeyRefused, Outcome.REJECTED),
    (402, {"error": {"message": "pay"}}, CloudRefused, Outcome.FAILED),
    (404, {"error": {"message": "no model"}}, CloudRefused, Outcome.FAILED),
    (429, {"error": {"message": "slow"}}, CloudRefused, Outcome.RATE_LIMITED),
    (500, {"message": "x"}, CloudRefused, Outcome.FAILED),
    (529, {"type": "error", "error": {"message": "busy"}}, CloudRefused, Outcome.FAILED),
    (400, {"error": {"message": "bad", "param": "n", "code": "c"}}, EngineRefused, Outcome.NOT_COUNTED),
    (413, {"error": {"message": "large"}}, EngineRefused, Outcome.NOT_COUNTED),
    (422, {"message": {"detail": [{"loc": ["body", "n"], "msg": "no"}]}}, EngineRefused, Outcome.NOT_COUNTED),
]


@pytest.mark.parametrize(("status", "body", "kind", "outcome"), JUDGED)
def test_a_refusal_is_judged_by_whose_fault_it_is(
    status: int, body: Any, kind: type[InferenceError], outcome: Outcome
) -> None:
    """Ours is a circuit's business, the request's own goes back to who wrote it; the key is in none."""
    error = refused(status, body)

    assert type(error) is kind
    assert outcome_of(error) is outcome
    assert KEY not in str(error)
    if isinstance(error, EngineRefused):
        assert set(json.loads(error.body)["error"]) == {"message", "type", "param", "code"}


def test_the_ends_of_a_key_are_not_said_back() -> None:
    """OpenAI masks the middle of a key; what is left still belongs in no log."""
    masked = {"error": {"message": "Incorrect API key provided: sk-proj-****cdef. You can find yours."}}

    error = refused(400, masked)

    assert "cdef" not in str(error)
    assert not isinstance(error, EngineRefused) or b"cdef" not in error.body


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry_after": "7"}, {}, 7.0),
        ({"retry_after": "7", "retry_after_ms": "350"}, {}, 0.35),
        ({"retry_after": "Sun, 22 Nov 2026 12:00:30 GMT"}, {}, 30.0),
        ({"retry_after": "Sun, 22 Nov 2026 11:00:00 GMT"}, {}, 0.0),
        ({"retry_after": "soon"}, {}, None),
        ({}, [{"error": {"details": [{"retryDelay": "34.5s"}]}}], 34.5),
        ({}, {"error": {"details": [{"retryDelay": "x"}]}}, None),
        ({}, {}, None),
    ],
)
def test_when_to_come_back_is_read_from_wherever_it_stands(
    headers: dict[str, str], body: Any, seconds: float | None
) -> None:
    """Seconds, milliseconds, a date, or Google's line in the body."""
    error = refused(429, body, **headers)

    assert isinstance(error, CloudRefused)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"[1]", b'{"error": 3}', b'{"error": null}', b"\xff\xfe", b"null"]
)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 502])
def test_no_body_is_too_odd(status: int, body: bytes) -> None:
    """A proxy's page, half a JSON, nothing at all."""
    assert isinstance(refusal("far", "X", status, body, {}, KEY, NOW), InferenceError)


# pace --------------------------------------------------------------------------------------------------

LIMITS = PaceLimits(most_bytes=2**20, least_bytes_per_minute=60, total_s=600)


def test_a_byte_a_minute_is_given_up() -> None:
    """After the first minute in which too little came."""
    pace = Pace(LIMITS, 0)
    pace.took(1, 1)
    pace.took(1, 50)
    with pytest.raises(AnswerTooSlow, match="Only 2 bytes"):
        pace.took(1, 61)


def test_a_long_think_before_the_first_byte_is_not_slow() -> None:
    """The minute begins with the first byte; that one has a limit of its own."""
    pace = Pace(LIMITS, 0)

    pace.took(1, 119)
    pace.took(100, 178)


def test_more_than_an_answer_may_be_is_cut() -> None:
    """To the byte."""
    pace = Pace(LIMITS, 0)
    pace.took(2**20, 1)
    with pytest.raises(AnswerTooLarge, match="larger than 1 MiB"):
        pace.took(1, 1)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0.01, 55)), max_size=60))
def test_what_keeps_pace_is_left_alone_and_every_end_has_its_reason(pieces: list[tuple[int, float]]) -> None:
    """An answer is cut for its size, its end, or fewer bytes in the last minute than the limit; for nothing else."""
    limits = PaceLimits(most_bytes=60_000, least_bytes_per_minute=100, total_s=300)
    pace, now, came = Pace(limits, 0), 0.0, []
    for size, pause in pieces:
        now += pause
        came.append((now, size))
        recent = sum(bytes_ for at, bytes_ in came if at > now - 60)
        wrong = (
            sum(bytes_ for _, bytes_ in came) > 60_000
            or now > 300
            or (now - came[0][0] >= 60 and recent < 100)
        )
        if wrong:
            with pytest.raises((AnswerTooLarge, AnswerTooSlow)):
                pace.took(size, now)
            return
        pace.took(size, now)


# answers that are not quite OpenAI's ---------------------------------------------------------------------


async def pieces_of(data: bytes, size: int) -> AsyncIterator[bytes]:
    """The same bytes in pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_mistral_s_thoughts_become_reasoning(size: int) -> None:
    """However the bytes are cut; an event without them passes as it came."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    plain = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    stream = b"".join(
        [
            b"data: " + json.dumps({"choices": [{"delta": {"content": [thought]}}]}).encode() + b"\n\n",
            plain,
            b'data: {"choices":[{"delta":{"content":""},"finish_reason":"model_length"}]}\n\n',
            b"data: [DONE]\n\n",
        ]
    )

    got = b"".join([frame async for frame in mended_stream(pieces_of(stream, size))])

    events = [event.removeprefix(b"data: ") for event in got.split(b"\n\n") if event]
    assert json.loads(events[0])["choices"][0]["delta"] == {"content": None, "reasoning_content": "hm"}
    assert plain in got
    assert json.loads(events[2])["choices"][0]["finish_reason"] == "length"
    assert events[3] == b"[DONE]"


async def test_a_whole_answer_is_mended_likewise() -> None:
    """And one that needs nothing passes byte by byte."""
    odd = {
        "choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]
    }
    plain = b'{ "choices": [{"message": {"content": "x"}}] }'

    mended = b"".join([frame async for frame in mended_whole(pieces_of(json.dumps(odd).encode(), 5))])
    passed = b"".join([frame async for frame in mended_whole(pieces_of(plain, 5))])

    assert json.loads(mended)["choices"][0]["message"]["content"] == "ab"
    assert passed == plain
