"""Write a GGUF file of Llama's architecture with random weights: for measuring llama.cpp, never for talking.

    python -m scripts.make_random_gguf /tmp/random.gguf --layers 12 --hidden 768 --quantisation q8_0

Needs the package gguf (extra `test`). Sizes beyond a billion parameters take as much memory as their largest tensor.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

import gguf
import numpy as np
from tokenizers import pre_tokenizers

from scripts.gpu_check.shapes import LlamaSize
from scripts.gpu_check.tokenizer import CHAT_TEMPLATE, SPECIAL

Quantisation = Literal["f16", "q8_0"]
_KINDS = {
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_PARTS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def small_size(layers: int, hidden: int, vocabulary: int = 2048, longest_context: int = 32_768) -> LlamaSize:
    """Of Llama's proportions: heads of 64, four of them to one of keys, three times as wide inside."""
    heads = hidden // 64
    return LlamaSize(
        name=f"random-{layers}x{hidden}",
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=max(1, heads // 4),
        head_dim=64,
        intermediate=256 * round(3 * hidden / 256),
        vocabulary=vocabulary,
        longest_context=longest_context,
        is_tied=False,
    )


def write_random(path: Path, size: LlamaSize, quantisation: Quantisation = "q8_0", seed: int = 0) -> None:
    """The same bytes for the same size and seed. A column count that is no multiple of 32 stays f16."""
    kind, file_type = _KINDS[quantisation]
    dice = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=False)
    _describe(writer, size)
    writer.add_file_type(file_type)
    for name, shape in size.tensors().items():
        if name.endswith("norm.weight"):
            writer.add_tensor(_gguf_name(name), np.ones(shape, np.float32))
            continue
        weight = dice.standard_normal(shape, np.float32) * np.float32(0.02)
        own = kind if shape[1] % 32 == 0 else gguf.GGMLQuantizationType.F16
        writer.add_tensor(_gguf_name(name), gguf.quants.quantize(weight, own), raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gguf_name(parameter: str) -> str:
    if parameter in _NAMES:
        return _NAMES[parameter]
    _, _, block, rest = parameter.split(".", 3)
    return f"blk.{block}.{_PARTS[rest.removesuffix('.weight')]}.weight"


def _describe(writer: gguf.GGUFWriter, size: LlamaSize) -> None:
    writer.add_name(size.name)
    writer.add_context_length(size.longest_context)
    writer.add_embedding_length(size.hidden)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.intermediate)
    writer.add_head_count(size.heads)
    writer.add_head_count_kv(size.kv_heads)
    writer.add_key_length(size.head_dim)
    writer.add_value_length(size.head_dim)
    writer.add_rope_dimension_count(size.head_dim)
    writer.add_rope_freq_base(size.rope_theta)
    writer.add_layer_norm_rms_eps(size.norm_eps)
    writer.add_vocab_size(size.vocabulary)
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġt"]
    special = len(SPECIAL)
    tokens += [f"Ġw{number}" for number in range(size.vocabulary - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if n < special else gguf.TokenType.NORMAL for n in range(len(tokens))]
    )
    writer.add_token_merges(["Ġ t"])  # llama.cpp wants at least one
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def main() -> int:
    """One file; prints its size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--context", type=int, default=32_768, help="tokens the model says it was made for")
    parser.add_argument("--quantisation", choices=_KINDS, default="q8_0")
    arguments = parser.parse_args()
    size = small_size(arguments.layers, arguments.hidden, arguments.vocabulary, arguments.context)
    write_random(arguments.path, size, arguments.quantisation)
    print(
        f"{arguments.path}: {arguments.path.stat().st_size:,} bytes, {size.parameters / 1e6:.1f} M parameters"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
