"""vLLM beside the appliance. It is never installed in our environment, only spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from inference.engines.exposition import gauge_values
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.errors import EngineUnavailable
from inference.settings import EngineSettings, VllmSettings
from inference.types import EngineLoad, EngineRequest, ModelInfo

# `gpu_cache_usage_perc` of older releases became `kv_cache_usage_perc`; it is a share, whatever the name says
_GAUGES = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
    "kv_use": "vllm:kv_cache_usage_perc",
    "old_kv_use": "vllm:gpu_cache_usage_perc",
}


class VllmEngine(OpenAiCompatibleEngine):
    """One vLLM server."""

    settings_type: ClassVar[type[EngineSettings]] = VllmSettings

    def prepare(self, request: EngineRequest) -> Mapping[str, Any]:
        """Always ask for the usage chunk: tokens are billed by the engine's own count.

        The server has --enable-force-include-usage for this, but nobody can be relied on to set it.
        """
        if not request.is_stream:
            return request.payload
        options = request.payload.get("stream_options")
        asked = options if isinstance(options, dict) else {}
        return {**request.payload, "stream_options": {**asked, "include_usage": True}}

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

    async def load(self) -> EngineLoad:
        """Running and waiting requests and the share of the KV cache in use. Raises EngineUnavailable.

        It does not publish --max-num-seqs, so slots are known only from the setting max_running.
        """
        status, page = await self._get(f"{self.root_url}/metrics")
        if status != 200:
            raise EngineUnavailable(f"{self.root_url}/metrics answered {status}.")
        # several series: one per engine core of a data-parallel server
        values = gauge_values(page.decode("utf-8", "replace"), _GAUGES)
        kv_use = values["kv_use"] or values["old_kv_use"]
        return EngineLoad(
            running=int(sum(values["running"])),
            waiting=int(sum(values["waiting"])),
            kv_use=max(kv_use) if kv_use else None,
            slots=self._settings.max_running,
        )
