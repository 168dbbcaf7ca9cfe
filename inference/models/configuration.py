"""What a config.json of transformers says of a model's size, for the families that differ in how they say it.

Where it leaves something open the figure is taken as the largest that it can be: a plan may waste
memory, never lack it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.errors import ModelUnreadable
from inference.models.model_shape import Purpose

KNOWN = frozenset(
    {"llama", "llama4", "llama4_text", "mllama", "mistral", "mistral3", "mixtral", "ministral", "ministral3"}
    | {"qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl", "qwen3", "qwen3_moe", "qwen3_vl", "qwen3_vl_moe"}
    | {
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "phi",
        "phi3",
        "phimoe",
        "gpt_oss",
        "gpt2",
        "gpt_neox",
        "opt",
    }
    | {
        "deepseek_v2",
        "deepseek_v3",
        "kimi_k2",
        "cohere",
        "cohere2",
        "granite",
        "granitemoe",
        "olmo2",
        "olmo3",
    }
    | {
        "smollm3",
        "falcon",
        "starcoder2",
        "stablelm",
        "glm",
        "glm4",
        "glm4_moe",
        "exaone",
        "exaone4",
        "internlm2",
    }
    | {"bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "modernbert", "whisper"}
)
_LATENT = frozenset({"deepseek_v2", "deepseek_v3", "kimi_k2"})
"""Whose latent attention vLLM keeps as a latent; others with a kv_lora_rank are counted with whole keys and values."""
_WINDOW_EVERY_LAYER = frozenset({"mistral", "phi3", "starcoder2"})
_FULL_EVERY = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3_text": 6,
    "gpt_oss": 2,
    "cohere2": 4,
    "olmo3": 4,
    "llama4_text": 4,
}
"""One layer of so many looks back to the beginning, the others as far as their window."""
_GEMMA3 = {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208}
_DEFAULTS: Mapping[str, Mapping[str, int]] = {
    "gemma3": _GEMMA3 | {"max_position_embeddings": 131_072, "sliding_window": 4096},
    "gemma3_text": _GEMMA3 | {"max_position_embeddings": 131_072, "sliding_window": 4096},
}
"""What transformers assumes where the published config.json leaves it out (Gemma 3's do)."""
_CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token")
_LARGEST = 1 << 40


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a config.json; see ModelShape. quantisation: "" where the weights are plain. extra_layers: for drafting.

    expert_share: of the experts' weights that one token goes through.
    """

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    embedding_width: int
    intermediate: int
    vocabulary: int
    longest_context: int
    quantisation: str
    purpose: Purpose
    latent_dim: int
    window: int
    windowed_layers: int
    extra_layers: int
    experts_per_token: int
    expert_share: float
    is_known: bool


class Configuration:
    """A config.json; a model that also sees or hears has its language model's in a part of it."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._whole = whole
        part: Mapping[str, Any] = next(
            (whole[key] for key in ("text_config", "llm_config") if isinstance(whole.get(key), dict)), {}
        )
        self._values = {**whole, **part}
        own = self._values.get("model_type")
        self._kind = own if isinstance(own, str) else ""

    def figures(self, is_embedder: bool = False) -> Figures:
        """Raises ModelUnreadable naming what is missing or cannot be."""
        layers = self._needed("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
        hidden = self._needed("hidden_size", "n_embd", "d_model", "dim")
        heads = self._needed("num_attention_heads", "n_head", "n_heads", "encoder_attention_heads")
        window, windowed = self._window(layers)
        kv_heads, head_dim = self._keys(heads, hidden)
        return Figures(
            architecture=self._architecture(),
            layers=layers,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=head_dim,
            hidden=hidden,
            embedding_width=self._number("embedding_size", "word_embed_proj_dim") or hidden,
            intermediate=self._intermediate(hidden),
            vocabulary=self._number("vocab_size"),
            longest_context=self._longest_context(),
            quantisation=self._quantisation(),
            purpose=self._purpose(is_embedder),
            latent_dim=self._latent_dim(),
            window=window,
            windowed_layers=windowed,
            extra_layers=self._number("num_nextn_predict_layers", "mtp_num_hidden_layers"),
            experts_per_token=self._number(*_CHOSEN),
            expert_share=self._expert_share(),
            is_known=self._kind in KNOWN,
        )

    def _architecture(self) -> str:
        listed = self._whole.get("architectures")
        return str(listed[0]) if isinstance(listed, list) and listed else self._kind or "unknown"

    def _keys(self, heads: int, hidden: int) -> tuple[int, int]:
        """(heads, size) of keys and values; the larger of both where they differ."""
        kv_heads = self._number("num_key_value_heads", "n_head_kv", "num_kv_heads", "multi_query_group_num")
        if not kv_heads:
            kv_heads = 1 if self._values.get("multi_query") is True else heads
        rope, nope = self._number("qk_rope_head_dim"), self._number("qk_nope_head_dim")
        size = self._number("head_dim") or -(-hidden // heads)
        return kv_heads, max(size, rope + nope, self._number("v_head_dim"))

    def _latent_dim(self) -> int:
        rank = self._number("kv_lora_rank")
        return rank + self._number("qk_rope_head_dim") if rank and self._kind in _LATENT else 0

    def _window(self, layers: int) -> tuple[int, int]:
        """(tokens, layers) that look back only so far. Unless a family is known to do so, none."""
        window = self._number("sliding_window", "attention_chunk_size")
        kinds = self._values.get("layer_types")
        if not window or window >= self._longest_context():
            return 0, 0
        if isinstance(kinds, list) and self._kind in _FULL_EVERY and len(kinds) == layers:
            return window, sum(kind in ("sliding_attention", "chunked_attention") for kind in kinds)
        if self._kind in _WINDOW_EVERY_LAYER:
            return window, layers
        every = self._number("sliding_window_pattern") or _FULL_EVERY.get(self._kind, 0)
        if self._kind not in _FULL_EVERY or every < 2:
            return 0, 0
        return window, layers - -(-layers // every) if self._kind == "gemma2" else layers - layers // every

    def _intermediate(self, hidden: int) -> int:
        """Of what one token goes through: of all chosen experts together where there are any."""
        width = (
            self._number("intermediate_size", "n_inner", "ffn_dim", "d_ff", "encoder_ffn_dim") or 4 * hidden
        )
        expert = self._number("moe_intermediate_size") or width
        chosen = self._number(*_CHOSEN)
        return max(width, expert * chosen) if chosen else width

    def _expert_share(self) -> float:
        chosen = self._number(*_CHOSEN)
        there = self._number("num_local_experts", "num_experts", "n_routed_experts")
        return min(1.0, chosen / there) if chosen and there else 1.0

    def _longest_context(self) -> int:
        said = [
            number
            for key in (
                "max_position_embeddings",
                "n_positions",
                "max_sequence_length",
                "seq_length",
                "max_seq_len",
            )
            if (number := self._number(key))
        ]
        longest = min(said, default=2048)
        scaling = self._values.get("rope_scaling") or self._values.get("rope_parameters")
        if isinstance(scaling, dict):
            factor, kind = scaling.get("factor"), scaling.get("rope_type", scaling.get("type"))
            if (
                isinstance(factor, int | float)
                and 1 <= factor <= 1024
                and kind in ("linear", "dynamic", "yarn")
            ):
                before = scaling.get("original_max_position_embeddings")
                base = before if isinstance(before, int) and 0 < before < _LARGEST else longest
                longest = max(longest, int(base * factor)) if kind == "yarn" else int(longest * factor)
        return longest

    def _quantisation(self) -> str:
        told = self._whole.get("quantization_config") or self._values.get("quantization_config")
        if not isinstance(told, dict):
            return ""
        method = str(told.get("quant_method", told.get("quant_algo", ""))).lower()
        if method == "compressed-tensors":
            return _compressed(told)
        names = {"fbgemm_fp8": "fp8", "gptq_marlin": "gptq", "awq_marlin": "awq", "bitsandbytes": "bnb"}
        if method.startswith("modelopt"):
            return "nvfp4" if "FP4" in str(told.get("quant_algo", method)).upper() else "fp8"
        bits = told.get("bits")
        if method == "gptq" and bits == 8:
            return "int8"
        return names.get(method, method) or "unknown"

    def _purpose(self, is_embedder: bool) -> Purpose:
        name = self._architecture()
        if self._kind == "whisper":
            return "transcription"
        if name.endswith("ForSequenceClassification"):
            return "reranker"
        encoders = ("bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "modernbert")
        return "embedding" if is_embedder or self._kind in encoders else "chat"

    def _needed(self, *keys: str) -> int:
        number = self._number(*keys)
        if not number:
            raise ModelUnreadable(f"config.json does not say {keys[0]}, so nobody can say how large it is.")
        return number

    def _number(self, *keys: str) -> int:
        """The first of these that is there; 0 where none is. Raises ModelUnreadable for what no model has."""
        for key in keys:
            value = self._values.get(key)
            if value is None:
                value = _DEFAULTS.get(self._kind, {}).get(key)
            if value is None or isinstance(value, bool | str | dict):
                continue
            if isinstance(value, list):
                value = max((one for one in value if isinstance(one, int)), default=0)
            if not isinstance(value, int) or not 0 <= value < _LARGEST:
                raise ModelUnreadable(f"config.json says {value!r} for {key}.")
            if value:
                return int(value)
        return 0


def _compressed(told: Mapping[str, Any]) -> str:
    """Of compressed-tensors: by the first group's weights."""
    groups = told.get("config_groups")
    first: Any = next(iter(groups.values()), {}) if isinstance(groups, dict) else {}
    weights = first.get("weights") if isinstance(first, dict) else None
    if not isinstance(weights, dict):
        return "unknown"
    bits, kind = weights.get("num_bits"), weights.get("type")
    if kind == "float":
        return "fp8" if bits == 8 else "nvfp4"
    return "int8" if bits == 8 else "int4"
