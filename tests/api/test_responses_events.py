"""The events of a response, from what engines say: their order, their numbers, and that the official SDK knows them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.api.responses.chat_deltas import from_chunk, from_whole
from appliance.api.responses.composing import Composer
from appliance.api.responses.requests import read_request
from inference.errors import EngineStreamBroken
from tests.client_environment import client_python

NEW = UUID("01890000-0000-7000-8000-00000000000a")
TYPES = Path(__file__).parent / "clients" / "responses_types.py"
USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 3,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
CITATION = {"type": "file_citation", "index": 1, "file_id": "file-1", "filename": "a.pdf", "quote": "x"}


def delta(reason: str | None = None, **said: object) -> dict[str, Any]:
    """One chunk of a chat."""
    return {"choices": [{"index": 0, "delta": said, "finish_reason": reason}]}


def call(index: int, arguments: str = "", **more: object) -> dict[str, Any]:
    """One chunk with a piece of a function call."""
    name = more.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return delta(tool_calls=[{"index": index, "function": function, **more}])


def composer(**fields: Any) -> Composer:
    """An empty response to a request with these fields."""
    request = read_request({"model": "fake", "input": "Hi", **fields}, NEW)
    return Composer(
        NEW, "fake", 1_700_000_000, request.told, first_number=1, seals_reasoning=request.seals_reasoning
    )


def events_of(data: bytes) -> list[dict[str, Any]]:
    """The events in these bytes."""
    blocks = data.decode().split("\n\n")[:-1]
    events = [json.loads(block.split("\ndata: ")[1]) for block in blocks]
    assert [block.split("\n")[0] for block in blocks] == [f"event: {event['type']}" for event in events]
    return events


def written(chunks: Sequence[Mapping[str, Any]], writing: Composer | None = None) -> list[dict[str, Any]]:
    """All events of a response that ends well."""
    writing = writing or composer()
    data = writing.in_progress()
    data += b"".join(writing.take([from_chunk(chunk)]) for chunk in chunks) + writing.close()
    return events_of(data + writing.end(writing.finished(1_700_000_001, is_stored=True)))


TEXT = [delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop")]
USED = {"choices": [], "usage": USAGE}
THOUGHT = [delta(reasoning="Hm"), delta(reasoning_content="…"), delta(content="Yes"), delta("stop"), USED]
CALLS = [
    delta(role="assistant", content=None),
    call(0, name="weather", id="c1"),
    call(0, '{"city":'),
    call(1, "{", name="time", id="c2"),
    call(0, '"Rome"}'),
    call(1, "}"),
    delta("tool_calls"),
]


def test_a_text_has_openais_sequence() -> None:
    """Created, in progress, the item, its part, its pieces, and all of it closed again."""
    events = written([*TEXT, USED])

    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    last = events[-1]["response"]
    assert last["status"] == "completed" and last["output"][0]["content"][0]["text"] == "Hello"
    assert last["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 8,
    }


def test_calls_that_come_by_turns_are_kept_apart() -> None:
    """Each piece names its item; the arguments of both are whole."""
    events = written(CALLS)

    first, second = events[-1]["response"]["output"]
    assert (first["call_id"], first["name"], first["arguments"]) == ("c1", "weather", '{"city":"Rome"}')
    assert (second["call_id"], second["name"], second["arguments"]) == ("c2", "time", "{}")
    for item in (first, second):
        pieces = [
            event["delta"]
            for event in events
            if event["type"].endswith("arguments.delta") and event["item_id"] == item["id"]
        ]
        assert "".join(pieces) == item["arguments"]


def test_a_call_without_arguments_or_name_can_be_read_all_the_same() -> None:
    """Clients parse the arguments; one whose name comes late is not shown before it."""
    (late,) = written([call(0, "{"), call(0, "}", name="weather"), delta("tool_calls")])[-1]["response"][
        "output"
    ]
    (bare,) = written([call(0, name="time", id="c1"), delta("tool_calls")])[-1]["response"]["output"]

    assert (late["name"], late["arguments"]) == ("weather", "{}") and late["call_id"].startswith("call_")
    assert bare["arguments"] == "{}"


def test_thoughts_are_an_item_of_their_own() -> None:
    """By either of the names that engines have for them; closed before the text begins."""
    events = written(THOUGHT)

    thought, message = events[-1]["response"]["output"]
    assert thought["type"] == "reasoning" and thought["content"][0]["text"] == "Hm…"
    assert message["content"][0]["text"] == "Yes" and "encrypted_content" not in thought
    kinds = [event["type"] for event in events]
    assert kinds.index("response.reasoning_text.done") < kinds.index("response.output_text.delta")


def test_thoughts_are_sealed_when_asked_for() -> None:
    """So that clients which keep nothing else can hand them back."""
    writing = composer(include=["reasoning.encrypted_content"])

    thought = written(THOUGHT, writing)[-1]["response"]["output"][0]

    asked = read_request({"model": "fake", "input": [{**thought, "content": None}]}, NEW)
    assert asked.items[0]["content"] == [{"type": "reasoning_text", "text": "Hm…"}]


@pytest.mark.parametrize(
    ("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_that_was_cut_is_incomplete(reason: str, why: str) -> None:
    """It ends with `response.incomplete` and the reason."""
    last = written([*TEXT[:3], delta(reason)])[-1]

    assert last["type"] == "response.incomplete" and last["response"]["completed_at"] is None
    assert last["response"]["incomplete_details"] == {"reason": why}
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_a_failure_is_told_twice_and_never_completed() -> None:
    """`response.failed` with what there is, then the event for which the SDKs raise."""
    writing = composer()
    error = {"message": "It broke.", "type": "server_error", "param": None, "code": "engine_stream_broken"}
    data = writing.in_progress() + writing.take([from_chunk(chunk) for chunk in TEXT[:2]])

    events = events_of(data + writing.failed(error))

    failed, raised = events[-2:]
    assert failed["type"] == "response.failed" and failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["code"] == "server_error"
    assert failed["response"]["error"]["detail_code"] == "engine_stream_broken"
    assert failed["response"]["output"][0]["content"][0]["text"] == "Hel"
    assert raised["type"] == "error" and raised["error"] == error and raised["code"] == error["code"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_nothing_said_is_an_empty_message() -> None:
    """Clients read the first item's text."""
    (message,) = written([delta("stop")])[-1]["response"]["output"]

    assert message["content"] == [{"type": "output_text", "text": "", "annotations": [], "logprobs": []}]


