"""One call of a chat engine: its words as they come, and afterwards the whole of them with what they cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from appliance.domain.answers import AnswerRequest, Reasoned, Restarted, TextDelta
from appliance.domain.origins import Origins, together
from inference.continuing import go_on
from inference.ports import ChatEngine
from inference.types import ChatMessage, EngineRequest, Usage

PASSED_ON = frozenset({"temperature", "top_p", "seed", "stop", "presence_penalty"})
_CALM = 0.2


class Writer:
    """text, usage and finish_reason are complete once `stream` has ended. partial: what the text begins with."""

    def __init__(self, partial: str = "") -> None:
        self.text = partial
        self.usage = Usage()
        self.finish_reason = "stop"

    async def stream(
        self,
        engine: ChatEngine,
        request: AnswerRequest,
        messages: Sequence[ChatMessage],
        most_tokens: int,
        made_from: Origins,
        temperature: float | None = None,
        also: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[TextDelta | Reasoned | Restarted, None]:
        """most_tokens: room for the answer; the caller of the API may wish for less.

        made_from: of what stands in messages beside those of the request: documents, or notes on them. temperature:
        where the request has none. also: more of the engine's own options.
        """
        wished = request.options.get("max_completion_tokens") or request.options.get("max_tokens")
        payload = {
            "model": engine.name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "temperature": _CALM if temperature is None else temperature,
            **{name: value for name, value in request.options.items() if name in PASSED_ON},
            "max_tokens": min(int(wished), most_tokens) if wished else most_tokens,
            **(also or {}),
        }
        origins = together(request.origins, made_from)
        call = EngineRequest("chat/completions", payload, request.request_id, origins=origins)
        stream = go_on(engine.stream, call, self.text) if self.text else engine.stream(call)
        async with aclosing(stream) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if chunk.begins_anew:
                    self.text = ""
                    yield Restarted()
                if chunk.reasoning:
                    yield Reasoned(chunk.reasoning)
                if chunk.text:
                    self.text += chunk.text
                    yield TextDelta(chunk.text)
                self.usage = chunk.usage or self.usage
                self.finish_reason = chunk.finish_reason or self.finish_reason
