"""The tool calls of a streamed answer, put together from their pieces. Pure.

Engines differ: some send a call's name first and its arguments in pieces, some everything at once, some without an
index or an id, some with arguments as an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_CALLS = 32
_MOST_ARGUMENT_CHARACTERS = 64_000


@dataclass(slots=True)
class WantedCall:
    """id: as the engine has it, or made. name: as it was offered. arguments: JSON, as far as the model wrote it."""

    id: str
    name: str = ""
    arguments: str = ""


class CallDeltas:
    """calls: in the order in which they began."""

    def __init__(self) -> None:
        self._by_index: dict[int, WantedCall] = {}

    @property
    def calls(self) -> list[WantedCall]:
        return [call for call in self._by_index.values() if call.name]

    def take(self, event: Mapping[str, Any]) -> None:
        """An event of the stream, whatever is in it."""
        choices = event.get("choices")
        first = (
            choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else {}
        )
        delta = first.get("delta")
        told = delta.get("tool_calls") if isinstance(delta, Mapping) else None
        for position, one in enumerate(told if isinstance(told, list) else []):
            if isinstance(one, Mapping):
                self._take(one, position)

    def _take(self, one: Mapping[str, Any], position: int) -> None:
        index = one.get("index")
        if not isinstance(index, int):
            known = [at for at, call in self._by_index.items() if call.id == one.get("id")]
            is_new = bool(one.get("id")) and not known
            index = known[0] if known else len(self._by_index) if is_new else position
        if index not in self._by_index and len(self._by_index) >= _MOST_CALLS:
            return
        call = self._by_index.setdefault(index, WantedCall(f"call_{index}"))
        if isinstance(one.get("id"), str) and one["id"]:
            call.id = one["id"][:100]
        function = one.get("function")
        if not isinstance(function, Mapping):
            return
        name, arguments = function.get("name"), function.get("arguments")
        if isinstance(name, str) and not call.name:
            call.name = name[:200]
        if isinstance(arguments, Mapping):
            arguments = json.dumps(arguments)
        if isinstance(arguments, str) and len(call.arguments) < _MOST_ARGUMENT_CHARACTERS:
            call.arguments += arguments


def parsed(arguments: str) -> dict[str, Any]:
    """Raises ValueError for what is no JSON object. Nothing written at all: no arguments."""
    if not arguments.strip():
        return {}
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        raise ValueError("The arguments are no valid JSON.") from error
    if not isinstance(found, dict):
        raise ValueError("The arguments must be a JSON object.")
    return found
