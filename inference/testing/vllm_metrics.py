"""vLLM's metrics page as a stand-in tells it: the names of vLLM 0.33, the truth or what a test wants told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

BLOCK_TOKENS = 16


class MetricsFault(StrEnum):
    """What is wrong with the page, while answers go on."""

    NONE = "none"
    FAILING = "failing"
    """500."""
    HANG = "hang"
    """No answer at all."""
    FROZEN = "frozen"
    """The page as it was when this began."""


@dataclass
class VllmMetrics:
    """What the page says; may be changed between requests. None: the truth.

    kv_use: share, 0 to 1. preemptions: so far. kv_blocks: of BLOCK_TOKENS tokens. running and waiting may be floats,
    NaN and negative included. scrapes: how often it was asked for.
    """

    model: str
    running: float | None = None
    waiting: float | None = None
    kv_use: float | None = None
    preemptions: float = 0
    kv_blocks: int = 4096
    fault: MetricsFault = MetricsFault.NONE
    scrapes: int = 0
    _last_page: str = ""

    async def page(self, running: int, waiting: int, prompt_tokens: int, tokens_made: int) -> str:
        """The text; empty where it is to fail. The arguments are the truth."""
        self.scrapes += 1
        if self.fault is MetricsFault.HANG:
            await asyncio.Event().wait()
        if self.fault is MetricsFault.FAILING:
            return ""
        if self.fault is not MetricsFault.FROZEN or not self._last_page:
            self._last_page = self._written(running, waiting, prompt_tokens, tokens_made)
        return self._last_page

    def _written(self, running: int, waiting: int, prompt_tokens: int, tokens_made: int) -> str:
        rows = {
            "num_requests_running": ("gauge", running if self.running is None else self.running),
            "num_requests_waiting": ("gauge", waiting if self.waiting is None else self.waiting),
            "kv_cache_usage_perc": ("gauge", min(1.0, running / 100) if self.kv_use is None else self.kv_use),
            "num_preemptions_total": ("counter", self.preemptions),
            "prompt_tokens_total": ("counter", prompt_tokens),
            "generation_tokens_total": ("counter", tokens_made),
        }
        labels = f'engine="0",model_name="{self.model}"'
        page = "".join(
            f"# TYPE vllm:{name} {kind}\nvllm:{name}{{{labels}}} {float(value)}\n"
            for name, (kind, value) in rows.items()
        )
        cache = f'block_size="{BLOCK_TOKENS}",engine="0",num_gpu_blocks="{self.kv_blocks}"'
        return f"{page}# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{{{cache}}} 1.0\n"
