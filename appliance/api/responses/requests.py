"""A request of `/v1/responses`: checked, and what of it an engine is asked as a chat. Pure.

Fields of OpenAI's that would change the answer and cannot be honoured are refused by name; those that only tune its
own service are accepted. Whatever else is there passes to the engine as on the other routes of `/v1`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from appliance.api.openai_requests import check_request
from appliance.api.responses.file_search import (
    FILE_SEARCH,
    RESULTS,
    FileSearch,
    read_file_search,
    told_tool,
    without_file_search,
)
from appliance.api.responses.ids import parse_response_id
from appliance.api.responses.input_items import Item, read_items, wrong
from appliance.api.responses.tools import read_text, read_tools
from appliance.errors import InvalidRequest

_MOST_METADATA = 16
_LONGEST_KEY, _LONGEST_VALUE = 64, 512
_LONGEST_INSTRUCTIONS = 8 * 1024 * 1024
_LOGPROBS = "message.output_text.logprobs"
_SEALED_REASONING = "reasoning.encrypted_content"
_INCLUDABLE = frozenset(
    {
        _LOGPROBS,
        _SEALED_REASONING,
        "message.input_image.image_url",
        RESULTS,
        "web_search_call.results",
        "web_search_call.action.sources",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
    }
)
_REFUSED: Mapping[str, str] = {
    "conversation": "is not kept here; go on with `previous_response_id`.",
    "prompt": "names a template of OpenAI's; send `instructions` and `input`.",
    "context_management": 'is not available; `truncation: "auto"` drops the oldest items.',
    "moderation": "is not available.",
    "messages": "belongs to /v1/chat/completions; send `input`.",
    "n": "is not available; a response has one answer.",
    "max_tokens": "belongs to /v1/chat/completions; send `max_output_tokens`.",
    "max_completion_tokens": "belongs to /v1/chat/completions; send `max_output_tokens`.",
    "response_format": "belongs to /v1/chat/completions; send `text.format`.",
    "reasoning_effort": "belongs to /v1/chat/completions; send `reasoning.effort`.",
    "functions": "is not available; send `tools`.",
    "function_call": "is not available; send `tool_choice`.",
    "logprobs": f'belongs to /v1/chat/completions; send `include: ["{_LOGPROBS}"]`.',
}
# Read below, or for OpenAI's own machines only: caches, tiers, obfuscation against eavesdroppers.
_OURS = frozenset(
    {
        *(
            "model",
            "input",
            "instructions",
            "stream",
            "store",
            "previous_response_id",
            "tools",
            "tool_choice",
        ),
        *("text", "reasoning", "max_output_tokens", "metadata", "truncation", "include", "background"),
        *(
            "stream_options",
            "service_tier",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
        ),
        *("safety_identifier", "max_tool_calls", "user", "access_programs", "parallel_tool_calls"),
        *("top_logprobs", "verbosity"),
    }
)
_CHAT_NAMES: Mapping[str, str] = {
    "messages": "input",
    "max_tokens": "max_output_tokens",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
}


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A request as it came, checked. options: of the chat, without its messages; told: what a response repeats."""

    id: UUID
    model: str
    items: Sequence[Item]
    instructions: str | None
    options: Mapping[str, Any]
    told: Mapping[str, Any]
    previous_id: UUID | None = None
    is_stream: bool = False
    store: bool = True
    truncates: bool = False
    seals_reasoning: bool = False
    file_search: FileSearch | None = None

    def chat(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The body of the chat. Raises InvalidRequest for what no route of `/v1` takes."""
        payload = {**self.options, "model": self.model, "messages": list(messages)}
        if self.is_stream:
            payload |= {"stream": True, "stream_options": {"include_usage": True}}
        try:
            check_request("chat/completions", payload)
        except InvalidRequest as error:
            raise renamed(error) from error
        return payload


def read_request(body: Mapping[str, Any], new_id: UUID) -> ResponseRequest:
    """new_id: of the response it becomes. Raises InvalidRequest and NotFound, with `param`."""
    body = {name: value for name, value in body.items() if value is not None}
    for name in body:
        if name in _REFUSED:
            raise InvalidRequest(f"`{name}` {_REFUSED[name]}", param=name, code="unsupported_parameter")
    model = body.get("model")
    if not isinstance(model, str) or not model or len(model) > 256:
        raise wrong("model", "the name of a model, as `/v1/models` lists them")
    if _flag(body, "background", False):
        raise InvalidRequest(
            "`background` is not available: an answer is written while its request is open. Use `stream`.",
            param="background",
            code="unsupported_parameter",
        )
    include = _include(body)
    is_stream = _flag(body, "stream", False)
    if "stream_options" in body and not is_stream:
        raise InvalidRequest("`stream_options` goes with `stream: true` only.", param="stream_options")
    previous = body.get("previous_response_id")
    if previous is not None and not isinstance(previous, str):
        raise wrong("previous_response_id", "the id of a response")
    return ResponseRequest(
        id=new_id,
        model=model,
        items=read_items(body.get("input"), new_id),
        instructions=_instructions(body),
        options=_options(body, include),
        told=_told(body),
        previous_id=None
        if previous is None
        else parse_response_id(previous, "previous_response_id", "previous_response_not_found"),
        is_stream=is_stream,
        store=_flag(body, "store", True),
        truncates=body.get("truncation") == "auto",
        seals_reasoning=_SEALED_REASONING in include,
        file_search=read_file_search(
            body.get("tools"), body.get("tool_choice"), shows_results=RESULTS in include
        ),
    )


def renamed(error: InvalidRequest) -> InvalidRequest:
    """A refusal of the chat that a request became, naming the request's own field."""
    return InvalidRequest(error.detail, param=own_name(error.param), code=error.code)


def own_name(param: str | None) -> str | None:
    """The field of a Responses request that a field of the chat was made from."""
    if param is None:
        return None
    head = param.partition("[")[0].partition(".")[0]
    if head == "messages":
        return "input"
    if head == "tools":
        return param.replace(".function", "", 1)
    return _CHAT_NAMES.get(head, param)


def _flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise wrong(name, "true or false")
    return value


def _instructions(body: Mapping[str, Any]) -> str | None:
    value = body.get("instructions")
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_INSTRUCTIONS):
        raise wrong("instructions", "a string")
    return value


