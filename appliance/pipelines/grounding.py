"""Passages of documents beside any chat: searched, put into the prompt where there is room, and checked afterwards.

For clients whose conversation is their own (tools, pictures, instructions): what they said stays as they said it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from appliance.domain.answers import Cited
from appliance.domain.origins import Origins
from appliance.domain.people import Caller, Language
from appliance.errors import QuestionTooLong
from appliance.pipelines.checking import Checking
from appliance.pipelines.fitting import TEMPLATE_TOKENS, TokenCounts, context_tokens
from appliance.pipelines.following_up import FollowingUp
from appliance.pipelines.prompting import MESSAGE_OVERHEAD_TOKENS, MIN_ANSWER_TOKENS, framed, numbered
from appliance.pipelines.purposes import ShippedPrompts
from appliance.pipelines.summary_texts import summary_text
from appliance.ports import Search, Wanted
from appliance.ports.prompts import Prompts
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.documents import Passage, SearchResult

_ANSWER_TOKENS = 1024
_PICTURE_TOKENS = 1500
_BYTES_PER_TOKEN = 12

Message = Mapping[str, Any]


class Grounding:
    """Fulfils ports.Grounding."""

    def __init__(self, search: Search, analyzer: Analyzer, prompts: Prompts | None = None) -> None:
        self._search = search
        self._analyzer = analyzer
        self._checking = Checking(analyzer)
        self._prompts = prompts or ShippedPrompts()
        self._following_up = FollowingUp(analyzer, prompts=self._prompts)

    async def searched(
        self,
        caller: Caller,
        said: Sequence[ChatMessage],
        wanted: Wanted,
        engine: ChatEngine,
        request_id: str,
        origins: Origins,
    ) -> tuple[str, SearchResult]:
        """Passages good enough, best first; none where the evidence is too thin. Raises NotFound."""
        language = self._language(said[-1].content)
        wording = await self._following_up.wording(said, language, engine, request_id, origins)
        found = await self._search.search(
            caller,
            wording.question,
            wanted.collection_ids,
            wanted.most_results,
            only=wanted.only,
            also=wording.also,
        )
        passages = [one for one in found.passages if one.score >= wanted.least_score]
        return wording.question, replace(found, passages=passages if found.is_relevant else [])

    async def grounded(
        self, payload: Mapping[str, Any], question: str, passages: Sequence[Passage], engine: ChatEngine
    ) -> tuple[list[Message], tuple[Passage, ...]]:
        """The chat's messages with the passages that fit, and which those are.

        Raises QuestionTooLong where not even the first one fits beside what was said.
        """
        language = self._language(question)
        messages: list[Message] = list(payload["messages"])
        if not passages:
            return _with_system(messages, summary_text(language, "nothing_searched")), ()
        words = await self._prompts.in_force("responses-with-files", language)
        frame = framed(words.instructions, language)
        context = await context_tokens(engine)
        answer = min(payload.get("max_tokens") or min(_ANSWER_TOKENS, context // 3), context // 2)
        blocks = [numbered(number, passage, language) for number, passage in enumerate(passages, start=1)]
        tools = orjson.dumps(payload.get("tools") or []).decode()
        texts = [frame, tools, *map(_text, messages)]
        counts = TokenCounts(engine, context * _BYTES_PER_TOKEN)
        await counts.learn([*texts, *blocks])
        left = context - answer - TEMPLATE_TOKENS - sum(map(counts, texts))
        left -= sum(MESSAGE_OVERHEAD_TOKENS + _PICTURE_TOKENS * _pictures(message) for message in messages)
        kept: list[str] = []
        for written in blocks:
            cost = counts(written)
            if cost > left:
                break
            kept.append(written)
            left -= cost
        if not kept:
            if left < MIN_ANSWER_TOKENS:
                raise QuestionTooLong(
                    f"{engine.name!r} reads {context} tokens in all, and a passage needs room too.",
                    param="messages",
                )
            kept = [blocks[0][: len(blocks[0]) * left // counts(blocks[0])]]
        return _with_system(messages, frame + "\n".join(kept)), tuple(passages[: len(kept)])

    async def checked(self, caller: Caller, written: str, passages: Sequence[Passage]) -> Cited:
        """The verified citations of an answer, and the spans of it that nothing supports."""
        return await self._checking.checked(caller, written, passages, self._search)

    def _language(self, question: str) -> Language:
        return "es" if self._analyzer.language(question) == "es" else "en"


def _with_system(messages: Sequence[Message], said: str) -> list[Message]:
    """After the caller's own instructions, in the same message: many chat templates take one only."""
    first = messages[0] if messages else {}
    if first.get("role") == "system" and isinstance(first.get("content"), str):
        return [{**first, "content": f"{first['content']}\n\n{said}"}, *messages[1:]]
    return [{"role": "system", "content": said}, *messages]


def _text(message: Message) -> str:
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "\n".join(part.get("text", "") for part in content)
    calls = message.get("tool_calls")
    return content + (orjson.dumps(calls).decode() if calls else "")


def _pictures(message: Message) -> int:
    content = message.get("content")
    return sum(part["type"] != "text" for part in content) if isinstance(content, list) else 0
