"""The prompts of a completion, which may be texts or token ids, and their counts put together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.types import PromptCount


def texts_to_count(payload: Mapping[str, Any]) -> list[str]:
    """The prompts that are texts; ids are counted by themselves."""
    prompt = payload.get("prompt")
    if isinstance(prompt, str):
        return [prompt]
    return [one for one in prompt or () if isinstance(one, str)]


def counted(payload: Mapping[str, Any], counts: Sequence[object]) -> PromptCount | None:
    """counts: of the chat, or of the texts among the prompts; None where one of them is not known."""
    if not all(isinstance(count, int) for count in counts):
        return None
    known = tuple(int(count) for count in counts)  # type: ignore[call-overload]
    prompt = payload.get("prompt")
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], str):
        known = (len(prompt),) if isinstance(prompt[0], int) else tuple(map(len, prompt))
    return PromptCount(known) if known else None
