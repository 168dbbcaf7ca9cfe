"""Sizes of the models that are made on the spot. Pure: needs neither torch nor a GPU.

`1b` and `8b` have the published dimensions of Llama 3.2 1B and Llama 3.1 8B, with random weights: their speed and
memory are the real models', their words are noise.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

BF16_BYTES = 2


@dataclass(frozen=True, slots=True)
class LlamaSize:
    """Dimensions of a Llama. is_tied: the output layer is the embedding table."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    longest_context: int
    is_tied: bool
    rope_theta: float = 500_000.0
    norm_eps: float = 1e-5

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Hugging Face's names and shapes, in the order in which they are written."""
        attention, cache = self.heads * self.head_dim, self.kv_heads * self.head_dim
        found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocabulary, self.hidden)}
        for layer in range(self.layers):
            own = f"model.layers.{layer}"
            found[f"{own}.input_layernorm.weight"] = (self.hidden,)
            found[f"{own}.self_attn.q_proj.weight"] = (attention, self.hidden)
            found[f"{own}.self_attn.k_proj.weight"] = (cache, self.hidden)
            found[f"{own}.self_attn.v_proj.weight"] = (cache, self.hidden)
            found[f"{own}.self_attn.o_proj.weight"] = (self.hidden, attention)
            found[f"{own}.post_attention_layernorm.weight"] = (self.hidden,)
            found[f"{own}.mlp.gate_proj.weight"] = (self.intermediate, self.hidden)
            found[f"{own}.mlp.up_proj.weight"] = (self.intermediate, self.hidden)
            found[f"{own}.mlp.down_proj.weight"] = (self.hidden, self.intermediate)
        found["model.norm.weight"] = (self.hidden,)
        if not self.is_tied:
            found["lm_head.weight"] = (self.vocabulary, self.hidden)
        return found

    @property
    def parameters(self) -> int:
        """All of them, a tied output layer counted once."""
        return sum(_elements(shape) for shape in self.tensors().values())

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of every layer, in bf16."""
        return 2 * self.layers * self.kv_heads * self.head_dim * BF16_BYTES

    def config(self, dtype: str = "bfloat16") -> dict[str, Any]:
        """config.json. Ids: 0 pad, 1 bos, 2 end (see tokenizer.py)."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "max_position_embeddings": self.longest_context,
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "vocab_size": self.vocabulary,
            "tie_word_embeddings": self.is_tied,
            "hidden_act": "silu",
            "torch_dtype": dtype,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        }


SIZES = {
    "tiny": LlamaSize("tiny", 2, 128, 4, 2, 32, 256, 1024, 4096, False),
    "1b": LlamaSize("1b", 16, 2048, 32, 8, 64, 8192, 128_256, 131_072, True),
    "8b": LlamaSize("8b", 32, 4096, 32, 8, 128, 14_336, 128_256, 131_072, False),
}


def size_of(config: dict[str, Any], name: str = "") -> LlamaSize:
    """A Llama's config.json as a size. Raises KeyError where it is another architecture's."""
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    rope = config.get("rope_parameters") or {}
    return LlamaSize(
        name=name or str(config["model_type"]),
        layers=config["num_hidden_layers"],
        hidden=hidden,
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_dim=config.get("head_dim") or hidden // heads,
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        longest_context=config["max_position_embeddings"],
        is_tied=bool(config.get("tie_word_embeddings")),
        rope_theta=float(config.get("rope_theta") or rope.get("rope_theta") or 10_000.0),
        norm_eps=float(config["rms_norm_eps"]),
    )


def random_size(dice: random.Random, largest_bytes: int, number: int) -> LlamaSize:
    """A Llama that nobody has made, whose bf16 weights take at most so many bytes."""
    while True:
        head_dim = dice.choice((64, 128))
        kv_heads = dice.choice((1, 2, 4, 8, 16))
        heads = kv_heads * dice.choice((1, 2, 4, 8))
        hidden = heads * head_dim
        size = LlamaSize(
            name=f"random-{number}",
            layers=dice.randrange(2, 81),
            hidden=hidden,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            intermediate=128 * round(hidden * dice.uniform(2.0, 4.5) / 128),
            vocabulary=dice.choice((32_000, 64_000, 128_256, 151_936, 256_000)),
            longest_context=dice.choice((8192, 32_768, 131_072)),
            is_tied=dice.random() < 0.5,
        )
        if 1024 <= hidden <= 8192 and size.parameters * BF16_BYTES <= largest_bytes:
            return size


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for extent in shape:
        product *= extent
    return product
