"""The pipeline `answer-with-tools`: a model asks for tools, gets what they bring, and answers in the end.

Rounds, calls and what their results take of the prompt are bounded; the same call is not made twice, and a model that
writes arguments wrongly may mend them twice. What it says of documents is checked as in answer-with-sources.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Cited,
    Finished,
    Reasoned,
    TextDelta,
)
from appliance.domain.people import Caller, Language
from appliance.pipelines.answer_with_sources import AnswerWithSources
from appliance.pipelines.answer_with_tools.calls import MOST_AT_ONCE, Calls, Progress
from appliance.pipelines.answer_with_tools.deltas import CallDeltas, WantedCall
from appliance.pipelines.answer_with_tools.talk import Offer, Talk
from appliance.pipelines.checking import Checking
from appliance.pipelines.fitting import MAX_ANSWER_TOKENS, context_tokens
from appliance.pipelines.texts import text
from appliance.pipelines.writing import PASSED_ON
from appliance.ports import PipelineParts, Search
from appliance.ports.tools import Tools
from inference.chat_chunks import parse_answer, parse_chunk, read_events
from inference.ports import ChatEngine
from inference.thinking import Thinking
from inference.types import EngineRequest, Usage

_ROUNDS = 6
_MOST_MISTAKES = 3
_MOST_CALLS = 16
_CALM = 0.2
_HELD_CHARACTERS = 160  # what a model says before it calls is no part of the answer


class AnswerWithTools:
    """The pipeline `answer-with-tools`. Without a model it is answer-with-sources."""

    name = "answer-with-tools"

    def __init__(self, tools: Tools | None, parts: PipelineParts) -> None:
        self._tools, self._analyzer = tools, parts.analyzer
        self._checking = Checking(parts.analyzer)
        self._without = AnswerWithSources.made_from(parts)

    @classmethod
    def made_from(cls, parts: PipelineParts) -> AnswerWithTools:
        return cls(parts.tools, parts)

    async def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yields Progressed, ToolCalled, Searched and Tabled as calls are made, then text, Cited and Finished."""
        if engine is None or self._tools is None:
            async with aclosing(self._without.answer(caller, request, engine, search)) as events:
                async for event in events:
                    yield event
            return
        language = self._language(caller, request)
        context = await context_tokens(engine)
        talk, offer = Talk(request, language, context), Offer(await self._tools.listed(caller))
        calls, progress, usage = Calls(self._tools), Progress(), Usage()
        writing = _Round("")
        for number in range(_ROUNDS + 1):
            goes_on = (
                number < _ROUNDS
                and progress.mistakes < _MOST_MISTAKES
                and progress.calls < _MOST_CALLS
                and not talk.is_full
            )
            writing = _Round(request.request_id)
            async with aclosing(
                writing.stream(engine, request, talk, offer if goes_on else None, context)
            ) as pieces:
                async for piece in pieces:
                    yield piece
            usage = _sum(usage, writing.usage)
            if not goes_on or not writing.calls:
                break
            talk.called(writing.calls, writing.text)
            async with aclosing(calls.made(caller, request, writing.calls, offer, talk, progress)) as made:
                async for event in made:
                    yield event
        notes: list[str] = []
        cited = Cited(())
        if talk.passages:
            cited = await self._checking.checked(caller, writing.text, talk.passages, search)
            if cited.unsupported:
                notes.append("unsupported")
                yield TextDelta(f"\n\n_{text(language, 'unsupported')}_")
        if talk.dropped_messages:
            notes.append("history_cut")
        yield cited
        yield Finished(
            "written",
            writing.finish_reason,
            usage,
            model=self.name,
            notes=tuple(notes),
            dropped_messages=talk.dropped_messages,
        )

    def _language(self, caller: Caller, request: AnswerRequest) -> Language:
        spoken = self._analyzer.language(request.question)
        return (
            "es"
            if spoken == "es"
            else "en"
            if spoken == "en"
            else request.language or caller.language or "en"
        )


class _Round:
    """One call of the engine: text as it comes, or the calls it wants; complete once `stream` has ended."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self.text, self.finish_reason, self.usage = "", "stop", Usage()
        self.calls: list[WantedCall] = []

    async def stream(
        self, engine: ChatEngine, request: AnswerRequest, talk: Talk, offer: Offer | None, context: int
    ) -> AsyncGenerator[TextDelta | Reasoned, None]:
        """offer None: it has to answer now. Raises what engines do."""
        wished = request.options.get("max_completion_tokens") or request.options.get("max_tokens")
        most = min(MAX_ANSWER_TOKENS, context // 4)
        payload = {
            "model": engine.name,
            "messages": talk.messages,
            "stream": True,
            "temperature": _CALM,
            **{name: value for name, value in request.options.items() if name in PASSED_ON},
            "max_tokens": min(int(wished), most) if wished else most,
        }
        if offer is not None and offer.names:
            payload |= {"tools": offer.as_functions(), "tool_choice": "auto"}
        call = EngineRequest("chat/completions", payload, self._request_id, origins=talk.origins)
        deltas, thinking, held = CallDeltas(), Thinking(), ""
        async with engine.relay(call) as response:
            if not response.content_type.startswith("text/event-stream"):
                whole = parse_answer(b"".join([frame async for frame in response.frames]))
                self.text, self.usage = whole.text, whole.usage or self.usage
                yield TextDelta(whole.text)
                return
            async with aclosing(read_events(response.frames)) as events:  # type: ignore[type-var]
                async for event in events:
                    deltas.take(event)
                    chunk = parse_chunk(event)
                    self.usage = chunk.usage or self.usage
                    self.finish_reason = chunk.finish_reason or self.finish_reason
                    thought, words = thinking.divide(chunk.text)
                    if chunk.reasoning or thought:
                        yield Reasoned(chunk.reasoning + thought)
                    self.text += words
                    held += words
                    if held and not deltas.calls and (offer is None or len(self.text) > _HELD_CHARACTERS):
                        yield TextDelta(held)
                        held = ""
            thought, words = thinking.rest()
        if thought:
            yield Reasoned(thought)
        self.text, held = self.text + words, held + words
        self.calls = deltas.calls[:MOST_AT_ONCE]
        if held:
            yield Reasoned(held) if self.calls and offer is not None else TextDelta(held)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.prompt_tokens + other.prompt_tokens, one.completion_tokens + other.completion_tokens)
