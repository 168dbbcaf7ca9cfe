"""How each provider shows a key, lists its models, and says no. Written from the providers' own documentation and SDKs,
not from what our engine sends. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from inference.testing.answers import JsonObject

ProviderName = Literal["openai", "anthropic", "google", "mistral", "azure"]
Headers = dict[str, str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPENAI = _words(
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages "
    "metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort "
    "response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice "
    "tools top_logprobs top_p user verbosity web_search_options"
)
_GOOGLE = _words(
    "max_completion_tokens max_tokens messages model n reasoning_effort response_format stop stream stream_options "
    "temperature tool_choice tools top_p"
)
_MISTRAL = _words(
    "frequency_penalty guardrails logprobs max_tokens messages metadata min_tokens model n parallel_tool_calls "
    "prediction presence_penalty prompt_logprobs prompt_mode random_seed reasoning_effort repetition_penalty "
    "response_format safe_prompt stop stream temperature tool_choice tools top_k top_logprobs top_p"
)
_MESSAGE = frozenset(
    ("role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio", "function_call")
)
_THINKS_FIRST = re.compile(r"^(o\d|gpt-[5-9])")
_NOT_WHILE_THINKING = (
    "max_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
)
_ANTHROPIC_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none."""

    status: int
    body: JsonObject | list[JsonObject]
    headers: Headers = field(default_factory=dict)


def models_offered(provider: ProviderName) -> list[str]:
    """Names such as the provider has; Azure's are deployments."""
    return {
        "openai": ["gpt-5.4-mini", "gpt-4o-mini"],
        "anthropic": ["claude-sonnet-5-5", "claude-haiku-4-5"],
        "google": ["gemini-3.8-flash"],
        "mistral": ["mistral-small-latest"],
        "azure": ["our-gpt"],
    }[provider]


def key_shown(provider: ProviderName, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The key that came with a request; empty: none."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    if provider == "azure":
        return headers.get("api-key", "") or bearer
    if provider == "anthropic":
        return headers.get("x-api-key", "") or bearer
    if provider == "google":
        return headers.get("x-goog-api-key", "") or query.get("key", "") or bearer
    return bearer


def refused(provider: ProviderName, status: int, message: str, code: str | None = None) -> Refusal:
    """In the provider's shape."""
    if provider == "anthropic":
        error = {"type": _ANTHROPIC_KINDS.get(status, "invalid_request_error"), "message": message}
        return Refusal(status, {"type": "error", "error": error, "request_id": "req_1"})
    if provider == "google":
        word = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
                429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}.get(status, "UNKNOWN")  # fmt: skip
        return Refusal(status, {"error": {"code": status, "message": message, "status": word}})
    if provider == "mistral":
        if status == 401:
            return Refusal(401, {"detail": "Unauthorized"})
        told = {"object": "error", "message": message, "type": code or "invalid_request_error", "param": None}
        return Refusal(status, {**told, "code": "1500", "raw_status_code": status})
    kind = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}
    return Refusal(status, {"error": {"message": message, "type": kind.get(status, "invalid_request_error"),
                                      "param": None, "code": code}})  # fmt: skip


def bad_key(provider: ProviderName, key: str) -> Refusal:
    """OpenAI says the ends of the key back; Google finds that the request is bad."""
    if provider == "openai":
        masked = f"{key[:8]}{'*' * 12}{key[-4:]}"
        return refused(provider, 401, f"Incorrect API key provided: {masked}.", "invalid_api_key")
    if provider == "google":
        return refused(provider, 400, "API key not valid. Please pass a valid API key.")
    if provider == "azure":
        message = "Access denied due to invalid subscription key or wrong API endpoint."
        return Refusal(401, {"error": {"code": "401", "message": message}})
    return refused(provider, 401, "invalid x-api-key")


def rate_limited(provider: ProviderName, retry_after_s: float, limit: int) -> Refusal:
    """With the headers, or Google's detail, that say when to come back."""
    seconds = f"{retry_after_s:g}"
    answer = refused(provider, 429, "Rate limit reached. Please try again later.", "rate_limit_exceeded")
    if provider == "google" and isinstance(answer.body, dict):
        detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
        answer.body["error"]["details"] = [detail]
        return answer
    prefix = "anthropic-ratelimit-requests" if provider == "anthropic" else "x-ratelimit"
    suffixes = ("limit", "remaining") if provider == "anthropic" else ("limit-requests", "remaining-requests")
    headers = {f"{prefix}-{suffixes[0]}": str(limit), f"{prefix}-{suffixes[1]}": "0", "retry-after": seconds}
    if provider in ("openai", "azure"):
        headers |= {
            "retry-after-ms": f"{retry_after_s * 1000:g}",
            "x-ratelimit-reset-requests": f"{seconds}s",
        }
    return Refusal(429, answer.body, headers)


def complaint(provider: ProviderName, payload: Mapping[str, Any]) -> Refusal | None:
    """What is wrong with the body of an OpenAI-compatible chat request; None: nothing."""
    messages = payload.get("messages")
    if not isinstance(messages, list) or not messages:
        return refused(provider, 400, "'messages' is missing or empty.", "missing_required_parameter")
    if provider == "anthropic":  # its layer ignores what it does not know
        return refused(provider, 400, "n: must be 1") if payload.get("n") not in (None, 1) else None
    known = {"google": _GOOGLE, "mistral": _MISTRAL}.get(provider, _OPENAI)
    unknown = [name for name in payload if name not in known]
    if provider == "google":
        return _google_complaint(unknown) if unknown else None
    if provider == "mistral":
        odd = [name for name in unknown if payload[name] is not None] + _odd_ids(messages)
        return _mistral_complaint(odd) if odd else None
    if unknown:
        return refused(
            provider, 400, f"Unrecognized request argument supplied: {unknown[0]}", "unknown_parameter"
        )
    for place, message in enumerate(messages):
        if odd := [name for name in message if name not in _MESSAGE]:
            return refused(
                provider, 400, f"Unknown parameter: 'messages[{place}].{odd[0]}'.", "unknown_parameter"
            )
    if _THINKS_FIRST.match(str(payload.get("model"))):
        for name in _NOT_WHILE_THINKING:
            if payload.get(name) is not None and not (
                name in ("temperature", "top_p") and payload[name] == 1
            ):
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return refused(provider, 400, message, "unsupported_parameter")
    return None


def _google_complaint(unknown: Sequence[str]) -> Refusal:
    said = "\n".join(
        f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.' for name in unknown
    )
    one = refused("google", 400, said)
    assert isinstance(one.body, dict)
    return Refusal(400, [one.body])  # its OpenAI-compatible routes wrap errors in a list


def _odd_ids(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    ids = [message.get("tool_call_id") for message in messages]
    ids += [call.get("id") for message in messages for call in message.get("tool_calls") or []]
    return ["tool_call_id" for one in ids if one is not None and not re.fullmatch("[A-Za-z0-9]{9}", str(one))]


def _mistral_complaint(odd: Sequence[str]) -> Refusal:
    rows = [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
        for name in odd
    ]
    one = refused("mistral", 422, "", "invalid_request_invalid_args")
    assert isinstance(one.body, dict)
    return Refusal(422, {**one.body, "message": {"detail": rows}})
