"""What a request of `/v1` must look like; each refusal names its field. Pure.

Only what the appliance must rely on is checked: types and ranges of the known fields. Everything else passes to the
engine as it came, which may know more. null is the same as absent. Fields by which a request could step around the
queue, replace the chat template or make the engine open connections are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.errors import InvalidRequest
from inference.types import EngineRoute

Check = Callable[[object, str], None]

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_MOST_INT32 = 2**31 - 1
_MOST_MESSAGES = 10_000
_MOST_INPUTS = 2048
_MOST_IDS = 1_000_000
_MOST_DOCUMENTS = 1000
_MOST_DOCUMENT_CHARACTERS = 2_000_000  # all together
_LONGEST_NAME = 256
_LONGEST_STOP = 16 * 1024
_MEDIA_PARTS = ("image_url", "video_url", "audio_url")


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as it came, checked."""

    route: EngineRoute
    payload: Mapping[str, Any]
    model: str
    is_stream: bool = False

    @property
    def is_batch(self) -> bool:
        """OpenAI's word for: cheaper, and others may go first."""
        return self.payload.get("service_tier") == "flex"

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked for the usage event of a stream."""
        options = self.payload.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def check_request(route: EngineRoute, payload: Mapping[str, Any]) -> WireRequest:
    """Raises InvalidRequest with `param`."""
    model = payload.get("model")
    if not isinstance(model, str) or not model or len(model) > _LONGEST_NAME:
        raise _wrong("model", "the name of a model, as `/v1/models` lists them")
    for name, value in payload.items():
        if name in _REFUSED:
            raise InvalidRequest(f"`{name}` {_REFUSED[name]}", param=name, code="unsupported_parameter")
        check = _CHECKS.get(name)
        if check is not None and value is not None:
            check(value, name)
    _SHAPES[route](payload)
    is_stream = payload.get("stream") is True and route not in ("embeddings", "rerank")
    if payload.get("stream_options") is not None and not is_stream:
        raise InvalidRequest("`stream_options` goes with `stream: true` only.", param="stream_options")
    return WireRequest(route, payload, model, is_stream)


# one kind of value ------------------------------------------------------------------------------------


def _wrong(param: str, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"`{param}` must be {wanted}.", param=param)


def _is_integer(value: object) -> bool:
    return type(value) is int


def _integer(low: int, high: int) -> Check:
    def check(value: object, param: str) -> None:
        if not _is_integer(value) or not low <= value <= high:  # type: ignore[operator]
            raise _wrong(param, f"an integer from {low} to {high}")

    return check


def _number(low: float, high: float) -> Check:
    def check(value: object, param: str) -> None:
        if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
            raise _wrong(param, f"a number from {low:g} to {high:g}")

    return check


def _boolean(value: object, param: str) -> None:
    if type(value) is not bool:
        raise _wrong(param, "true or false")


def _text(value: object, param: str) -> None:
    if not isinstance(value, str):
        raise _wrong(param, "a string")


def _object(value: object, param: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(param, "an object")


def _objects(value: object, param: str) -> None:
    if not isinstance(value, list):
        raise _wrong(param, "a list of objects")
    for index, one in enumerate(value):
        _object(one, f"{param}[{index}]")


def _stop(value: object, param: str) -> None:
    stops = value if isinstance(value, list) else [value]
    if not all(isinstance(stop, str) for stop in stops):
        raise _wrong(param, "a string or a list of strings")
    if len(stops) > 64 or sum(map(len, stops)) > _LONGEST_STOP:
        raise _wrong(param, f"at most 64 strings of {_LONGEST_STOP} characters together")


def _logprobs(value: object, param: str) -> None:
    if type(value) is not bool and not (_is_integer(value) and 0 <= value <= 100):  # type: ignore[operator]
        raise _wrong(param, "true, false, or for completions an integer from 0 to 100")


def _logit_bias(value: object, param: str) -> None:
    if not isinstance(value, dict) or len(value) > 1024:
        raise _wrong(param, "an object of at most 1024 token ids")
    for token, bias in value.items():
        _number(-100, 100)(bias, f"{param}.{token[:32]}")


def _stream_options(value: object, param: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(param, "an object")
    if value.get("include_usage") is not None:
        _boolean(value["include_usage"], f"{param}.include_usage")


def _response_format(value: object, param: str) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise _wrong(param, "an object with a `type`")


def _tools(value: object, param: str) -> None:
    _objects(value, param)
    for index, tool in enumerate(value):  # type: ignore[arg-type, var-annotated]
        if not isinstance(tool.get("type"), str):
            raise _wrong(f"{param}[{index}].type", "a string such as `function`")
        function = tool.get("function")
        if tool["type"] == "function" and not (
            isinstance(function, dict) and isinstance(function.get("name"), str)
        ):
            raise _wrong(f"{param}[{index}].function", "an object with a `name`")


def _tool_choice(value: object, param: str) -> None:
    if not isinstance(value, str | dict):
        raise _wrong(param, "a string or an object")


def _template_arguments(value: object, param: str) -> None:
    if not isinstance(value, dict) or "chat_template" in value:
        raise _wrong(param, "an object without `chat_template`")


def _truncation(value: object, param: str) -> None:
    if value not in ("auto", "disabled"):
        raise _wrong(param, "`auto` or `disabled`")


_CHECKS: Mapping[str, Check] = {
    "truncation": _truncation,
    "stream": _boolean,
    "stream_options": _stream_options,
    "max_tokens": _integer(1, _MOST_INT32),
    "max_completion_tokens": _integer(1, _MOST_INT32),
    "n": _integer(1, 128),
    "best_of": _integer(1, 128),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "seed": _integer(-(2**63), 2**63 - 1),
    "stop": _stop,
    "logprobs": _logprobs,
    "top_logprobs": _integer(0, 100),
    "logit_bias": _logit_bias,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _boolean,
    "functions": _objects,
    "response_format": _response_format,
    "metadata": _object,
    "user": _text,
    "service_tier": _text,
    "chat_template_kwargs": _template_arguments,
}
_REFUSED: Mapping[str, str] = {
    "priority": "is not for clients to set: the queue decides whose turn it is.",
    "chat_template": "cannot be replaced by a request.",
    "truncate_prompt_tokens": 'cuts without a word; send `truncation: "auto"`, which tells what was left out.',
    "kv_transfer_params": "is not for clients to set.",
}


# one route --------------------------------------------------------------------------------------------


def _check_chat(payload: Mapping[str, Any]) -> None:
    messages = payload.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "a list of at least one message")
    if len(messages) > _MOST_MESSAGES:
        raise _wrong("messages", f"at most {_MOST_MESSAGES} messages")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    if "prompt" in payload:
        raise InvalidRequest("`prompt` belongs to /v1/completions; send `messages`.", param="prompt")
    if payload.get("logprobs") is not None and type(payload["logprobs"]) is not bool:
        raise _wrong("logprobs", "true or false")


def _check_message(message: object, param: str) -> None:
    if not isinstance(message, dict):
        raise _wrong(param, "an object with `role` and `content`")
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        raise _wrong(f"{param}.role", f"one of {', '.join(sorted(_ROLES))}")
    if isinstance(content, str):
        return
    if isinstance(content, list) and content:
        for index, part in enumerate(content):
            _check_part(part, f"{param}.content[{index}]")
    elif content is not None or role != "assistant":
        raise _wrong(f"{param}.content", "a string or a list of parts")


def _check_part(part: object, param: str) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise _wrong(param, "an object with a `type`")
    if part["type"] == "text" and not isinstance(part.get("text"), str):
        raise _wrong(f"{param}.text", "a string")
    for kind in _MEDIA_PARTS:
        media = part.get(kind)
        if media is None:
            continue
        url = media.get("url") if isinstance(media, dict) else media
        # Anything else would be fetched by the engine, from inside our network.
        if not isinstance(url, str) or not url.startswith("data:"):
            raise _wrong(f"{param}.{kind}.url", "a `data:` URL; the appliance fetches nothing from elsewhere")


def _check_completion(payload: Mapping[str, Any]) -> None:
    prompt = payload.get("prompt")
    if isinstance(prompt, str) and prompt:
        return
    if not isinstance(prompt, list) or not prompt:
        raise _wrong("prompt", "a text, a list of texts, or token ids")
    kinds = {str if isinstance(one, str) else int if _is_integer(one) else list for one in prompt}
    if len(kinds) > 1 or (kinds == {list} and not all(_are_token_ids(one) for one in prompt)):
        raise _wrong("prompt", "a text, a list of texts, or token ids")
    if kinds != {int} and len(prompt) > 128:
        raise _wrong("prompt", "at most 128 prompts")


def _are_token_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_integer, value))


def _check_embedding(payload: Mapping[str, Any]) -> None:
    texts = payload.get("input")
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list) or not texts:
        raise _wrong("input", f"a text, or a list of 1 to {_MOST_INPUTS} texts")
    if len(texts) > (_MOST_IDS if _is_integer(texts[0]) else _MOST_INPUTS):
        raise _wrong("input", f"a text, or a list of 1 to {_MOST_INPUTS} texts")
    if not (_are_token_ids(texts) or isinstance(texts[0], list)):
        for index, text in enumerate(texts):
            if not isinstance(text, str) or not text:
                raise _wrong(f"input[{index}]" if isinstance(payload["input"], list) else "input", "a text")
    elif isinstance(texts[0], list):
        for index, ids in enumerate(texts):
            if not _are_token_ids(ids):
                raise _wrong(f"input[{index}]", "a list of token ids, like the first")
    if payload.get("encoding_format") not in (None, "float", "base64"):
        raise _wrong("encoding_format", "`float` or `base64`")
    if payload.get("dimensions") is not None:
        _integer(1, 65536)(payload["dimensions"], "dimensions")


def _check_rerank(payload: Mapping[str, Any]) -> None:
    _check_text_of(payload.get("query"), "query")
    documents = payload.get("documents")
    if not isinstance(documents, list) or not documents or len(documents) > _MOST_DOCUMENTS:
        raise _wrong("documents", f"a list of 1 to {_MOST_DOCUMENTS} texts")
    characters = 0
    for index, document in enumerate(documents):
        characters += _check_text_of(document, f"documents[{index}]")
    if characters > _MOST_DOCUMENT_CHARACTERS:
        raise _wrong("documents", f"at most {_MOST_DOCUMENT_CHARACTERS} characters together")
    for name in ("return_documents", "truncate"):
        if payload.get(name) is not None:
            _boolean(payload[name], name)
    if payload.get("top_n") is not None:
        _integer(1, _MOST_INT32)(payload["top_n"], "top_n")


def _check_text_of(value: object, param: str) -> int:
    """Its characters."""
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text:
        raise _wrong(param, "a text, or an object with a `text`")
    return len(text)


_SHAPES: Mapping[EngineRoute, Callable[[Mapping[str, Any]], None]] = {
    "chat/completions": _check_chat,
    "completions": _check_completion,
    "embeddings": _check_embedding,
    "rerank": _check_rerank,
}
