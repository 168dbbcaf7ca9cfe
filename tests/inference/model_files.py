"""Small files that are what their names say: safetensors, GGUF, and what pretends to be one."""

from __future__ import annotations

import json
import pickle
import struct


def safetensors(size_bytes: int = 4096, fill: int = 7) -> bytes:
    """One tensor of that many bytes."""
    header = json.dumps(
        {"weight": {"dtype": "U8", "shape": [size_bytes], "data_offsets": [0, size_bytes]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes([fill]) * size_bytes


def gguf(size_bytes: int = 4096, fill: int = 3) -> bytes:
    """A header without tensors, and padding."""
    return struct.pack("<4sIQQ", b"GGUF", 3, 0, 0) + bytes([fill]) * size_bytes


def a_pickle() -> bytes:
    """What torch.save wrote before it used zip files."""
    return pickle.dumps({"weight": [1, 2, 3]})


def chat_model(size_bytes: int = 4096) -> dict[str, bytes]:
    """A repository of a small Llama, with what should be left out of it."""
    return {
        "config.json": json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}).encode(),
        "tokenizer.json": b'{"version": "1.0"}',
        "README.md": b"# A model",
        "model.safetensors": safetensors(size_bytes),
        "pytorch_model.bin": a_pickle(),
        "modeling_llama.py": b"raise SystemExit",
        "original/consolidated.00.pth": a_pickle(),
    }
