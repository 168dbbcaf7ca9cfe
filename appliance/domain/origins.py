"""What a text was made from beside its author's own words, as labels that travel with it: `collection:ID`.

None stands for "nobody said". It is never lost on the way: what is made from something unknown is unknown itself, and
stays on the box. Values and pure functions only.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from rag.documents import Passage

Origins = frozenset[str] | None

OWN_WORDS: frozenset[str] = frozenset()
"""Of a text that its author wrote: raw calls of a client, a first question, what somebody wants heeded."""

_COLLECTION, _CONVERSATION, _SOURCE, _TOOL = "collection:", "conversation:", "source:", "tool:"


def of_collection(collection_id: UUID) -> str:
    """The label of passages, whole documents and recordings in a collection, a chat's own files included."""
    return f"{_COLLECTION}{collection_id}"


def of_conversation(conversation_id: UUID) -> str:
    """The label of what was said before; the labels of what that was made from stand beside it."""
    return f"{_CONVERSATION}{conversation_id}"


def of_source(source_id: UUID) -> str:
    """The label of a database's tables and rows. Nothing made from them leaves: no rule can permit it."""
    return f"{_SOURCE}{source_id}"


def of_tool(server_id: UUID) -> str:
    """The label of what an MCP server of others gave back. It may go back there, and nowhere else outside."""
    return f"{_TOOL}{server_id}"


def of_passages(passages: Iterable[Passage]) -> frozenset[str]:
    """The collections that these were found in."""
    return frozenset(of_collection(passage.collection_id) for passage in passages)


def together(*parts: Origins) -> Origins:
    """Of a text made from all of these; unknown as soon as one is."""
    known = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None


def without_tool(origins: Origins, server_id: UUID) -> Origins:
    """Beside what that server gave back itself."""
    return None if origins is None else origins - {of_tool(server_id)}


def collections_in(origins: Origins) -> frozenset[UUID] | None:
    """The collections that must be permitted to leave; None where a label is unknown or nobody said."""
    if origins is None:
        return None
    found: set[UUID] = set()
    for label in origins:
        kind, separator, name = label.partition(":")
        try:
            number = UUID(name)
        except ValueError:
            return None
        if kind + separator == _COLLECTION:
            found.add(number)
        elif kind + separator != _CONVERSATION:
            return None
    return frozenset(found)
