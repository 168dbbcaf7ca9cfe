"""The sum for vLLM on one GPU or several: what there is, what the model takes, what is left for conversations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from inference.gpus import Gpu
from inference.models.model_shape import ModelShape
from inference.placement import overheads
from inference.placement.kv_cache import KvCache, kv_cache
from inference.placement.measured import Measurement, find
from inference.placement.wish import ArithmeticLine, KvWish, Wish

OLDEST_CAPABILITY = (7, 5)
"""What vLLM is built for; deploy/drivers.tsv has the same of the pinned image."""
BF16_CAPABILITY, FP8_CAPABILITY = (8, 0), (8, 9)
LARGE_GPU_BYTES, LARGE_BATCH, SMALL_BATCH = 70 << 30, 8192, 2048
"""vLLM's defaults for a server (EngineArgs.get_batch_defaults)."""
_NEEDS = {"fp8": BF16_CAPABILITY, "mxfp4": BF16_CAPABILITY, "nvfp4": BF16_CAPABILITY, "int8": (7, 5)}
"""fp8 and four-bit floats are unpacked by Marlin from 8.0 on, and computed with as they are by newer cards."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A model on certain GPUs; all bytes are of each GPU. room_bytes: what is left for the cache, less than 0: nothing.

    free_bytes: of the fullest GPU, before anything; outside_bytes: what the engine takes beside its budget.
    """

    shape: ModelShape
    gpus: tuple[Gpu, ...]
    kv_dtype: KvWish
    cache: KvCache
    running: int
    batched_tokens: int
    total_bytes: int
    used_bytes: int
    reserve_bytes: int
    utilisation: float
    budget_bytes: int
    outside_bytes: int
    weight_bytes: int
    activation_bytes: int
    buffer_bytes: int
    graph_bytes: int
    is_measured: bool = False

    @property
    def fixed_bytes(self) -> int:
        """Of the budget, without any conversation."""
        return self.weight_bytes + self.activation_bytes + self.buffer_bytes + self.graph_bytes

    @property
    def room_bytes(self) -> int:
        return self.budget_bytes - self.fixed_bytes

    @property
    def available_bytes(self) -> int:
        """What the engine may take of each GPU, its context included."""
        return self.budget_bytes + self.outside_bytes

    def needed_bytes(self, slots: int, tokens: int) -> int:
        """Of each GPU, for so many conversations of so many tokens."""
        return self.outside_bytes + self.fixed_bytes + slots * self.cache.conversation_bytes(tokens)

    def steps(self, slots: int, tokens: int) -> tuple[ArithmeticLine, ...]:
        """Line by line; those of kind "need" add up to needed_bytes."""
        model, parts = self.shape, len(self.gpus)
        conversation = self.cache.conversation_bytes(tokens)
        lines = [
            ArithmeticLine(
                "gpu_memory", self.total_bytes, "have", {"gpu": self.gpus[0].name, "count": parts}
            ),
            ArithmeticLine("gpu_used", -self.used_bytes, "have"),
        ]
        if self.reserve_bytes:
            lines.append(ArithmeticLine("gpu_reserve", -self.reserve_bytes, "have"))
        left_out = self.total_bytes - self.used_bytes - self.reserve_bytes - self.available_bytes
        lines.append(ArithmeticLine("gpu_kept_free", -left_out, "have", {"utilisation": self.utilisation}))
        lines += [
            ArithmeticLine("cuda_context", self.outside_bytes),
            ArithmeticLine(
                "weights",
                self.weight_bytes,
                values={
                    "billions": round(model.parameters / 1e9, 1),
                    "kind": model.quantisation,
                    "parts": parts,
                },
            ),
            ArithmeticLine(
                "activations",
                self.activation_bytes,
                values={"tokens": self.batched_tokens, "running": self.running, "words": model.vocabulary},
            ),
            ArithmeticLine("buffers", self.buffer_bytes),
            ArithmeticLine("graphs", self.graph_bytes, values={"running": self.running}),
            ArithmeticLine(
                "conversations",
                slots * conversation,
                values={"slots": slots, "tokens": tokens, "each_mib": round(conversation / 2**20)},
            ),
        ]
        if self.cache.windowed:
            values = {"layers": self.cache.windowed, "window": self.cache.window}
            lines.append(ArithmeticLine("windowed_layers", 0, "note", values))
        return tuple(lines)


