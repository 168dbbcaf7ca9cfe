"""What a request needs of a model, and whether another model can do that. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from appliance.fairness.charging import most_tokens
from inference.types import EngineRequest

Ability = Literal["tools", "images", "json_schema"]

_IMAGE_PARTS = ("image_url", "input_image", "image")


def needs_of(payload: Mapping[str, Any]) -> frozenset[Ability]:
    """Beyond plain text."""
    needs: set[Ability] = set()
    if payload.get("tools") or payload.get("functions") or _calls_tools(payload):
        needs.add("tools")
    if (payload.get("response_format") or {"type": "text"}).get("type") != "text" or _is_guided(payload):
        needs.add("json_schema")
    if any(part.get("type") in _IMAGE_PARTS for part in _parts(payload)):
        needs.add("images")
    return frozenset(needs)


def can_stand_in(
    request: EngineRequest,
    prompt_tokens: int,
    *,
    abilities: Collection[str],
    context_tokens: int | None,
    asked_context_tokens: int | None,
) -> bool:
    """Whether a model with these abilities and this context can answer instead of the one that was asked for.

    prompt_tokens: estimated. context_tokens None: nobody knows it; then it is asked only where nobody knows the other
    either.
    """
    if request.route not in ("chat/completions", "completions"):
        return False  # vectors of different models must never meet
    if not needs_of(request.payload) <= set(abilities):
        return False
    if context_tokens is None:
        return asked_context_tokens is None
    return prompt_tokens + (most_tokens(request) or 0) <= context_tokens


def _calls_tools(payload: Mapping[str, Any]) -> bool:
    return any(
        message.get("role") == "tool" or message.get("tool_calls")
        for message in payload.get("messages") or ()
    )


def _is_guided(payload: Mapping[str, Any]) -> bool:
    return any(name.startswith("guided_") or name == "structured_outputs" for name in payload)


def _parts(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    contents = (message.get("content") for message in payload.get("messages") or ())
    return [part for content in contents if isinstance(content, list) for part in content]
