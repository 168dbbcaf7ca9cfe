"""From a prepared model to an engine that answers, or to the reason why it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from appliance.bootstrap.keeper.engine_process import EngineProcess
from appliance.bootstrap.keeper.preparing import Prepared
from inference.hardware import Hardware
from inference.launching.complaints import SENTENCES, Complaint, complaint_of
from inference.launching.vllm import running_at_once
from inference.launching.vllm_log import told_memory
from inference.placement.gpu_sum import budget_bytes
from inference.placement.measured import MeasuredUse, Measurement

logger = logging.getLogger(__name__)


class LoadFailed(Exception):
    """last_lines: of the engine, for administrators; they may quote paths."""

    def __init__(self, complaint: Complaint, detail: str, last_lines: tuple[str, ...]) -> None:
        super().__init__(f"{SENTENCES[complaint]} {detail}".strip())
        self.complaint = complaint
        self.last_lines = last_lines


class Loader:
    """mark: of this keeper, in every engine's environment. say: told every line they write.

    measured: where is kept what a start really used.
    """

    def __init__(
        self, mark: str, say: Callable[[str, str], None], timeout_s: float, measured: Path | None = None
    ) -> None:
        self._mark = mark
        self._say = say
        self._timeout_s = timeout_s
        self._measured = measured

    def make(self, prepared: Prepared, on_change: Callable[[], None]) -> EngineProcess:
        """Not started yet."""
        launch = prepared.launch
        return EngineProcess(
            prepared.model.name,
            prepared.model.kind,
            launch,
            self._mark,
            say=self._say,
            on_change=on_change,
        )

    async def until_ready(self, process: EngineProcess) -> None:
        """Start it and return when it has given a token. Raises LoadFailed; then it has been ended."""
        process.start()
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._timeout_s
        while not process.is_ready:
            await asyncio.sleep(0.02)
            if process.has_died:
                why, lines = process.status.last_exit, tuple(process.lines)
                await process.stop(now=True)
                last = process.last_lines[-1] if process.last_lines else "It said nothing."
                raise LoadFailed(complaint_of(lines, why), f"It {why}: {last}", process.last_lines)
            if loop.time() > until_s:
                await process.stop(now=True)
                detail = f"It did not answer within {self._timeout_s:.0f} s. {process.problem}".strip()
                raise LoadFailed("unknown", detail, process.last_lines)

    def record(self, prepared: Prepared, process: EngineProcess, before: Hardware, after: Hardware) -> None:
        """What vLLM said of its memory, and what NVML saw, for the planner. Blocks."""
        plan = prepared.plan
        told = told_memory(process.lines)
        if self._measured is None or plan.engine != "vllm" or not plan.gpus or told.weight_bytes is None:
            return
        cards = {gpu.index: gpu for gpu in after.gpus}
        first = cards.get(plan.gpus[0])
        if first is None or first.memory_bytes is None or told.kv_bytes is None:
            return
        held = (first.memory_used_bytes or 0) - next(
            (gpu.memory_used_bytes or 0 for gpu in before.gpus if gpu.index == first.index), 0
        )
        budget = budget_bytes(first.memory_bytes, plan.utilisation)
        measurement = Measurement(
            model=prepared.shape.name,
            gpu=first.name,
            tensor_parallel=len(plan.gpus),
            max_batched_tokens=plan.max_batched_tokens,
            max_running=running_at_once(prepared.job),
            weight_bytes=told.weight_bytes,
            overhead_bytes=max(0, budget - told.weight_bytes - told.kv_bytes),
            outside_bytes=max(0, held - budget),
            kv_dtype=plan.kv_dtype,
            kv_tokens=told.kv_tokens or 0,
        )
        try:
            MeasuredUse(self._measured).record(measurement)
        except OSError as error:
            logger.warning("what the start really used could not be kept: %s", error)
