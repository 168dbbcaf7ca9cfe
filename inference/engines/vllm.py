"""vLLM beside the appliance. It is never installed in our environment, only spoken to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from inference.engines.exposition import series_labels, series_values
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.errors import EngineUnavailable
from inference.settings import EngineSettings, VllmSettings
from inference.tokenizing.prompts import counted, texts_to_count
from inference.types import EngineLoad, EngineRequest, ModelInfo, PromptCount

# `gpu_cache_usage_perc` of older releases became `kv_cache_usage_perc`; it is a share, whatever the name says
_METRICS = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
    "kv_use": "vllm:kv_cache_usage_perc",
    "old_kv_use": "vllm:gpu_cache_usage_perc",
    "preemptions": "vllm:num_preemptions_total",
    "prompt_tokens": "vllm:prompt_tokens_total",
    "generation_tokens": "vllm:generation_tokens_total",
}
_CACHE = "vllm:cache_config_info"
_SOCKET_URL = "http://vllm/v1"  # its host means nothing over a unix socket
# What decides the rendered prompt; everything else that a request says is the sampler's business.
_RENDERED = (
    "model",
    "messages",
    "tools",
    "chat_template_kwargs",
    "add_generation_prompt",
    "continue_final_message",
    "add_special_tokens",
)
_BATCH_PRIORITY = 10  # lower goes first; everybody else has 0


class VllmEngine(OpenAiCompatibleEngine):
    """One vLLM server."""

    settings_type: ClassVar[type[EngineSettings]] = VllmSettings

    def _base_url(self, settings: EngineSettings) -> str:
        return _SOCKET_URL if cast(VllmSettings, settings).socket_path else super()._base_url(settings)

    def _socket_path(self) -> Path | None:
        return cast(VllmSettings, self._settings).socket_path

    refuses_long_answers: ClassVar[bool] = True

    def prepare(self, request: EngineRequest) -> Mapping[str, Any]:
        """Always ask for the usage chunk: tokens are billed by the engine's own count.

        The server has --enable-force-include-usage for this, but nobody can be relied on to set it.
        """
        payload = request.payload
        if request.is_batch and cast(VllmSettings, self._settings).priority_scheduling:
            payload = {**payload, "priority": _BATCH_PRIORITY}
        if request.is_continuing:
            payload = {**payload, "continue_final_message": True, "add_generation_prompt": False}
        if not request.is_stream:
            return payload
        options = payload.get("stream_options")
        asked = options if isinstance(options, dict) else {}
        return {**payload, "stream_options": {**asked, "include_usage": True}}

    async def models(self) -> list[ModelInfo]:
        """Ask what it serves. Raises EngineUnavailable, also when only the HTTP half of it is still alive."""
        # /v1/models goes on answering after the engine's core has died; /health answers 503 then
        status, _ = await self._get(f"{self.root_url}/health")
        if status >= 500:
            raise EngineUnavailable(f"{self.root_url}/health answered {status}: restart vLLM.")
        return await super().models()

    async def count_tokens(self, model: str, text: str) -> int | None:
        """By its /tokenize, without the special tokens that a chat template adds."""
        payload = {"model": model, "prompt": text, "add_special_tokens": False}
        count = (await self._ask_tokenizer(payload) or {}).get("count")
        return count if isinstance(count, int) else None

    async def count_prompt(self, request: EngineRequest) -> PromptCount | None:
        """By its /tokenize, which renders the chat template with tools as its chat route does."""
        payload = self.prepare(request)
        if request.route == "chat/completions":
            told = {name: payload[name] for name in _RENDERED if payload.get(name) is not None}
            effort = payload.get("reasoning_effort")
            if effort is not None:
                arguments = told.get("chat_template_kwargs") or {}
                told["chat_template_kwargs"] = {"reasoning_effort": effort, **arguments}
            asked = [told]
        else:
            asked = [{"model": payload["model"], "prompt": text} for text in texts_to_count(payload)]
        answers = await asyncio.gather(*map(self._ask_tokenizer, asked))
        return counted(payload, [(answer or {}).get("count") for answer in answers])

    async def load(self) -> EngineLoad:
        """What its /metrics says. Raises EngineUnavailable, also where that page is not vLLM's.

        It does not publish --max-num-seqs, so slots are known only from the setting max_running.
        """
        url = f"{self.root_url}/metrics"
        status, body = await self._get(url)
        if status != 200:
            raise EngineUnavailable(f"{url} answered {status}.")
        return read_load(body.decode("utf-8", "replace"), self._settings.max_running, url)


def read_load(page: str, slots: int | None, url: str = "/metrics") -> EngineLoad:
    """vLLM's metrics page. Raises EngineUnavailable where it does not say what runs and waits. Pure.

    A data-parallel server has several series of each, one per engine core: they are added up, and of the KV caches
    the fullest counts.
    """
    values = series_values(page, _METRICS)
    if not values["running"] or not values["waiting"]:
        raise EngineUnavailable(f"{url} does not tell what runs and waits: is base_url a vLLM server?")
    kv_use = values["kv_use"] or values["old_kv_use"]
    made = values["prompt_tokens"] + values["generation_tokens"]
    return EngineLoad(
        running=int(sum(values["running"])),
        waiting=int(sum(values["waiting"])),
        kv_use=max(kv_use) if kv_use else None,
        slots=slots,
        preemptions=int(sum(values["preemptions"])) if values["preemptions"] else None,
        kv_tokens=_kv_tokens(page),
        steps=int(sum(made)) if made else None,
        is_measured=True,
    )


def _kv_tokens(page: str) -> int | None:
    """Blocks of the KV cache times the tokens in one; None before the cache has been measured out."""
    cores = [
        (row.get("num_gpu_blocks", ""), row.get("block_size", "")) for row in series_labels(page, _CACHE)
    ]
    known = [int(blocks) * int(size) for blocks, size in cores if blocks.isdecimal() and size.isdecimal()]
    return sum(known) or None
