"""A prompt that fits: every piece counted as the model itself counts, then the whole once more.

Where the server cannot count, each text is taken for a little more than it usually is.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

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
_HISTORY_BYTES_PER_TOKEN = 5  # of what was said before so much is counted; what is older is overestimated
_REMEMBERED = 5_000  # counts
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
    known: KnownCounts | None = None,
) -> Fitted:
    """Fill the model's context. Raises QuestionTooLong for a question that leaves no room for a passage.

    frame: the instructions before the passages; None: those for answering a question. The asker's own go before it.
    known: counts of earlier questions.
    """
    context = await context_tokens(engine)
    answer_tokens = min(MAX_ANSWER_TOKENS, context // 3)
    counts = TokenCounts(engine, context * _MOST_BYTES_PER_TOKEN, known)
    begun = [ChatMessage("assistant", request.partial)] if request.partial else []
    room = budget = context - answer_tokens - TEMPLATE_TOKENS - await counts.total(begun)
    if request.instructions.strip():
        heeded = request.instructions[: context * _INSTRUCTIONS_CHARACTERS_PER_TOKEN]
        frame = heeding(heeded, frame, language)
    history_bytes = context * _HISTORY_BYTES_PER_TOKEN
    await counts.learn(pieces(request.messages, passages, language, history_bytes, frame))
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


class KnownCounts:
    """What engines have counted, so that a long conversation is not counted again with every question."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, bytes], int] = OrderedDict()

    def get(self, engine: str, text: str) -> int | None:
        return self._counts.get(_key(engine, text))

    def put(self, engine: str, text: str, count: int) -> None:
        self._counts[_key(engine, text)] = count
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)


def _key(engine: str, text: str) -> tuple[str, bytes]:
    return engine, blake2b(text.encode(), digest_size=16).digest()


class TokenCounts:
    """Tokens of texts: exact for those that were learned, else overestimated. longest: in bytes, worth asking for.

    known: what was counted before; None: nothing.
    """

    def __init__(self, engine: ChatEngine, longest: int, known: KnownCounts | None = None) -> None:
        self._engine = engine
        self._longest = longest
        self._known = known or KnownCounts()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def __call__(self, text: str) -> int:
        counted = self._known.get(self._engine.name, text)
        return overestimate(text) if counted is None else counted

    def is_exact(self, text: str) -> bool:
        """Whether the engine has counted it."""
        return self._known.get(self._engine.name, text) is not None

    async def learn(self, texts: Iterable[str]) -> None:
        """Ask the engine for those that are not known yet."""
        unknown = [text for text in dict.fromkeys(texts) if not self.is_exact(text)]
        await asyncio.gather(*(self._learn(text) for text in unknown))

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
            self._known.put(self._engine.name, text, counted)


def overestimate(text: str) -> int:
    """Tokens of text for the vocabularies in use, which need one for three to four bytes of prose."""
    return len(text.encode()) // 3 + 1


async def context_tokens(engine: ChatEngine) -> int:
    """What the model reads in all, prompt and answer; a low guess where nobody tells."""
    models = {model.id: model for model in await engine.models()}
    known = models.get(engine.name) or next(iter(models.values()), None)
    return (known.context_tokens if known else None) or DEFAULT_CONTEXT_TOKENS
