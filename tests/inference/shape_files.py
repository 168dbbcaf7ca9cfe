"""Model folders and GGUF files of the right shape and no weight to speak of: for whoever reads headers."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 32,
    "max_position_embeddings": 1024,
}
Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
_BYTES = {"BF16": 2, "F32": 4, "I32": 4, "U8": 1, "F8_E4M3": 1}


def llama_tensors(layers: int = 2, hidden: int = 8, keys: int = 4, words: int = 32) -> dict[str, Any]:
    """(dtype, shape) by name, as transformers names them."""
    tensors = {
        "model.embed_tokens.weight": ("BF16", (words, hidden)),
        "lm_head.weight": ("BF16", (words, hidden)),
    }
    for layer in range(layers):
        stem = f"model.layers.{layer}"
        tensors[f"{stem}.self_attn.k_proj.weight"] = ("BF16", (keys, hidden))
        tensors[f"{stem}.mlp.up_proj.weight"] = ("BF16", (16, hidden))
    return tensors


def safetensors_bytes(shapes: Shapes) -> bytes:
    """A file with these tensors, all zeros."""
    header, offset = {}, 0
    for name, (dtype, shape) in shapes.items():
        size = _BYTES[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + bytes(offset)


def write_folder(folder: Path, config: Mapping[str, Any], shapes: Shapes, parts: int = 1) -> Path:
    """config.json and the tensors, in so many parts with an index where there are several."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if parts == 1:
        (folder / "model.safetensors").write_bytes(safetensors_bytes(shapes))
        return folder
    index = {}
    for part in range(parts):
        name = f"model-{part + 1:05d}-of-{parts:05d}.safetensors"
        own = {key: shape for at, (key, shape) in enumerate(shapes.items()) if at % parts == part}
        (folder / name).write_bytes(safetensors_bytes(own))
        index |= dict.fromkeys(own, name)
    told = {"metadata": {"total_size": 1}, "weight_map": index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def gguf_bytes(values: Mapping[str, Any], tensors: Mapping[str, tuple[int, tuple[int, ...], int]]) -> bytes:
    """values: str, int or list of int. tensors: (ggml's type, shape, bytes) by name."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))
    for key, value in values.items():
        head += _text(key) + _value(value)
    offset, data = 0, b""
    for name, (kind, shape, size) in tensors.items():
        head += (
            _text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", side) for side in shape)
        )
        head += struct.pack("<IQ", kind, offset)
        padded = -(-size // 32) * 32
        offset, data = offset + padded, data + bytes(padded)
    return head + bytes(-len(head) % 32) + data


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 4, len(value)) + b"".join(struct.pack("<I", one) for one in value)
    return struct.pack("<II", 4, value)


def tiny_gguf(architecture: str = "llama", layers: int = 2, **more: Any) -> bytes:
    """A model of `layers` layers, 16 wide, 4 heads, 2 for keys; 64 words; F16."""
    values: dict[str, Any] = {
        "general.architecture": architecture,
        "general.name": "tiny",
        "general.file_type": 1,
        f"{architecture}.block_count": layers,
        f"{architecture}.embedding_length": 16,
        f"{architecture}.feed_forward_length": 32,
        f"{architecture}.attention.head_count": 4,
        f"{architecture}.attention.head_count_kv": 2,
        f"{architecture}.context_length": 4096,
    }
    values |= {f"{architecture}.{key.replace('__', '.')}": value for key, value in more.items()}
    tensors = {"token_embd.weight": (1, (16, 64), 2048)}
    tensors |= {f"blk.{layer}.attn_k.weight": (1, (16, 8), 256) for layer in range(layers)}
    return gguf_bytes(values, tensors)
