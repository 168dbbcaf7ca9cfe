"""Which parts of a chat may go where it is too long: whole turns, the oldest first. Pure.

A turn is what a person said and all that was answered, tool calls and their outputs included, so that no call loses its
output and a chat still begins with a person. System and developer messages and everything from the last thing that a
person said stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_KEPT = frozenset(("system", "developer"))


def old_turns(messages: Sequence[Mapping[str, Any]]) -> list[tuple[int, ...]]:
    """Places of the messages of each turn that may go, the oldest turn first."""
    last = max((place for place, one in enumerate(messages) if one.get("role") == "user"), default=0)
    turns: list[list[int]] = []
    for place in range(last):
        role = messages[place].get("role")
        if role in _KEPT:
            continue
        if role == "user" or not turns:
            turns.append([])
        turns[-1].append(place)
    return [tuple(turn) for turn in turns]


def without(messages: Sequence[Mapping[str, Any]], turns: Sequence[Sequence[int]]) -> list[Mapping[str, Any]]:
    """The messages that stay."""
    gone = {place for turn in turns for place in turn}
    return [message for place, message in enumerate(messages) if place not in gone]
