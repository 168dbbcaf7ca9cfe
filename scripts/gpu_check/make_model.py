"""Write a Llama with random weights in Hugging Face's form: config, safetensors and tokenizer, from a seed.

    python -m scripts.gpu_check.make_model 8b /tmp/models/8b --device cuda

Needs torch, safetensors and tokenizers. The numbers are drawn on the device, tensor by tensor; 8b takes 16 GB of disk.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from scripts.gpu_check.shapes import SIZES, LlamaSize
from scripts.gpu_check.tokenizer import write_tokenizer

_SHARD_BYTES = 4 * 1024**3
_STD = 0.02


def make_model(size: LlamaSize, folder: Path, device: str, dtype: torch.dtype, seed: int = 0) -> None:
    """Everything that a server needs to load it; config.json comes last, so a folder that has one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder, size.vocabulary, size.longest_context)
    dice = torch.Generator(device=device).manual_seed(seed)
    shards: list[dict[str, torch.Tensor]] = [{}]
    placed: dict[str, int] = {}
    filled = total = 0
    for name, shape in size.tensors().items():
        if name.endswith("norm.weight"):
            weight = torch.ones(shape, dtype=dtype)
        else:
            drawn = torch.empty(shape, dtype=dtype, device=device)
            weight = drawn.normal_(0.0, _STD, generator=dice).cpu()
        if filled and filled + weight.nbytes > _SHARD_BYTES:
            _write_shard(folder, len(shards), shards[-1])
            shards.append({})
            filled = 0
        shards[-1][name] = weight
        placed[name] = len(shards)
        filled += weight.nbytes
        total += weight.nbytes
    _write_shard(folder, len(shards), shards[-1])
    index = {
        "metadata": {"total_size": total},
        "weight_map": {name: _shard_name(number) for name, number in placed.items()},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    config = size.config(str(dtype).removeprefix("torch."))
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def _shard_name(number: int) -> str:
    return f"model-{number:05}.safetensors"


def _write_shard(folder: Path, number: int, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, folder / _shard_name(number), metadata={"format": "pt"})
    tensors.clear()  # 16 GB need not lie in memory twice


def main() -> int:
    """One model into one folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    dtype = torch.bfloat16 if arguments.device.startswith("cuda") else torch.float32
    make_model(SIZES[arguments.size], arguments.folder, arguments.device, dtype)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
