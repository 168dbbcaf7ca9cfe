"""A conversation of items as the messages of a chat. Pure.

Reasoning goes back to the model only after the last thing a person said, as chat templates expect it: a model that
called a tool goes on with the thoughts that led to the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from appliance.api.responses.input_items import Item
from appliance.errors import InvalidRequest

Message = dict[str, Any]


def check_calls(history: Sequence[Item], items: Sequence[Item]) -> None:
    """Each output belongs to a call before it, each call has its output. Raises InvalidRequest, as OpenAI does."""
    called = {item["call_id"] for item in history if item["type"] == "function_call"}
    answered = {item["call_id"] for item in history if item["type"] == "function_call_output"}
    for index, item in enumerate(items):
        if item["type"] == "function_call":
            called.add(item["call_id"])
        elif item["type"] == "function_call_output":
            if item["call_id"] not in called:
                raise InvalidRequest(
                    f"No function call has the call_id {item['call_id']!r}: send the call before its output, or the "
                    "response that made it as `previous_response_id`.",
                    param=f"input[{index}].call_id",
                )
            answered.add(item["call_id"])
    for call_id in sorted(called - answered):
        raise InvalidRequest(
            f"The function call {call_id!r} has no output: send a `function_call_output` with that call_id.",
            param="input",
        )


def chat_messages(instructions: str | None, items: Sequence[Item]) -> list[Message]:
    """Everything that was said, oldest first; system messages at the start become one."""
    writer = _Writer(_last_person(items))
    if instructions:
        writer.say("system", instructions)
    for index, item in enumerate(items):
        writer.add(index, item)
    return writer.messages


def _last_person(items: Sequence[Item]) -> int:
    return max(
        (index for index, item in enumerate(items) if item.get("role") in ("user", "system", "developer")),
        default=-1,
    )


class _Writer:
    """last_person: the place of the last thing that was not the model's own."""

    def __init__(self, last_person: int) -> None:
        self.messages: list[Message] = []
        self._last_person = last_person
        self._thoughts: list[str] = []

    def add(self, index: int, item: Item) -> None:
        if item["type"] == "message":
            role = "system" if item["role"] == "developer" else item["role"]
            self.say(role, _spoken(item["content"]))
        elif item["type"] == "function_call":
            self._call(item)
        elif item["type"] == "function_call_output":
            output = item["output"]
            content = output if isinstance(output, str) else _spoken(output)
            self.messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": content})
        elif item["type"] == "reasoning" and index > self._last_person:
            self._thoughts += [part["text"] for part in item["content"]]

    def say(self, role: str, content: str | list[Message]) -> None:
        if role == "assistant":
            self.messages.append({"role": role, "content": content, **self._thought()})
        elif role == "system" and isinstance(content, str) and self._only_system():
            # Many chat templates take one system message, and at the start only.
            before = self.messages[0]["content"] + "\n\n" if self.messages else ""
            self.messages = [{"role": role, "content": before + content}]
        else:
            self.messages.append({"role": role, "content": content})

    def _call(self, item: Item) -> None:
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        last = self.messages[-1] if self.messages else {}
        if last.get("role") == "assistant" and not self._thoughts:
            last.setdefault("tool_calls", []).append(call)
        else:
            self.messages.append(
                {"role": "assistant", "content": None, "tool_calls": [call], **self._thought()}
            )

    def _thought(self) -> Message:
        """The thoughts before this message, by both names: vLLM reads the short one only (its issue 38488)."""
        text, self._thoughts = "\n".join(self._thoughts), []
        return {"reasoning": text, "reasoning_content": text} if text else {}

    def _only_system(self) -> bool:
        return all(message["role"] == "system" for message in self.messages) and (
            not self.messages or isinstance(self.messages[0]["content"], str)
        )


def _spoken(parts: Sequence[Item]) -> str | list[Message]:
    """Text alone is one string, which every engine reads; with pictures or sound it is a list of parts."""
    texts = [part.get("text", part.get("refusal")) for part in parts]
    if all(text is not None for text in texts):
        return "\n".join(str(text) for text in texts)
    return [_chat_part(part) for part in parts]


def _chat_part(part: Item) -> Message:
    if part["type"] == "input_image":
        return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": part["detail"]}}
    if part["type"] == "input_audio":
        return {"type": "input_audio", "input_audio": part["input_audio"]}
    return {"type": "text", "text": part["text"]}
