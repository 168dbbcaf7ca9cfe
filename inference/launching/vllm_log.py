"""What vLLM says of its memory while it starts. Pure; wordings of vLLM 0.32."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_GIB = 2**30
_WEIGHTS = re.compile(r"Model loading took ([\d.]+) GiB")
_CACHE = re.compile(r"Available KV cache memory: ([\d.]+) GiB")
_TOKENS = re.compile(r"(?:GPU|CPU) KV cache size: ([\d,]+) tokens")


@dataclass(frozen=True, slots=True)
class ToldMemory:
    """Per GPU. None: it has not said so."""

    weight_bytes: int | None = None
    kv_bytes: int | None = None
    kv_tokens: int | None = None


def told_memory(lines: Iterable[str]) -> ToldMemory:
    """The last of each that was said."""
    weight = cache = tokens = None
    for line in lines:
        if found := _WEIGHTS.search(line):
            weight = round(float(found[1]) * _GIB)
        if found := _CACHE.search(line):
            cache = round(float(found[1]) * _GIB)
        if found := _TOKENS.search(line):
            tokens = int(found[1].replace(",", ""))
    return ToldMemory(weight, cache, tokens)
