"""Turns of one conversation are recognised by how they begin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from appliance.fairness.conversations import conversation_of
from inference.types import EngineRequest

ANA, BEA = UUID(int=1), UUID(int=2)
SYSTEM = {"role": "system", "content": "Be kind."}


def of(*messages: Any, user: UUID = ANA, model: str = "llama") -> str:
    """The conversation of a chat with these messages."""
    return conversation_of(user, model, EngineRequest("chat/completions", {"messages": list(messages)}))


def said(role: str, content: object) -> dict[str, object]:
    """One message."""
    return {"role": role, "content": content}


def test_later_turns_belong_to_the_first() -> None:
    """Whatever was said since."""
    first = of(SYSTEM, said("user", "Hello"))

    assert len(first) == 16
    assert of(SYSTEM, said("user", "Hello"), said("assistant", "Hi"), said("user", "And now?")) == first


def test_other_people_models_and_beginnings_are_others() -> None:
    """Two people who ask the same do not share a conversation."""
    parts = [said("user", [{"type": "text", "text": "Hello"}])]
    asked = [
        of(said("user", "Hello")),
        of(said("user", "Hello"), user=BEA),
        of(said("user", "Hello"), model="qwen"),
        of(said("user", "Good day")),
        of(SYSTEM, said("user", "Hello")),
        of(*parts),
    ]

    assert len(set(asked)) == len(asked) and "" not in asked


def test_what_is_no_chat_is_no_conversation() -> None:
    """Texts to be embedded, bare prompts, and what nobody has said."""
    for request in (
        EngineRequest("embeddings", {"input": "Hello"}),
        EngineRequest("completions", {"prompt": "Hello"}),
        EngineRequest("chat/completions", {"messages": [SYSTEM]}),
        EngineRequest("chat/completions", {"messages": "Hello"}),
    ):
        assert conversation_of(ANA, "llama", request) == ""
