"""Loads a model of any shape, reads a long prompt to the end of its context, and tells what memory was taken.

Started by memory.py with a line of JSON for each load on stdin; answers with a line of JSON on stdout, holds everything
until the next line, then lets go of it. Running out of memory is an answer too.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from typing import Any

import torch

from scripts.gpu_check.llama import Llama, random_weights
from scripts.gpu_check.shapes import LlamaSize

_PIECES = 3


def load(
    size: LlamaSize, slots: int, context_tokens: int, piece: int, device: str
) -> tuple[Llama, dict[str, Any]]:
    """The model after its longest prompt and one step of all slots, and the allocator's figures."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    weights = random_weights(size, device, torch.bfloat16)
    weight_bytes = sum(one.nbytes for one in weights.values())
    model = Llama(size, weights, slots, context_tokens, with_graphs=False)
    for number in range(_PIECES, 0, -1):  # the end of the context is where attention takes most
        start = max(0, context_tokens - number * piece)
        model.read([1] * min(piece, context_tokens - start), 0, start)
    model.write([1] * slots, list(range(slots)), [context_tokens - 1] * slots)
    told = {"weight_bytes": weight_bytes, "kv_bytes": model.cache_bytes}
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        told |= {"allocated": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}
    return model, told


def main() -> int:
    """Until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args().device
    warm = torch.ones(256, 256, device=device)
    (warm @ warm).sum().item()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        model: Llama | None = None
        try:
            size = LlamaSize(**asked["size"])
            model, told = load(size, asked["slots"], asked["context_tokens"], asked["piece"], device)
        except torch.OutOfMemoryError as error:
            told = {"ran_out": str(error)[:300]}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        sys.stdin.readline()  # until the caller has looked
        del model
        gc.collect()
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        sys.stdout.write("free\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
