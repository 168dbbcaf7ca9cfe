"""How a request written for an engine of the box is said in a cloud's words: a list of small rules.

A cloud gets only what its own list of parameters knows. What would change nothing but the style of an answer is left
out with a note; what the answer was promised to obey, and the cloud cannot, is a reason not to send it. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Payload = dict[str, Any]


class CannotBeSaid(Exception):
    """What was asked for cannot be had there; its text says what."""


@dataclass
class Draft:
    """A request on its way into another's words. model: their name. notes: what was changed, for who asked."""

    payload: Payload
    model: str
    notes: list[str] = field(default_factory=list)

    def note(self, name: str, what: str) -> None:
        """Once for each."""
        if (said := f"{name} {what}") not in self.notes:
            self.notes.append(said)


class Rule(Protocol):
    """One difference between our words and theirs."""

    def apply(self, draft: Draft) -> None:
        """Raises CannotBeSaid."""
        ...


def _concerns(pattern: str, model: str) -> bool:
    return not pattern or re.search(pattern, model) is not None


@dataclass(frozen=True, slots=True)
class Rename:
    """A parameter that has another name there; where both are given, theirs stays. models: a pattern; empty: all."""

    name: str
    to: str
    models: str = ""

    def apply(self, draft: Draft) -> None:
        if draft.payload.get(self.name) is None or not _concerns(self.models, draft.model):
            return
        value = draft.payload.pop(self.name)
        if draft.payload.get(self.to) is None:
            draft.payload[self.to] = value
            draft.note(self.name, f"sent as {self.to}")


@dataclass(frozen=True, slots=True)
class Drop:
    """Parameters that these models refuse and that the answer can do without."""

    names: tuple[str, ...]
    models: str = ""

    def apply(self, draft: Draft) -> None:
        if not _concerns(self.models, draft.model):
            return
        for name in self.names:
            if draft.payload.pop(name, None) is not None:
                draft.note(name, "dropped")


@dataclass(frozen=True, slots=True)
class Clamp:
    """A number that must lie within other bounds there."""

    name: str
    least: float
    most: float

    def apply(self, draft: Draft) -> None:
        value = draft.payload.get(self.name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return
        kept = min(self.most, max(self.least, value))
        if kept != value:
            draft.payload[self.name] = kept
            draft.note(self.name, f"limited to {kept:g}")


@dataclass(frozen=True, slots=True)
class Refuse:
    """Something the answer was to obey, and would not."""

    names: tuple[str, ...]
    unless: Callable[[Any], bool] = lambda value: value is None

    def apply(self, draft: Draft) -> None:
        for name in self.names:
            if name in draft.payload and not self.unless(draft.payload[name]):
                raise CannotBeSaid(f"`{name}` cannot be had there.")


@dataclass(frozen=True, slots=True)
class Withhold:
    """What says who asks, or what for: it stays on the box, without a word about it."""

    names: tuple[str, ...]

    def apply(self, draft: Draft) -> None:
        for name in self.names:
            draft.payload.pop(name, None)


@dataclass(frozen=True, slots=True)
class SchemaAsResponseFormat:
    """vLLM's `guided_json` and `structured_outputs`, llama.cpp's `json_schema`: OpenAI's `response_format`."""

    def apply(self, draft: Draft) -> None:
        wanted = draft.payload.pop("structured_outputs", None)
        schema = draft.payload.pop("guided_json", None) or draft.payload.pop("json_schema", None)
        if isinstance(wanted, dict):
            if other := sorted(key for key, value in wanted.items() if value is not None and key != "json"):
                raise CannotBeSaid(f"`structured_outputs.{other[0]}` cannot be had there.")
            schema = schema or wanted.get("json")
        if schema is None or draft.payload.get("response_format"):
            return
        if not isinstance(schema, dict):
            raise CannotBeSaid("`guided_json` cannot be had there but as an object.")
        draft.payload["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema},
        }
        draft.note("guided_json", "sent as response_format")


@dataclass(frozen=True, slots=True)
class OnlyFunctions:
    """Tools that run at the provider, such as a web search, would carry the question further still."""

    def apply(self, draft: Draft) -> None:
        tools = draft.payload.get("tools")
        if not isinstance(tools, list):
            return
        kept = [tool for tool in tools if isinstance(tool, dict) and tool.get("type") == "function"]
        if len(kept) < len(tools):
            draft.note("tools", "limited to functions")
        draft.payload["tools"] = kept
        if not kept:
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                draft.payload.pop(name, None)


@dataclass(frozen=True, slots=True)
class Messages:
    """Only what a message may hold there: our own notes on earlier answers, such as the passages they cite, never go.

    fields: of a message. roles: those that have another name there. named: roles whose `name` is a function's; a
    person's is nobody's business there.
    """

    fields: tuple[str, ...] = ("role", "content", "name", "tool_calls", "tool_call_id", "refusal")
    roles: Mapping[str, str] = field(default_factory=dict)
    named: tuple[str, ...] = ("function",)

    def apply(self, draft: Draft) -> None:
        messages = draft.payload.get("messages")
        if not isinstance(messages, list):
            return
        draft.payload["messages"] = [
            self._clean(message) if isinstance(message, dict) else message for message in messages
        ]

    def _clean(self, message: Mapping[str, Any]) -> Payload:
        role = str(message.get("role"))
        kept = {name: message[name] for name in self.fields if message.get(name) is not None}
        if "content" in message:
            kept.setdefault("content", None)
        if role not in self.named:
            kept.pop("name", None)
        return {**kept, "role": self.roles.get(role, role)}


@dataclass(frozen=True, slots=True)
class ShortCallIds:
    """Mistral takes ids of tool calls only with nine letters and digits; others become one, the same ones the same."""

    def apply(self, draft: Draft) -> None:
        for message in draft.payload.get("messages") or []:
            if not isinstance(message, dict):
                continue
            if isinstance(message.get("tool_call_id"), str):
                message["tool_call_id"] = _short(message["tool_call_id"])
            if isinstance(message.get("tool_calls"), list):
                message["tool_calls"] = [
                    {**call, "id": _short(str(call["id"]))}
                    if isinstance(call, dict) and "id" in call
                    else call
                    for call in message["tool_calls"]
                ]


def _short(call_id: str) -> str:
    if re.fullmatch("[A-Za-z0-9]{9}", call_id):
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


@dataclass(frozen=True, slots=True)
class CountTokens:
    """Every streamed answer ends with what it used: it is paid for by that."""

    def apply(self, draft: Draft) -> None:
        draft.payload.pop("stream_options", None)
        if draft.payload.get("stream"):
            draft.payload["stream_options"] = {"include_usage": True}


def translate(
    payload: Mapping[str, Any],
    model: str,
    rules: Sequence[Rule],
    known: frozenset[str],
    added: Mapping[str, Any] | None = None,
) -> Draft:
    """A request in their words. Pure.

    model: what is behind their name, for rules that concern some models alone. known: what they take; everything else
    is dropped. added: parameters of the operator's, as they are, where the request says nothing. Raises CannotBeSaid.
    """
    draft = Draft({name: value for name, value in payload.items() if value is not None}, model)
    for rule in rules:
        rule.apply(draft)
    for name in sorted(draft.payload.keys() - known - {"model", "messages", "stream", "input"}):
        del draft.payload[name]
        draft.note(name, "dropped")
    for name, value in (added or {}).items():
        draft.payload.setdefault(name, value)
    return draft
