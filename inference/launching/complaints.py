"""What the last lines of a dead engine say. Pure.

Texts seen of vLLM 0.32, PyTorch 2.13 and llama.cpp 2026.10; a text that no row knows is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Complaint = Literal["out_of_memory", "no_gpu", "unsupported", "broken_file", "unknown"]

_SIGNS: tuple[tuple[Complaint, re.Pattern[str]], ...] = (
    (
        "out_of_memory",
        re.compile(
            r"out of memory|OutOfMemoryError|No available memory for the cache blocks|bad_alloc|"
            r"Cannot allocate memory|failed to allocate|unable to allocate|cudaMalloc failed|"
            r"larger than the (?:maximum number of tokens|available KV cache memory)|"
            r"Free memory on device .* is less than desired|KV cache is needed, which is larger",
            re.IGNORECASE,
        ),
    ),
    (
        "no_gpu",
        re.compile(
            r"no CUDA-capable device|Failed to infer device type|NVIDIA driver.*(?:not found|too old)|"
            r"CUDA driver version is insufficient|libcuda\.so",
            re.IGNORECASE,
        ),
    ),
    (
        "unsupported",
        re.compile(r"not supported for now|unknown model architecture|trust_remote_code", re.IGNORECASE),
    ),
    (
        "broken_file",
        re.compile(
            r"invalid magic|failed to read|corrupt|incomplete or wrong|SafetensorError|"
            r"HeaderTooLarge|tensor .* (?:not found|missing)|cannot serve",
            re.IGNORECASE,
        ),
    ),
)


def complaint_of(lines: Sequence[str], last_exit: str = "") -> Complaint:
    """The first sign that fits, memory before all else.

    last_exit: how it ended; a kill that nobody of us sent while it was loading is the kernel's, for want of memory.
    """
    for complaint, sign in _SIGNS:
        if any(sign.search(line) for line in lines):
            return complaint
    return "out_of_memory" if "SIGKILL" in last_exit else "unknown"


SENTENCES: dict[Complaint, str] = {
    "out_of_memory": "There was not enough memory for it.",
    "no_gpu": "The engine found no usable GPU.",
    "unsupported": "The engine does not know this kind of model.",
    "broken_file": "The engine cannot read the model's files; `appliance model remove` it and get it again.",
    "unknown": "The engine ended while it was starting.",
}
