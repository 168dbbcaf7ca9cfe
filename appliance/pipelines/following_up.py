"""A follow-up becomes a question that stands on its own, so that a search finds what the conversation is about.

With a chat engine one short call rewrites it; without one, or when it takes too long or loses a number or a code, the
last question's own words are carried over. The question as it was asked stays a second query, so nothing is lost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from appliance.domain.origins import Origins
from appliance.domain.people import Language
from appliance.pipelines.purposes import ShippedPrompts
from appliance.ports.prompts import Prompts
from inference.errors import InferenceError
from inference.ports import ChatEngine
from inference.types import ChatMessage, EngineRequest
from rag.analysis import Analyzer
from rag.exact import exact_strings

REWRITE_BUDGET_S = 10.0
MAX_REWRITTEN_TOKENS = 96
_MAX_CHARACTERS = 600
_EARLIER_CHARACTERS = 1_500  # of each earlier message that the engine reads
_SHORT_WORDS = 4  # content words; fewer than this seldom say what they are about
_CARRIED_WORDS = 12
_POINTING_WORDS = {
    "en": "it its they them their theirs these those he him his she her there then one ones same",
    "es": "ello eso esto esa ese estas estos esas esos aquello aquel aquella él ella ellos ellas su sus suyo suya les "
    "allí ahí entonces mismo misma",
}
_POINTING_LAST = {"en": "this that", "es": "lo la los las"}  # elsewhere they belong to the word behind them
_POINTING = {language: frozenset(words.split()) for language, words in _POINTING_WORDS.items()}
_LAST = {language: frozenset(words.split()) for language, words in _POINTING_LAST.items()}
_OPENING = re.compile(
    r"\s*(?:and|but|so|what about|how about|y|pero|entonces|o sea|qué hay de)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"\d[\d.,/:-]*\d|\d")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Wording:
    """What is searched for. also: the question as it was asked, where that is another text."""

    question: str
    also: tuple[str, ...] = ()


class FollowingUp:
    """budget_s: how long the engine may take, waiting for its turn included. prompts None: the shipped ones."""

    def __init__(
        self, analyzer: Analyzer, budget_s: float = REWRITE_BUDGET_S, *, prompts: Prompts | None = None
    ) -> None:
        self._analyzer = analyzer
        self._prompts = prompts or ShippedPrompts()
        self._budget_s = budget_s

    async def wording(
        self,
        messages: Sequence[ChatMessage],
        language: Language,
        engine: ChatEngine | None,
        request_id: str,
        origins: Origins = None,
    ) -> Wording:
        """messages end with the question; the first of a conversation, and one that stands alone, pass as they are.

        origins: of the messages.
        """
        question = next((m.content for m in reversed(messages) if m.role == "user"), "")
        earlier = [m for m in messages[:-1] if m.role in ("user", "assistant")]
        if not any(m.role == "user" for m in earlier) or not self.is_follow_up(question):
            return Wording(question)
        rewritten = None
        if engine is not None:
            rewritten = await self._rewritten(question, earlier, language, engine, request_id, origins)
        standalone = rewritten or self.carried_over(question, earlier)
        return Wording(question) if standalone == question else Wording(standalone, (question,))

    def is_follow_up(self, question: str) -> bool:
        """Whether it points back: by a pronoun, by how it begins, or by saying too little."""
        language = self._analyzer.language(question)
        words = [word.casefold() for word in _WORD.findall(question)]
        content = list(self._analyzer.content_words(question, language))
        if not words or any(string.is_quoted for string in exact_strings(question, self._analyzer)):
            return False
        points = not _either(_POINTING, language).isdisjoint(words) or words[-1] in _either(_LAST, language)
        return points or bool(_OPENING.match(question)) or len(content) < _SHORT_WORDS

    def carried_over(self, question: str, earlier: Sequence[ChatMessage]) -> str:
        """The question with the content words of the one before it, in their order; codes and numbers unchanged."""
        before = next((m.content for m in reversed(earlier) if m.role == "user"), "")[:_MAX_CHARACTERS]
        known = {w.casefold() for w in _WORD.findall(question)}
        carried: list[str] = []
        at = 0
        spans = [
            (s, s + len(e.text))
            for e in exact_strings(before, self._analyzer)
            if (s := before.find(e.text)) >= 0
        ]
        spans += [
            (word.start, word.end)
            for word in self._analyzer.content_words(before, self._analyzer.language(before))
        ]
        for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            piece = before[start:end]
            if start >= at and piece.casefold() not in known:
                carried.append(piece)
                known.add(piece.casefold())
            at = max(at, end)
        return " ".join([question, *carried[:_CARRIED_WORDS]])

    async def _rewritten(
        self,
        question: str,
        earlier: Sequence[ChatMessage],
        language: Language,
        engine: ChatEngine,
        request_id: str,
        origins: Origins,
    ) -> str | None:
        """None where the engine fails, is too slow, or says something that cannot be such a question."""
        words = await self._prompts.in_force("follow-up", language)
        spoken = "\n".join(f"{m.role}: {m.content[:_EARLIER_CHARACTERS]}" for m in earlier[-4:])
        payload = {
            "model": engine.name,
            "messages": [
                {"role": "system", "content": words.instructions},
                {"role": "user", "content": f"{spoken}\nuser: {question}"},
            ],
            "stream": True,
            "temperature": words.temperature or 0,
            "max_tokens": MAX_REWRITTEN_TOKENS,
        }
        said = ""
        try:
            async with asyncio.timeout(self._budget_s):
                call = EngineRequest("chat/completions", payload, request_id, origins=origins)
                async with aclosing(engine.stream(call)) as chunks:  # type: ignore[type-var]
                    async for chunk in chunks:
                        said += chunk.text or ""
        except (InferenceError, TimeoutError):
            return None
        line = next((one.strip() for one in said.splitlines() if one.strip()), "").strip('"“”«» ')
        return self._whole(line, question) if 0 < len(line) <= _MAX_CHARACTERS else None

    def _whole(self, rewritten: str, question: str) -> str:
        """With every code, number and quoted string of the question, to the letter."""
        wanted = [string.text for string in exact_strings(question, self._analyzer)]
        wanted += _NUMBER.findall(question)
        for piece in wanted:
            if piece not in rewritten:
                rewritten += f" {piece}"
        return rewritten


def _either(words: Mapping[str, frozenset[str]], language: str | None) -> frozenset[str]:
    """Those of the language, or of all where it is not known."""
    return words.get(language or "") or frozenset[str]().union(*words.values())