def test_a_refusal_is_a_part_of_its_own() -> None:
    """Beside the text that came before it."""
    (message,) = written([delta(content="Well. "), delta(refusal="No."), delta("stop")])[-1]["response"][
        "output"
    ]

    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]


def test_a_whole_answer_says_the_same_as_its_pieces() -> None:
    """Engines that cannot stream lead to the same response."""
    tool_calls = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    message = {"role": "assistant", "reasoning": "Hm", "content": "Yes", "tool_calls": tool_calls}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": USAGE}
    writing, pieces = composer(), composer()

    writing.take([from_whole(orjson.dumps(body))])
    writing.close()
    written(
        [delta(reasoning="Hm"), delta(content="Yes"), call(0, "{}", id="c1", name="weather"), USED], pieces
    )

    assert writing.finished(1, is_stored=True) == pieces.finished(1, is_stored=True)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"choices":[]}', b'{"error":{"message":"No."}}'])
def test_what_is_no_answer_is_broken(body: bytes) -> None:
    """Never an empty success."""
    with pytest.raises(EngineStreamBroken):
        from_whole(body)


LOGPROB = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1}]}


def _streams() -> list[list[dict[str, Any]]]:
    error = {"message": "It broke.", "type": "server_error", "param": None, "code": "engine_stream_broken"}
    failing, waiting, citing = composer(), composer(), composer()
    failed = failing.queued() + failing.in_progress() + failing.take([from_chunk(TEXT[1])])
    schema = {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
    told = composer(
        text={"format": schema},
        tools=[tool],
        tool_choice={"type": "function", "name": "weather"},
        metadata={"k": "v"},
        reasoning={"effort": "low"},
        instructions="Be brief.",
        temperature=0.5,
        include=["reasoning.encrypted_content"],
    )
    cited = citing.in_progress() + citing.take([from_chunk(TEXT[1])]) + citing.annotate([CITATION])
    cited += citing.close() + citing.end(citing.finished(1, is_stored=True))
    choice = {"delta": {"content": "a"}, "logprobs": {"content": [LOGPROB]}}
    return [
        written([*TEXT, USED]),
        written(CALLS),
        written(THOUGHT, told),
        written([*TEXT[:3], delta("length")]),
        written([delta(content="Well. "), delta(refusal="No."), delta("stop")]),
        written([{"choices": [choice]}, delta("stop")]),
        events_of(cited),
        events_of(failed + failing.failed(error)),
        events_of(waiting.queued()),
    ]


def test_the_official_sdk_knows_every_event() -> None:
    """Its own types, strictly, and its own accumulator, over every kind of answer."""
    streams = _streams()
    responses = [stream[-1]["response"] for stream in streams if "response" in stream[-1]]
    items = [item for response in responses for item in response["output"]]
    given = json.dumps({"streams": streams, "responses": responses, "items": items})
    python = client_python("openai>=3,<4")

    done = subprocess.run([str(python), str(TYPES)], input=given, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == []


_PIECES = st.lists(
    st.sampled_from([*TEXT[:3], *THOUGHT[:3], *CALLS[1:6], delta(refusal="No."), call(2, "x")]), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(_PIECES, st.sampled_from(["stop", "length", "tool_calls"]))
def test_in_whatever_order_an_engine_speaks_the_events_add_up(
    chunks: list[dict[str, Any]], reason: str
) -> None:
    """Every item is added once, then written to, then done once, and the last event holds what the pieces said."""
    events = written([*chunks, delta(reason)])

    output = events[-1]["response"]["output"]
    added = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    done = {event["output_index"]: event for event in events if event["type"] == "response.output_item.done"}
    assert sorted(added) == sorted(done) == list(range(len(output)))
    assert [done[index]["item"] for index in sorted(done)] == output
    for index, item in enumerate(output):
        own = [event for event in events if event.get("output_index") == index]
        assert own[0]["type"] == "response.output_item.added" and own[-1] == done[index]
        said = "".join(event["delta"] for event in own if "delta" in event)
        parts = item.get("content") or []
        whole = item.get("arguments") or "".join(
            part.get("text") or part.get("refusal", "") for part in parts
        )
        assert said == whole
