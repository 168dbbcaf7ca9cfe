"""How long a load takes, before it was ever measured. Pure."""

from __future__ import annotations

_DISK_BYTES_PER_S = 500e6
"""An ordinary NVMe disk through the file system; measured loads replace it after the first one."""
_BEFORE_WEIGHTS_S = {"vllm": 45.0, "llama_cpp": 1.0, "ollama": 2.0}
"""Imports, compiling and captured graphs of vLLM: 20 to 105 s were seen; llama.cpp starts in a second."""


def estimated_load_s(engine: str, weight_bytes: int) -> float:
    """Seconds until the first token may be asked for."""
    return _BEFORE_WEIGHTS_S.get(engine, 10.0) + weight_bytes / _DISK_BYTES_PER_S


def next_estimate_s(before_s: float | None, took_s: float) -> float:
    """The last load counts half: the first one of a day reads from the disk, later ones from memory."""
    return took_s if before_s is None else (before_s + took_s) / 2
