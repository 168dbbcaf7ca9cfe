"""Requests of /v1/responses: what is asked of an engine, and which field a refusal names. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.api.responses.input_items import sealed
from appliance.api.responses.messages import chat_messages, check_calls
from appliance.api.responses.requests import ResponseRequest, own_name, read_request
from appliance.errors import InvalidRequest, NotFound

NEW = UUID("01890000-0000-7000-8000-00000000000a")
PIXEL = "data:image/png;base64,iVBORw0KGgo="
FILE_SEARCH = {"type": "file_search", "vector_store_ids": ["vs_" + "0" * 32]}
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Tells it.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}


def read(**fields: Any) -> ResponseRequest:
    """A request with these fields beside a model and a question."""
    return read_request({"model": "fake", "input": "Hi", **fields}, NEW)


def chat(**fields: Any) -> dict[str, Any]:
    """The chat that it becomes."""
    request = read(**fields)
    return request.chat(chat_messages(request.instructions, request.items))


def test_a_text_becomes_one_message_after_the_instructions() -> None:
    """The least request."""
    assert chat(instructions="Be brief.") == {
        "model": "fake",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }


def test_a_stream_asks_the_engine_for_usage() -> None:
    """Responses tell usage always, chats only when asked."""
    assert chat(stream=True)["stream_options"] == {"include_usage": True}


def test_options_have_the_names_of_a_chat() -> None:
    """What only has another name there is renamed; what engines know passes unchanged."""
    payload = chat(
        max_output_tokens=7,
        temperature=0.5,
        top_p=0.9,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}, "verbosity": "low"},
        top_logprobs=2,
        min_p=0.1,
        user="u-1",
        prompt_cache_key="k",
    )

    del payload["messages"], payload["model"]
    assert payload == {
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        "verbosity": "low",
        "logprobs": True,
        "top_logprobs": 2,
        "min_p": 0.1,
    }


def test_a_schema_is_wrapped_as_chats_want_it() -> None:
    """text.format is flat, response_format is not."""
    schema = {"type": "object", "properties": {}}
    format_ = {"type": "json_schema", "name": "person", "schema": schema, "strict": True}

    assert chat(text={"format": format_})["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "person", "schema": schema, "strict": True},
    }


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ({"type": "function", "name": "weather"}, {"type": "function", "function": {"name": "weather"}}),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "weather"}]},
            "required",
        ),
    ],
)
def test_tools_are_wrapped_and_chosen(choice: object, wanted: object) -> None:
    """The flat function becomes the nested one; a choice keeps its meaning."""
    payload = chat(tools=[WEATHER], tool_choice=choice, parallel_tool_calls=False)

    function = {name: value for name, value in WEATHER.items() if name != "type"}
    assert payload["tools"] == [{"type": "function", "function": function}]
    assert payload["tool_choice"] == wanted and payload["parallel_tool_calls"] is False


def test_only_allowed_tools_are_offered() -> None:
    """`allowed_tools` leaves the others out."""
    other = {"type": "function", "name": "other"}
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "other"}]}

    assert [
        tool["function"]["name"] for tool in chat(tools=[WEATHER, other], tool_choice=choice)["tools"]
    ] == ["other"]


def test_parts_become_text_or_parts_of_a_chat() -> None:
    """Text alone is one string; a picture makes it a list."""
    said = [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
        {"role": "assistant", "content": [{"type": "output_text", "text": "c", "annotations": []}]},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "d"},
                {"type": "input_image", "image_url": PIXEL, "detail": "low"},
            ],
        },
    ]

    assert chat(input=said)["messages"] == [
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": "c"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "d"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
            ],
        },
    ]


def test_system_messages_at_the_start_become_one() -> None:
    """Chat templates take one, in the first place; `developer` is the same to them."""
    said = [
        {"role": "developer", "content": "One."},
        {"role": "system", "content": "Two."},
        {"role": "user", "content": "Hi"},
    ]

    assert chat(input=said, instructions="Zero.")["messages"][0] == {
        "role": "system",
        "content": "Zero.\n\nOne.\n\nTwo.",
    }
    assert len(chat(input=said)["messages"]) == 2


def test_calls_and_their_outputs_stand_as_in_a_chat() -> None:
    """Calls side by side are one message of the assistant's; thoughts go with the call they led to."""
    said = [
        {"role": "user", "content": "Weather?"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "Sun"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "Rain"}]},
    ]

    _, called, first, second = chat(input=said)["messages"]

    assert [call["id"] for call in called["tool_calls"]] == ["c1", "c2"] and called["content"] is None
    assert called["reasoning"] == called["reasoning_content"] == "Hm."
    assert (first["tool_call_id"], first["content"]) == ("c1", "Sun")
    assert (second["tool_call_id"], second["content"]) == ("c2", "Rain")