def lay_out(
    shape: ModelShape,
    gpus: Sequence[Gpu],
    wish: Wish,
    kv_dtype: KvWish = "auto",
    measured: Sequence[Measurement] = (),
    batched_tokens: int | None = None,
) -> Layout:
    """gpus: all that it is divided over; every figure is of the one that has the least.

    batched_tokens: in one step; None: what is asked for, or would be chosen first.
    """
    parts, running = len(gpus), running_requests(wish)
    batched_tokens = batched_tokens or batch_sizes(gpus, wish)[0]
    known = find(measured, shape.name, gpus[0].name, parts, batched_tokens, running, kv_dtype)
    outside = overheads.CUDA_CONTEXT_BYTES
    if known is not None and known.outside_bytes is not None:
        # An idle engine has not used what it keeps for computing, so NVML sees less than its worst moment needs.
        outside = max(outside, known.outside_bytes)
    utilisation = min(_utilisation(gpu, wish, outside) for gpu in gpus)
    least = min(
        gpus, key=lambda gpu: (gpu.memory_bytes or 0) - overheads.reserved_bytes(gpu.memory_bytes or 0)
    )
    total = least.memory_bytes or 0
    weights = overheads.weight_bytes(shape, parts)
    activations = overheads.activation_bytes(shape, batched_tokens, running, parts)
    buffers, graphs = overheads.buffer_bytes(parts), overheads.graph_bytes(shape, running, parts)
    if known is not None:
        weights, activations, buffers, graphs = known.weight_bytes, known.overhead_bytes, 0, 0
    return Layout(
        shape=shape,
        gpus=tuple(gpus),
        kv_dtype=kv_dtype,
        cache=kv_cache(shape, kv_dtype, parts, batched_tokens),
        running=running,
        batched_tokens=batched_tokens,
        total_bytes=total,
        used_bytes=_used(least),
        reserve_bytes=wish.reserve_bytes,
        utilisation=utilisation,
        budget_bytes=budget_bytes(total, utilisation),
        outside_bytes=outside,
        weight_bytes=weights,
        activation_bytes=activations,
        buffer_bytes=buffers,
        graph_bytes=graphs,
        is_measured=known is not None,
    )


def budget_bytes(memory_bytes: int, utilisation: float) -> int:
    """What vLLM makes of --gpu-memory-utilization: a part of what CUDA sees, less than NVML's memory."""
    return int(utilisation * (memory_bytes - overheads.reserved_bytes(memory_bytes)))


def batch_sizes(gpus: Sequence[Gpu], wish: Wish) -> tuple[int, ...]:
    """Tokens of prompts in one step, the best first: vLLM's own two, of which the larger is for large GPUs."""
    if wish.max_batched_tokens is not None:
        return (wish.max_batched_tokens,)
    is_large = all((gpu.memory_bytes or 0) >= LARGE_GPU_BYTES for gpu in gpus)
    return (LARGE_BATCH, SMALL_BATCH) if is_large else (SMALL_BATCH,)


def running_requests(wish: Wish) -> int:
    """Requests that vLLM may run at once: more than there are slots, because few conversations are the longest."""
    return wish.max_running or min(256, max(16, 4 * wish.wanted_slots))


def runs_on(shape: ModelShape, gpu: Gpu) -> bool:
    """Whether vLLM can run that quantisation on a card of that compute capability; unknown ones count as 8.0."""
    capability = gpu.compute_capability or BF16_CAPABILITY
    return capability >= max(OLDEST_CAPABILITY, _NEEDS.get(shape.quantisation, OLDEST_CAPABILITY))


def has_fp8_cache(gpu: Gpu) -> bool:
    """An unknown card does not."""
    return (gpu.compute_capability or (0, 0)) >= FP8_CAPABILITY


def divides(shape: ModelShape, parts: int) -> bool:
    """Whether vLLM can divide its attention over so many GPUs."""
    heads = shape.kv_heads
    return shape.heads % parts == 0 and (heads % parts == 0 or parts % heads == 0)


def _utilisation(gpu: Gpu, wish: Wish, outside: int) -> float:
    """In hundredths, rounded down: of what CUDA sees of this GPU."""
    total = gpu.memory_bytes or 0
    usable = total - overheads.reserved_bytes(total)
    free = total - _used(gpu) - outside - wish.reserve_bytes
    if usable <= 0 or free <= 0:
        return 0.0
    return math.floor(min(wish.max_utilisation, free / usable) * 100 + 1e-9) / 100


def _used(gpu: Gpu) -> int:
    """By others, and by the driver itself."""
    return max(gpu.memory_used_bytes or 0, overheads.reserved_bytes(gpu.memory_bytes or 0))
