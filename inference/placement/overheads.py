"""What an engine takes besides weights and cache, estimated from a model's shape before it ever ran here.

Fitted on start-up logs that people published (tests/inference/published_memory.tsv has them and holds the error) and
rounded up: a plan may leave memory idle, it must not run out of it. What a start here really used replaces all of it.
"""

from __future__ import annotations

from inference.models.model_shape import ModelShape

GIB = 1 << 30

CUDA_CONTEXT_BYTES = int(0.75 * GIB)
"""Of each process on each GPU, outside of what vLLM counts: 0.4 to 0.7 GiB seen (A100, RTX 3090, RTX 5090)."""
WEIGHT_MARGIN = 1.01
"""Loaded weights against the tensors on disk: 14.99 GiB for the 14.96 GiB of Llama 3.1 8B."""
MXFP4_MARGIN = 1.09
"""MXFP4 is padded for the kernels: 13.7 GiB for the 12.8 GiB of gpt-oss-20b."""
_SAMPLING_BYTES = 40
"""Of each running request and each word of the vocabulary: logits in fp32, sorted with their indexes, their softmax and
sums. 1.26 GiB for 256 x 128,256 (Llama 3), 1.39 GiB for 256 x 151,936 (Qwen 2.5), the same on one GPU and on two."""
_ACTIVATION_BYTES = 2
_ACTIVATION_SLACK = int(0.15 * GIB)


def weight_bytes(shape: ModelShape, tensor_parallel: int = 1) -> int:
    """Of one GPU of so many. Norms and what else is on each are in the margin."""
    margin = MXFP4_MARGIN if shape.quantisation == "mxfp4" else WEIGHT_MARGIN
    return round(shape.weight_bytes * margin / tensor_parallel)


def activation_bytes(shape: ModelShape, batched_tokens: int, running: int, tensor_parallel: int = 1) -> int:
    """The most that is alive at once while `batched_tokens` go through, or `running` requests are sampled.

    Forward: gate, up and their product (or the chosen experts' together), the residual, its norm, queries, keys and
    values. Llama 3.1 8B took 109.8 KB a token (20,000 and 29,000 tokens in one step), this says 127 KB.
    """
    wide = 3 * -(-shape.intermediate // tensor_parallel)
    narrow = (5 + shape.experts_per_token) * shape.hidden
    forward = batched_tokens * _ACTIVATION_BYTES * (wide + narrow)
    sampling = running * shape.vocabulary * _SAMPLING_BYTES
    return max(forward, sampling) + _ACTIVATION_SLACK


def graph_bytes(shape: ModelShape, running: int, tensor_parallel: int = 1) -> int:
    """CUDA graphs, captured for batches up to `running`: 0.09 to 1.3 GiB seen. Since vLLM 0.21 part of its budget."""
    return int((0.25 + 0.5 * min(running, 512) / 256) * GIB) + round(
        weight_bytes(shape, tensor_parallel) * 0.01
    )


def buffer_bytes(tensor_parallel: int = 1) -> int:
    """Workspaces of kernels, and of several GPUs the buffers they exchange sums through: 0.2 to 4 GiB seen."""
    return int(0.35 * GIB) if tensor_parallel == 1 else int((0.75 + 0.5 * min(tensor_parallel, 8)) * GIB)


def reserved_bytes(memory_bytes: int) -> int:
    """What the driver keeps of the memory that NVML tells: A100 80 GB 0.8 GiB, H100 0.5, RTX 3090 and 4090 0.4."""
    return int(0.5 * GIB) + memory_bytes // 200