def _include(body: Mapping[str, Any]) -> frozenset[str]:
    value = body.get("include", [])
    if not isinstance(value, list):
        raise wrong("include", "a list")
    for index, one in enumerate(value):
        if not isinstance(one, str) or one not in _INCLUDABLE:
            raise wrong(f"include[{index}]", f"one of {', '.join(sorted(_INCLUDABLE))}")
    return frozenset(value)


def _options(body: Mapping[str, Any], include: frozenset[str]) -> dict[str, Any]:
    options = {name: value for name, value in body.items() if name not in _OURS}
    options |= read_text(body.get("text"))
    tools = read_tools(*without_file_search(body.get("tools"), body.get("tool_choice")))
    options |= tools
    if "parallel_tool_calls" in body:
        is_parallel = _flag(body, "parallel_tool_calls", True)
        if tools:
            options["parallel_tool_calls"] = is_parallel
    if "max_output_tokens" in body:
        options["max_tokens"] = _count(body, "max_output_tokens", 1, 2**31 - 1)
    if "top_logprobs" in body or _LOGPROBS in include:
        options |= {"logprobs": True, "top_logprobs": _count(body, "top_logprobs", 0, 20)}
    effort = _reasoning(body).get("effort")
    if effort is not None:
        options["reasoning_effort"] = effort
    return options


def _count(body: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = body.get(name, low)
    if type(value) is not int or not low <= value <= high:
        raise wrong(name, f"an integer from {low} to {high}")
    return value


def _reasoning(body: Mapping[str, Any]) -> Mapping[str, Any]:
    value = body.get("reasoning", {})
    if not isinstance(value, dict):
        raise wrong("reasoning", "an object")
    if value.get("effort") is not None and not isinstance(value["effort"], str):
        raise wrong("reasoning.effort", "a string such as `low`, `medium` or `high`")
    return value


def _metadata(body: Mapping[str, Any]) -> Mapping[str, str]:
    value = body.get("metadata", {})
    if not isinstance(value, dict) or len(value) > _MOST_METADATA:
        raise wrong("metadata", f"an object of at most {_MOST_METADATA} texts")
    for key, text in value.items():
        if len(key) > _LONGEST_KEY or not isinstance(text, str) or len(text) > _LONGEST_VALUE:
            raise wrong(
                f"metadata.{key[:_LONGEST_KEY]}",
                f"a text of at most {_LONGEST_VALUE} characters under a key of at most {_LONGEST_KEY}",
            )
    return value


def _told(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the response repeats of its request, OpenAI's defaults where it was silent."""
    truncation = body.get("truncation", "disabled")
    if truncation not in ("auto", "disabled"):
        raise wrong("truncation", "`auto` or `disabled`")
    for name in ("user", "prompt_cache_key", "safety_identifier"):
        if not isinstance(body.get(name, ""), str):
            raise wrong(name, "a string")
    if "max_tool_calls" in body:
        _count(body, "max_tool_calls", 1, 2**31 - 1)
    text = body.get("text") or {}
    reasoning = _reasoning(body)
    return {
        "background": False,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "metadata": _metadata(body),
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": None},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": body.get("temperature"),
        "text": {
            "format": text.get("format") or {"type": "text"},
            "verbosity": text.get("verbosity") or "medium",
        },
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": [_told_tool(tool) for tool in body.get("tools", [])],
        "top_logprobs": body.get("top_logprobs", 0),
        "top_p": body.get("top_p"),
        "truncation": truncation,
        "user": body.get("user"),
    }


def _told_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") == FILE_SEARCH:
        return told_tool(tool)
    return {"description": None, "parameters": None, "strict": None, **tool}