def test_thoughts_before_the_last_question_are_not_repeated() -> None:
    """They have done their work; templates drop them too."""
    said = [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And now?"},
    ]

    assert chat(input=said)["messages"][0] == {"role": "assistant", "content": "Yes."}


def test_sealed_thoughts_come_back() -> None:
    """A client that keeps nothing but `encrypted_content` hands the thoughts back with it."""
    said = [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "summary": [], "encrypted_content": sealed("Hm.")},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
    ]

    assert chat(input=said)["messages"][1]["reasoning"] == "Hm."


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("model", {"model": None}),
        ("input", {"input": None}),
        ("input", {"input": []}),
        ("input[0]", {"input": ["Hi"]}),
        ("input[0].type", {"input": [{"content": "Hi"}]}),
        ("input[0].type", {"input": [{"type": "web_search_call", "id": "ws_1"}]}),
        ("input[0].role", {"input": [{"role": "robot", "content": "Hi"}]}),
        ("input[0].content", {"input": [{"role": "user", "content": []}]}),
        (
            "input[0].content[1].text",
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text"}]}
                ]
            },
        ),
        (
            "input[0].content[0].type",
            {"input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
        ),
        (
            "input[0].content[0].image_url",
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_image", "image_url": "http://10.0.0.1/"}]}
                ]
            },
        ),
        (
            "input[0].content[0].file_id",
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
        ),
        (
            "input[0].content[0]",
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
        ),
        ("input[0].arguments", {"input": [{"type": "function_call", "call_id": "c", "name": "n"}]}),
        ("input[0].call_id", {"input": [{"type": "function_call_output", "output": "x"}]}),
        ("input[0].encrypted_content", {"input": [{"type": "reasoning", "encrypted_content": "Z3B0"}]}),
        ("tools[0].vector_store_ids", {"tools": [{"type": "file_search"}]}),
        ("tools[1]", {"tools": [FILE_SEARCH, FILE_SEARCH]}),
        ("input[0].queries", {"input": [{"type": "file_search_call", "id": "fs_1"}]}),
        ("tools[0].type", {"tools": [{"type": "web_search"}]}),
        ("tools[0].function", {"tools": [{"type": "function", "function": {"name": "x"}}]}),
        ("tools[0].name", {"tools": [{"type": "function"}]}),
        ("tools[1].name", {"tools": [WEATHER, WEATHER]}),
        ("tool_choice", {"tool_choice": "sometimes"}),
        ("tool_choice", {"tool_choice": "required"}),
        ("tool_choice.name", {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "other"}}),
        ("tool_choice.type", {"tools": [WEATHER], "tool_choice": {"type": "file_search"}}),
        ("text.format", {"text": {"format": {"type": "xml"}}}),
        ("text.format.name", {"text": {"format": {"type": "json_schema", "schema": {}}}}),
        ("text.format.schema", {"text": {"format": {"type": "json_schema", "name": "x"}}}),
        ("text.format.json_schema", {"text": {"format": {"type": "json_schema", "json_schema": {}}}}),
        ("max_output_tokens", {"max_output_tokens": 0}),
        ("top_logprobs", {"top_logprobs": 21}),
        ("temperature", {"temperature": 3}),
        ("reasoning.effort", {"reasoning": {"effort": 3}}),
        ("metadata.k", {"metadata": {"k": 1}}),
        ("truncation", {"truncation": "some"}),
        ("include[0]", {"include": [{}]}),
        ("stream_options", {"stream_options": {"include_obfuscation": False}}),
        ("background", {"background": True}),
        ("conversation", {"conversation": "conv_1"}),
        ("prompt", {"prompt": {"id": "pmpt_1"}}),
        ("messages", {"messages": []}),
        ("max_tokens", {"max_tokens": 5}),
        ("response_format", {"response_format": {"type": "text"}}),
        ("priority", {"priority": 1}),
        ("chat_template", {"chat_template": "x"}),
        ("store", {"store": "yes"}),
    ],
)
def test_a_refusal_names_the_field(param: str, fields: dict[str, Any]) -> None:
    """As it stands in the request, not in the chat made from it."""
    with pytest.raises(InvalidRequest) as refused:
        chat(**fields)

    assert refused.value.param == param


