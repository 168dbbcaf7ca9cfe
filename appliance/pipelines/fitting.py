"""A prompt that fits: every piece counted as the model itself counts, then the whole once more.

Where the server cannot count, each text is taken for a little more than it usually is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appliance.domain.answers import AnswerRequest
from appliance.domain.people import Language
from appliance.errors import QuestionTooLong
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS, Prompt, build, heeding, pieces
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.documents import Passage

DEFAULT_CONTEXT_TOKENS = 4096
MAX_ANSWER_TOKENS = 1024
TEMPLATE_TOKENS = 40  # what a chat template adds by itself; Llama 3.1's writes a date in 27
_ROUNDS = 4
_AT_ONCE = 8
# Nobody's vocabulary is so good: text longer than this a token of context cannot fit and is not worth counting.
_MOST_BYTES_PER_TOKEN = 12
_INSTRUCTIONS_CHARACTERS_PER_TOKEN = 1  # of the context: about a quarter of it


@dataclass(frozen=True, slots=True)
class Fitted:
    """The prompt, and the tokens that are left for the answer."""

    prompt: Prompt
    answer_tokens: int


async def fit(
    request: AnswerRequest,
    passages: Sequence[Passage],
    language: Language,
    engine: ChatEngine,
    frame: str | None = None,
) -> Fitted:
    """Fill the model's context. Raises QuestionTooLong for a question that leaves no room for a passage.

    frame: the instructions before the passages; None: those for answering a question. The asker's own go before it.
    """
    context = await context_tokens(engine)
    answer_tokens = min(MAX_ANSWER_TOKENS, context // 3)
    counts = TokenCounts(engine, context * _MOST_BYTES_PER_TOKEN)
    begun = [ChatMessage("assistant", request.partial)] if request.partial else []
    room = budget = context - answer_tokens - TEMPLATE_TOKENS - await counts.total(begun)
    if request.instructions.strip():
        heeded = request.instructions[: context * _INSTRUCTIONS_CHARACTERS_PER_TOKEN]
        frame = heeding(heeded, frame, language)
    await counts.learn(pieces(request.messages, passages, language, context * _MOST_BYTES_PER_TOKEN, frame))
    for _ in range(_ROUNDS):
        prompt = build(request.messages, passages, language, budget, counts, frame)
        if not prompt.passages:
            break
        # a passage that was cut, and pieces that were joined, may count for more than was thought
        excess = await counts.total(prompt.messages) - room
        if excess <= 0:
            return Fitted(prompt, answer_tokens)
        budget -= excess
    raise QuestionTooLong(
        f"It has {counts(request.question)} tokens; {engine.name!r} reads {context} in all, and passages and the "
        "answer need room too.",
        param="messages",
    )


class TokenCounts:
    """Tokens of texts: exact for those that were learned, else overestimated. longest: in bytes, worth asking for."""

    def __init__(self, engine: ChatEngine, longest: int) -> None:
        self._engine = engine
        self._longest = longest
        self._known: dict[str, int] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def __call__(self, text: str) -> int:
        known = self._known.get(text)
        return overestimate(text) if known is None else known

    async def learn(self, texts: Iterable[str]) -> None:
        """Ask the engine for those that are not known yet."""
        await asyncio.gather(*(self._learn(text) for text in dict.fromkeys(texts) if text not in self._known))

    async def total(self, messages: Sequence[ChatMessage]) -> int:
        """All messages as they are sent, with what a chat template writes between them."""
        await self.learn(message.content for message in messages)
        return sum(self(message.content) + MESSAGE_OVERHEAD_TOKENS for message in messages)

    async def _learn(self, text: str) -> None:
        if len(text) > self._longest:
            return
        async with self._at_once:
            counted = await self._engine.count_tokens(self._engine.name, text)
        if counted is not None:
            self._known[text] = counted


def overestimate(text: str) -> int:
    """Tokens of text for the vocabularies in use, which need one for three to four bytes of prose."""
    return len(text.encode()) // 3 + 1


async def context_tokens(engine: ChatEngine) -> int:
    """What the model reads in all, prompt and answer; a low guess where nobody tells."""
    models = {model.id: model for model in await engine.models()}
    known = models.get(engine.name) or next(iter(models.values()), None)
    return (known.context_tokens if known else None) or DEFAULT_CONTEXT_TOKENS
