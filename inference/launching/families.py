"""Which of vLLM's parsers reads a model's tool calls. Pure.

By architecture first, and by name where one architecture serves families that write tool calls differently. A model
that no row knows is served without: a wrong parser would tear its answers apart, and plain answers are unharmed.
Names as of vLLM 0.32 (`vllm.tool_parsers`).
"""

from __future__ import annotations

from inference.models.model_shape import ModelShape

_LLAMA_3_VOCABULARY = range(128_256, 128_257 + 64)
# architecture -> (part of the name, parser) in order; "" fits every name
_PARSERS: dict[str, tuple[tuple[str, str], ...]] = {
    "LlamaForCausalLM": (("hermes", "hermes"), ("functionary", "")),
    "Llama4ForConditionalGeneration": (("", "llama4_pythonic"),),
    "MistralForCausalLM": (("hermes", "hermes"), ("", "mistral")),
    "Mistral3ForConditionalGeneration": (("", "mistral"),),
    "MixtralForCausalLM": (("", "mistral"),),
    "Qwen2ForCausalLM": (("", "hermes"),),
    "Qwen3ForCausalLM": (("", "hermes"),),
    "Qwen3MoeForCausalLM": (("coder", "qwen3_coder"), ("", "hermes")),
    "GptOssForCausalLM": (("", "openai"),),
    "GraniteForCausalLM": (("", "granite"),),
    "GraniteMoeHybridForCausalLM": (("", "granite4"),),
    "Phi3ForCausalLM": (("phi-4-mini", "phi4_mini_json"),),
    "DeepseekV3ForCausalLM": (("v3.1", "deepseek_v31"), ("", "deepseek_v3")),
    "Glm4MoeForCausalLM": (("", "glm45"),),
    "InternLM2ForCausalLM": (("", "internlm"),),
    "JambaForCausalLM": (("", "jamba"),),
    "Olmo3ForCausalLM": (("", "olmo3"),),
    "SeedOssForCausalLM": (("", "seed_oss"),),
}


def tool_call_parser(shape: ModelShape, name: str) -> str | None:
    """None: it is not known how this model writes tool calls."""
    told = f"{name} {shape.name}".lower()
    for part, parser in _PARSERS.get(shape.architecture, ()):
        if part in told:
            return parser or None
    if shape.architecture == "LlamaForCausalLM" and shape.vocabulary in _LLAMA_3_VOCABULARY:
        return "llama3_json"
    return None
