"""llama.cpp: a GGUF file served by a process of our own, or a server that runs already.

Our own process listens on a unix socket in the appliance's private folder: no other user of the machine can go
past the gate, and a restarted process keeps its address.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import orjson

from inference.chat_chunks import drain, read_events
from inference.engines.assembling import assemble
from inference.engines.connections import Connections
from inference.engines.exposition import series_values
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.errors import EngineStreamBroken, EngineUnavailable
from inference.settings import EngineSettings, LlamaCppSettings
from inference.tokenizing.prompts import counted, texts_to_count
from inference.types import EngineLoad, EngineRequest, EngineResponse, PromptCount

# The host of a URL that goes over a unix socket means nothing; this one makes error messages readable.
_SOCKET_URL = "http://llama-cpp/v1"
_METRICS = {
    "running": "llamacpp:requests_processing",
    "waiting": "llamacpp:requests_deferred",
    "decodes": "llamacpp:n_decode_total",
}


class LlamaCppEngine(OpenAiCompatibleEngine):
    """One llama.cpp server."""

    settings_type: ClassVar[type[EngineSettings]] = LlamaCppSettings

    def __init__(self, name: str, settings: EngineSettings, connections: Connections) -> None:
        super().__init__(name, settings, connections)
        self._shape: tuple[int | None, int | None] | None = None

    def _base_url(self, settings: EngineSettings) -> str:
        return settings.base_url or _SOCKET_URL

    def _socket_path(self) -> Path | None:
        settings = cast(LlamaCppSettings, self._settings)
        return None if settings.base_url else settings.socket_path

    def prepare(self, request: EngineRequest) -> Mapping[str, Any]:
        """It goes on with a last message of the assistant by itself (`prefill_assistant`, on unless switched off)."""
        return request.payload

    @asynccontextmanager
    async def relay(self, request: EngineRequest) -> AsyncIterator[EngineResponse]:
        """As its base does, but every answer is streamed on the engine's side.

        While it writes a whole answer llama.cpp does not look whether anybody still waits for it (seen with
        xllamacpp 2026.10: the slot stayed busy to the end; ggml-org/llama.cpp#24496). A stream it does stop.
        """
        if request.is_stream or request.route in ("embeddings", "rerank"):
            async with super().relay(request) as response:
                yield response
            return
        payload = {**request.payload, "stream": True, "stream_options": {"include_usage": True}}
        async with super().relay(replace(request, payload=payload)) as response:
            try:
                chunks = [chunk async for chunk in read_events(response.frames)]
                await drain(response.frames)
            except EngineStreamBroken as error:  # nothing has been sent back yet
                raise EngineUnavailable(str(error)) from error
            yield replace(
                response, content_type="application/json", frames=_one_frame(orjson.dumps(assemble(chunks)))
            )

    async def count_tokens(self, model: str, text: str) -> int | None:
        """By its /tokenize, which adds no special tokens unless asked to."""
        tokens = (await self._ask_tokenizer({"content": text}) or {}).get("tokens")
        return len(tokens) if isinstance(tokens, list) else None

    async def count_prompt(self, request: EngineRequest) -> PromptCount | None:
        """By the routes that render and count a chat as its chat route does, whichever of them it has."""
        payload = request.payload
        if request.route == "chat/completions":
            told = await self._ask_tokenizer(payload, "/v1/chat/completions/input_tokens")
            if told is not None:
                return counted(payload, [told.get("input_tokens")])
            rendered = await self._ask_tokenizer(payload, "/apply-template")  # builds before 2026
            texts = [(rendered or {}).get("prompt")]
        else:
            texts = [*texts_to_count(payload)]
        if not all(isinstance(text, str) for text in texts):
            return None
        asked = [{"content": text, "add_special": True, "parse_special": True} for text in texts]
        answers = await asyncio.gather(*map(self._ask_tokenizer, asked))
        return counted(payload, [_length((answer or {}).get("tokens")) for answer in answers])

    async def load(self) -> EngineLoad:
        """What its /metrics and /props say. Raises EngineUnavailable.

        More than its slots it never runs, whatever max_running allows. It tells no use of its KV cache.
        """
        url = f"{self.root_url}/metrics"
        shape, self._shape = self._shape, None  # asked again after a failure: it may have been started anew
        status, page = await self._get(url)
        if status != 200:
            raise EngineUnavailable(f"{url} answered {status}: start it with --metrics.")
        values = series_values(page.decode("utf-8", "replace"), _METRICS)
        if not values["running"] or not values["waiting"]:
            raise EngineUnavailable(
                f"{url} does not tell what runs and waits: is base_url a llama.cpp server?"
            )
        slots, kv_tokens = self._shape = shape or await self._ask_shape()
        return EngineLoad(
            running=int(sum(values["running"])),
            waiting=int(sum(values["waiting"])),
            slots=min((n for n in (self._settings.max_running, slots) if n), default=None),
            kv_tokens=kv_tokens,
            steps=int(sum(values["decodes"])) if values["decodes"] else None,
            is_measured=True,
        )

    async def _ask_shape(self) -> tuple[int | None, int | None]:
        """(slots, tokens that its KV cache holds), fixed for as long as the server runs."""
        props = await self._get_json(f"{self.root_url}/props")
        total, defaults = props.get("total_slots"), props.get("default_generation_settings")
        slots = total if isinstance(total, int) and total > 0 else None
        context = defaults.get("n_ctx") if isinstance(defaults, dict) else None
        # Our own process gives each slot its own part of the cache. A foreign one may let them share it
        # (--kv-unified) and does not say so.
        is_ours = self._socket_path() is not None
        kv_tokens = (
            slots * context if is_ours and slots and isinstance(context, int) and context > 0 else None
        )
        return slots, kv_tokens


def _length(tokens: object) -> int | None:
    return len(tokens) if isinstance(tokens, list) else None


async def _one_frame(body: bytes) -> AsyncIterator[bytes]:
    yield body
