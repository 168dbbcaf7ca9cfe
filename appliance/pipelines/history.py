"""A plain chat that fits: what the person wants heeded, the question, and what was said before while there is room.

Tokens are counted by the engine that reads them; counts are remembered, so that a long chat is not counted again with
every question. What does not fit stays out, the oldest first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from appliance.domain.answers import AnswerRequest
from appliance.domain.conversations import ContextUse, FittedChat
from appliance.errors import QuestionTooLong
from appliance.pipelines.fitting import MAX_ANSWER_TOKENS, TEMPLATE_TOKENS, overestimate
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS, MIN_ANSWER_TOKENS
from inference.ports import ChatEngine
from inference.types import ChatMessage

_AT_ONCE = 8
_REMEMBERED = 5_000  # counts


class FittedHistories:
    """Fulfils ports.HistoryFitting."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], int] = OrderedDict()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def fitted(self, engine: ChatEngine, request: AnswerRequest) -> FittedChat:
        """Raises QuestionTooLong."""
        front, earlier, rear = _parts(request)
        context = await _context(engine)
        if context is None or _bytes([*front, *earlier, *rear]) + TEMPLATE_TOKENS <= context - _reserve(
            context
        ):
            return FittedChat((*front, *earlier, *rear))  # no text has more tokens than bytes
        fixed = TEMPLATE_TOKENS + await self._total(engine, [*front, *rear])
        if fixed + MIN_ANSWER_TOKENS > context:
            raise QuestionTooLong(
                f"It has {fixed} tokens with what has to go with it; {engine.name!r} reads {context} in all.",
                param="messages",
            )
        kept = await self._recent(engine, earlier, context - _reserve(context) - fixed)
        return FittedChat((*front, *kept, *rear), len(earlier) - len(kept))

    async def measured(self, engine: ChatEngine | None, request: AnswerRequest) -> ContextUse:
        """used_tokens: of what would be sent with the question as far as it is there."""
        front, earlier, rear = _parts(request)
        rear = tuple(message for message in rear if message.content)
        if engine is None:
            return ContextUse(sum(map(_overestimated, [*front, *earlier, *rear])), None)
        context = await _context(engine)
        fixed = TEMPLATE_TOKENS + await self._total(engine, [*front, *rear])
        kept: Sequence[ChatMessage] = earlier
        if context is not None:
            kept = await self._recent(engine, earlier, context - _reserve(context) - fixed)
        used = fixed + await self._total(engine, kept)
        is_exact = all(self._count(engine, one.content) is not None for one in (*front, *kept, *rear))
        dropped = (len(earlier) - len(kept) + 1) // 2
        return ContextUse(used, context, dropped, is_exact)

    async def _recent(
        self, engine: ChatEngine, earlier: Sequence[ChatMessage], room: int
    ) -> tuple[ChatMessage, ...]:
        """From the end, while there is room; a few are counted at a time."""
        kept = 0
        for end in range(len(earlier), 0, -_AT_ONCE):
            batch = earlier[max(0, end - _AT_ONCE) : end]
            await self._learn(engine, batch)
            for message in reversed(batch):
                room -= self._cost(engine, message)
                if room < 0:
                    return _from_a_question(earlier[len(earlier) - kept :])
                kept += 1
        return tuple(earlier)

    async def _total(self, engine: ChatEngine, messages: Sequence[ChatMessage]) -> int:
        await self._learn(engine, messages)
        return sum(self._cost(engine, message) for message in messages)

    def _cost(self, engine: ChatEngine, message: ChatMessage) -> int:
        counted = self._count(engine, message.content)
        return _overestimated(message) if counted is None else counted + MESSAGE_OVERHEAD_TOKENS

    def _count(self, engine: ChatEngine, text: str) -> int | None:
        return self._known.get(_key(engine, text))

    async def _learn(self, engine: ChatEngine, messages: Sequence[ChatMessage]) -> None:
        texts = dict.fromkeys(one.content for one in messages if self._count(engine, one.content) is None)
        await asyncio.gather(*(self._learn_one(engine, text) for text in texts))

    async def _learn_one(self, engine: ChatEngine, text: str) -> None:
        async with self._at_once:
            counted = await engine.count_tokens(engine.name, text)
        if counted is not None:
            self._known[_key(engine, text)] = counted
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


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


def _key(engine: ChatEngine, text: str) -> tuple[str, bytes]:
    return engine.name, blake2b(text.encode(), digest_size=16).digest()
