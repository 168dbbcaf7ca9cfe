"""A language model in numbers: what it weighs and what it keeps of every token. Knows no GPU and no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModelFormat = Literal["safetensors", "gguf"]
Purpose = Literal["chat", "embedding", "reranker", "transcription"]


@dataclass(frozen=True, slots=True)
class ModelShape:
    """One model in one quantisation.

    weight_bytes: of all tensors as they lie on disk. parameters, active_parameters: all, and those that one
    token goes through (fewer in a mixture of experts, which sends it through experts_per_token of them).
    kv_heads, head_dim: of attention's keys and values; latent_dim instead: what multi-head latent attention
    (DeepSeek) keeps of a token in a layer, in elements. intermediate: of what one token goes through at once.
    window: tokens that `windowed_layers` of the layers look back; the others look back to the beginning.
    quantisation: "bf16", "fp16", "fp32", "fp8", "awq", "gptq", "mxfp4" …, for GGUF its own name, "Q4_K_M".
    is_known: False for an architecture that this appliance does not know, whose figures are taken as the
    largest they can be.
    """

    name: str
    architecture: str
    parameters: int
    weight_bytes: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocabulary: int
    longest_context: int
    quantisation: str
    format: ModelFormat = "safetensors"
    purpose: Purpose = "chat"
    intermediate: int = 0
    latent_dim: int = 0
    window: int = 0
    windowed_layers: int = 0
    experts_per_token: int = 0
    active_parameters: int = 0
    is_known: bool = True

    def kv_bytes_per_token(self, element_bytes: float = 2.0) -> int:
        """Of one token that every layer keeps; windowed layers keep no more than their window of them."""
        return round(self.layers * self.kv_elements * element_bytes)

    @property
    def kv_elements(self) -> int:
        """Numbers that one layer keeps of one token: keys and values, or the latent."""
        return self.latent_dim or 2 * self.kv_heads * self.head_dim
