"""Ask an engine something small and see how it answers: no health page tells whether it makes tokens.

Knows nothing of circuits; it returns what a person's request would have been reported with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inference.chat_chunks import read_events
from inference.errors import EngineRefused, EngineStreamBroken, InferenceError
from inference.failover.judging import outcome_of
from inference.failover.outcomes import Outcome, Report
from inference.ports import ChatEngine
from inference.types import EngineRequest, EngineRoute, ModelInfo, ModelKind

_LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
_BODIES: dict[ModelKind, tuple[EngineRoute, dict[str, Any]]] = {
    "chat": (
        "chat/completions",
        {
            "messages": [{"role": "user", "content": "1 2 3"}],
            "temperature": 0,
            "stream": True,
        },
    ),
    "embedding": ("embeddings", {"input": "1 2 3"}),
    "reranker": ("rerank", {"query": "1", "documents": ["1 2 3"]}),
}


def can_be_asked(kind: ModelKind) -> bool:
    """Whether there is something small to ask such a model."""
    return kind in _BODIES


async def ask(
    engine: ChatEngine, model: ModelInfo, *, tokens: int, patience_s: float, clock: Callable[[], float]
) -> Report:
    """A whole answer of so many tokens at most, or what went wrong. It takes no slot and is on nobody's bill.

    patience_s: for the whole of it. clock: seconds that only go forward.
    """
    route, body = _BODIES[model.kind]
    payload = {"model": model.id, **body}
    if model.kind == "chat":
        payload["max_tokens"] = tokens
    began_s = clock()
    retry_after_s, head = None, _Head()
    try:
        async with asyncio.timeout(patience_s):
            await _whole_answer(engine, EngineRequest(route, payload, "probe"), head)
        outcome = Outcome.SERVED
    except TimeoutError:
        outcome = Outcome.BROKEN if head.is_there else Outcome.SILENT
    except InferenceError as error:
        outcome = outcome_of(error)
        if isinstance(error, EngineRefused):
            retry_after_s = error.retry_after_s
    if (
        outcome is Outcome.NOT_COUNTED
    ):  # it refuses what we ask, as a server does that is well; people's requests
        outcome = Outcome.SERVED  # show whether it refuses them too, and the first failure tells
    took_s = clock() - began_s
    return Report(engine.name, model.id, outcome, None, retry_after_s, is_probe=True, took_s=took_s)


@dataclass(slots=True)
class _Head:
    """Whether something of the answer has come."""

    is_there: bool = False


async def _whole_answer(engine: ChatEngine, request: EngineRequest, head: _Head) -> None:
    """Raises InferenceError where it is none."""
    async with engine.relay(request) as response:
        if response.content_type.startswith("text/event-stream"):
            async for event in read_events(response.frames):
                head.is_there = head.is_there or bool(event.get("choices"))
            if not head.is_there:
                raise EngineStreamBroken("An answer without a word.", is_malformed=True)
            return
        size_bytes = 0
        async for frame in response.frames:
            size_bytes += len(frame)
            if size_bytes > _LARGEST_ANSWER_BYTES:
                raise EngineStreamBroken("An answer without an end.", is_malformed=True)
        if not size_bytes:
            raise EngineStreamBroken("An empty answer.", is_malformed=True)
