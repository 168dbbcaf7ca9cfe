"""Write a GGUF file of Llama's architecture in Hugging Face's form, for vLLM or `transformers serve`.

    python scripts/gguf_to_transformers.py appliance/demo/tiny-llama.gguf /tmp/tiny-llama

The weights are dequantised to float32, so that both servers compute with the same numbers. Made for the small models
of the tests: everything is held in memory, and only a byte-level BPE vocabulary ("gpt2") is understood.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

_TOP = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_BLOCK = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_CONTROL = int(gguf.TokenType.CONTROL)


def convert(source: Path, folder: Path) -> None:
    """Writes config, weights and tokenizer into folder. Raises ValueError for another architecture or vocabulary."""
    reader = gguf.GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    if fields["general.architecture"] != "llama" or fields["tokenizer.ggml.model"] != "gpt2":
        raise ValueError(f"{source} is no Llama with a byte-level BPE vocabulary.")
    folder.mkdir(parents=True, exist_ok=True)
    weights = _weights(reader, fields)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _write(folder / "config.json", _config(fields, is_tied="lm_head.weight" not in weights))
    _write_tokenizer(folder, fields)


def _weights(reader: gguf.GGUFReader, fields: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    weights = {}
    for tensor in reader.tensors:
        value = np.ascontiguousarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
        name = str(tensor.name)
        if name.endswith("attn_q.weight"):
            value = split_rotary(value, fields["llama.attention.head_count"])
        elif name.endswith("attn_k.weight"):
            value = split_rotary(value, fields["llama.attention.head_count_kv"])
        weights[_parameter(name)] = value
    return weights


def _parameter(name: str) -> str:
    """GGUF's name of a tensor -> Hugging Face's."""
    if name in _TOP:
        return _TOP[name]
    _, block, part, _ = name.split(".")
    return f"model.layers.{block}.{_BLOCK[part]}.weight"


def split_rotary(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF keeps the two rows of a rotary pair side by side, Hugging Face the two halves apart. (rows, columns)"""
    rows, columns = weight.shape
    return np.ascontiguousarray(
        weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
    )


def _config(fields: dict[str, Any], *, is_tied: bool) -> dict[str, Any]:
    heads, hidden = fields["llama.attention.head_count"], fields["llama.embedding_length"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "head_dim": fields.get("llama.attention.key_length", hidden // heads),
        "max_position_embeddings": fields["llama.context_length"],
        "rms_norm_eps": float(fields["llama.attention.layer_norm_rms_epsilon"]),
        "rope_theta": float(fields.get("llama.rope.freq_base", 10000.0)),
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "tie_word_embeddings": is_tied,
        "hidden_act": "silu",
        "torch_dtype": "float32",
        **{f"{which}_token_id": fields.get(f"tokenizer.ggml.{which}_token_id") for which in ("bos", "eos")},
        "pad_token_id": fields.get("tokenizer.ggml.padding_token_id"),
    }


def _write_tokenizer(folder: Path, fields: dict[str, Any]) -> None:
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    kinds = fields["tokenizer.ggml.token_type"]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if int(kind) == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {
        "bos_token": fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token": fields.get("tokenizer.ggml.eos_token_id"),
        "pad_token": fields.get("tokenizer.ggml.padding_token_id"),
    }
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "model_max_length": fields["llama.context_length"],
            "chat_template": fields.get("tokenizer.chat_template", ""),
            **{name: tokens[number] for name, number in named.items() if number is not None},
        },
    )


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Convert; prints the folder's size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="GGUF file")
    parser.add_argument("folder", type=Path, help="folder to write; made if absent")
    arguments = parser.parse_args()
    convert(arguments.source, arguments.folder)
    print(f"{arguments.folder}: {sum(file.stat().st_size for file in arguments.folder.iterdir()):,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
