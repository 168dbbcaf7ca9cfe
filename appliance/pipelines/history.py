"""A plain chat that fits: what the person wants heeded, the question, and what was said before while there is room.

Tokens are counted by the engine that reads them; counts are remembered, so that a long chat is not counted again with
every question. What does not fit stays out, the oldest first.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.answers import AnswerRequest
from appliance.domain.conversations import ContextUse, FittedChat
from appliance.errors import QuestionTooLong
from appliance.pipelines.fitting import (
    DEFAULT_CONTEXT_TOKENS,
    MAX_ANSWER_TOKENS,
    TEMPLATE_TOKENS,
    KnownCounts,
    TokenCounts,
    overestimate,
)
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS, MIN_ANSWER_TOKENS
from inference.ports import ChatEngine
from inference.types import ChatMessage

_AT_ONCE = 8
_MOST_BYTES_PER_TOKEN = 12  # a text longer than that cannot fit and is not worth counting


class FittedHistories:
    """Fulfils ports.HistoryFitting."""

    def __init__(self) -> None:
        self._known = KnownCounts()

    async def fitted(self, engine: ChatEngine, request: AnswerRequest) -> FittedChat:
        """Raises QuestionTooLong."""
        front, earlier, rear = _parts(request)
        context = await _context(engine)
        if context is None:
            return FittedChat((*front, *earlier, *rear))
        room = context - _reserve(context) - TEMPLATE_TOKENS
        if _bytes([*front, *earlier, *rear]) <= room:  # no text has more tokens than bytes
            return FittedChat((*front, *earlier, *rear))
        counts = TokenCounts(engine, context * _MOST_BYTES_PER_TOKEN, self._known)
        fixed = await counts.total([*front, *rear])
        if fixed + TEMPLATE_TOKENS + MIN_ANSWER_TOKENS > context:
            raise QuestionTooLong(
                f"It has {fixed} tokens with what has to go with it; {engine.name!r} reads {context} in all.",
                param="messages",
            )
        kept = await _recent(counts, earlier, room - fixed)
        gone = earlier[: len(earlier) - len(kept)]
        tokens = sum(counts(message.content) + MESSAGE_OVERHEAD_TOKENS for message in gone)
        return FittedChat((*front, *kept, *rear), len(gone), tokens)

    async def measured(self, engine: ChatEngine | None, request: AnswerRequest) -> ContextUse:
        """used_tokens: of what would be sent with the question as far as it is there."""
        front, earlier, rear = _parts(request)
        rear = tuple(message for message in rear if message.content)
        if engine is None:
            return ContextUse(sum(map(_overestimated, [*front, *earlier, *rear])), None)
        context = await _context(engine)
        most = (context or DEFAULT_CONTEXT_TOKENS) * _MOST_BYTES_PER_TOKEN
        counts = TokenCounts(engine, most, self._known)
        fixed = TEMPLATE_TOKENS + await counts.total([*front, *rear])
        kept: Sequence[ChatMessage] = earlier
        if context is not None:
            kept = await _recent(counts, earlier, context - _reserve(context) - fixed)
        used = fixed + await counts.total(kept)
        is_exact = all(counts.is_exact(one.content) for one in (*front, *kept, *rear))
        return ContextUse(used, context, (len(earlier) - len(kept) + 1) // 2, is_exact)


async def _recent(counts: TokenCounts, earlier: Sequence[ChatMessage], room: int) -> tuple[ChatMessage, ...]:
    """From the end, while there is room; a few are counted at a time."""
    kept = 0
    for end in range(len(earlier), 0, -_AT_ONCE):
        batch = earlier[max(0, end - _AT_ONCE) : end]
        await counts.learn(message.content for message in batch)
        for message in reversed(batch):
            room -= counts(message.content) + MESSAGE_OVERHEAD_TOKENS
            if room < 0:
                return _from_a_question(earlier[len(earlier) - kept :])
            kept += 1
    return tuple(earlier)


def _parts(
    request: AnswerRequest,
) -> tuple[tuple[ChatMessage, ...], tuple[ChatMessage, ...], tuple[ChatMessage, ...]]:
    """What stands in front, what was said before, and the question with what of its answer is there."""
    given = [message for message in request.messages if message.role == "system"]
    said = [message for message in request.messages if message.role != "system"]
    wanted = [ChatMessage("system", request.instructions)] if request.instructions.strip() else []
    partial = [ChatMessage("assistant", request.partial)] if request.partial else []
    return (*given, *wanted), tuple(said[:-1]), (*said[-1:], *partial)


def _from_a_question(messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """A conversation starts with a person."""
    first = next((n for n, message in enumerate(messages) if message.role == "user"), len(messages))
    return tuple(messages[first:])


async def _context(engine: ChatEngine) -> int | None:
    models = {model.id: model for model in await engine.models()}
    known = models.get(engine.name)
    return known.context_tokens if known else None


def _reserve(context: int) -> int:
    """Room for the answer."""
    return min(MAX_ANSWER_TOKENS, context // 3)


def _bytes(messages: Sequence[ChatMessage]) -> int:
    return sum(len(message.content.encode()) + MESSAGE_OVERHEAD_TOKENS for message in messages)


def _overestimated(message: ChatMessage) -> int:
    return overestimate(message.content) + MESSAGE_OVERHEAD_TOKENS
