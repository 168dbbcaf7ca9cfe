"""The sum for llama.cpp or Ollama: a GGUF file in memory, on the processor or whole on one GPU."""

from __future__ import annotations

from dataclasses import dataclass

from inference.gpus import Gpu
from inference.models.model_shape import ModelShape
from inference.placement import overheads
from inference.placement.kv_cache import KvCache, kv_cache
from inference.placement.wish import ArithmeticLine, Wish

MOST_SLOTS = 4
"""On a processor: more at once would only make each of them slower."""
KEPT_FREE_BYTES = overheads.GIB
"""For the appliance's own processes, which grow while they read documents."""
_STEP_TOKENS = 512
"""What llama.cpp computes at once (n_ubatch)."""
_PROCESS_BYTES = int(0.3 * overheads.GIB)


@dataclass(frozen=True, slots=True)
class Residence:
    """A GGUF file in memory. available_bytes: of RAM, or of the GPU. used_bytes: of it, by others."""

    shape: ModelShape
    gpu: Gpu | None
    total_bytes: int
    used_bytes: int
    kept_bytes: int
    weight_bytes: int
    buffer_bytes: int
    cache: KvCache

    @property
    def available_bytes(self) -> int:
        return max(0, self.total_bytes - self.used_bytes - self.kept_bytes)

    @property
    def room_bytes(self) -> int:
        return self.available_bytes - self.weight_bytes - self.buffer_bytes

    def needed_bytes(self, slots: int, tokens: int) -> int:
        """For so many conversations of so many tokens."""
        return self.weight_bytes + self.buffer_bytes + slots * self.cache.conversation_bytes(tokens)

    def steps(self, slots: int, tokens: int) -> tuple[ArithmeticLine, ...]:
        """Line by line; those of kind "need" add up to needed_bytes."""
        where = "ram" if self.gpu is None else "gpu"
        conversation = self.cache.conversation_bytes(tokens)
        have: dict[str, int | float | str] = {"gpu": self.gpu.name, "count": 1} if self.gpu else {}
        return (
            ArithmeticLine(f"{where}_memory", self.total_bytes, "have", have),
            ArithmeticLine(f"{where}_used", -self.used_bytes, "have"),
            ArithmeticLine(f"{where}_kept_free", -self.kept_bytes, "have", {"utilisation": 1}),
            ArithmeticLine(
                "weights",
                self.weight_bytes,
                values={
                    "billions": round(self.shape.parameters / 1e9, 1),
                    "kind": self.shape.quantisation,
                    "parts": 1,
                },
            ),
            ArithmeticLine("compute_buffer", self.buffer_bytes, values={"tokens": _STEP_TOKENS}),
            ArithmeticLine(
                "conversations",
                slots * conversation,
                values={"slots": slots, "tokens": tokens, "each_mib": round(conversation / 2**20)},
            ),
        )


def reside(
    shape: ModelShape, wish: Wish, ram_bytes: int, ram_free_bytes: int, gpu: Gpu | None = None
) -> Residence:
    """gpu: where all of it is to lie; None: in RAM."""
    wide = shape.vocabulary + 3 * shape.intermediate + 6 * shape.hidden
    total, used, kept = ram_bytes, ram_bytes - ram_free_bytes, KEPT_FREE_BYTES
    if gpu is not None:
        total = gpu.memory_bytes or 0
        used = max(gpu.memory_used_bytes or 0, overheads.reserved_bytes(total))
        kept = overheads.CUDA_CONTEXT_BYTES + wish.reserve_bytes
    return Residence(
        shape=shape,
        gpu=gpu,
        total_bytes=total,
        used_bytes=max(0, used),
        kept_bytes=kept,
        weight_bytes=overheads.weight_bytes(shape),
        buffer_bytes=_PROCESS_BYTES + 4 * _STEP_TOKENS * wide,
        cache=kv_cache(shape, "auto", step=_STEP_TOKENS),
    )