def test_a_tool_that_is_not_run_here_is_named() -> None:
    """With what to do instead."""
    with pytest.raises(InvalidRequest, match=r"'web_search'.*file_search") as refused:
        read(tools=[{"type": "web_search"}])

    assert refused.value.code == "unsupported_tool"


def test_what_is_no_id_of_a_response_is_not_found() -> None:
    """The same as an id that nobody has."""
    with pytest.raises(NotFound) as refused:
        read(previous_response_id="resp_1")

    assert (refused.value.param, refused.value.code) == (
        "previous_response_id",
        "previous_response_not_found",
    )


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("input[0].call_id", [{"type": "function_call_output", "call_id": "c", "output": ""}]),
        ("input", [{"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}]),
    ],
)
def test_a_call_and_its_output_belong_together(param: str, said: list[dict[str, Any]]) -> None:
    """One without the other makes models invent the rest."""
    with pytest.raises(InvalidRequest) as refused:
        check_calls([], read(input=said).items)

    assert refused.value.param == param


def test_a_response_repeats_its_request() -> None:
    """With OpenAI's defaults where it was silent."""
    told = read(tools=[WEATHER], metadata={"k": "v"}, text={"format": {"type": "text"}}).told

    assert told["tools"] == [WEATHER] and told["metadata"] == {"k": "v"}
    assert told["tool_choice"] == "auto" and told["parallel_tool_calls"] is True
    assert told["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert told["truncation"] == "disabled" and told["max_output_tokens"] is None


@pytest.mark.parametrize(
    ("of_the_chat", "own"),
    [
        (None, None),
        ("messages[3].content[0].image_url.url", "input"),
        ("max_tokens", "max_output_tokens"),
        ("response_format.json_schema.schema", "text.format"),
        ("tools[1].function.parameters", "tools[1].parameters"),
        ("temperature", "temperature"),
    ],
)
def test_what_an_engine_refuses_is_named_as_it_was_sent(of_the_chat: str | None, own: str | None) -> None:
    """Nobody sees the names of a chat that they did not write."""
    assert own_name(of_the_chat) == own


_TYPES = st.sampled_from(
    ["message", "function_call", "function_call_output", "reasoning", "item_reference", "input_text", "input_image",
     "output_text", "refusal", "reasoning_text", "input_audio", "function", "allowed_tools", "json_schema", "text"]
)  # fmt: skip
_NAMES = st.sampled_from(
    ["type", "role", "content", "text", "id", "call_id", "name", "arguments", "output", "image_url", "detail",
     "summary", "encrypted_content", "parameters", "tools", "mode", "format", "schema", "effort", "function",
     "input_audio", "refusal", "annotations"]
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | _TYPES
    | st.sampled_from(["user", "assistant", "data:image/png;base64,AA=="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
_FIELDS = st.sampled_from(
    ["input", "tools", "tool_choice", "text", "reasoning", "metadata", "include", "instructions", "user", "store",
     "stream", "previous_response_id", "max_output_tokens", "stream_options", "truncation", "top_logprobs",
     "parallel_tool_calls", "max_tool_calls", "service_tier", "temperature"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_FIELDS, _JSON, max_size=4), st.lists(_JSON, max_size=3))
def test_whatever_comes_is_taken_or_refused_by_name(fields: dict[str, Any], items: list[Any]) -> None:
    """Nothing but a refusal is raised, whatever JSON it is."""
    with suppress(InvalidRequest, NotFound):
        request = read(**{"input": items, **fields})
        check_calls([], [item for item in request.items if item["type"] != "item_reference"])
        chat(**{"input": items, **fields})
