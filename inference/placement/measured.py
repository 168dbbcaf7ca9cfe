"""What starts on this machine really used, kept in one file: it replaces the estimate for the same settings."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_KEPT = 500


@dataclass(frozen=True, slots=True)
class Measurement:
    """One start of vLLM. gpu: its name as NVML tells it; the first five fields say what it holds for.

    weight_bytes: of the loaded weights on one GPU. overhead_bytes: what its budget held besides weights and cache
    (activations, buffers, graphs). outside_bytes: what NVML saw above the budget (CUDA context); None: not looked at.
    kv_tokens: that its cache had room for, as it logged. at: ISO 8601, UTC.
    """

    model: str
    gpu: str
    tensor_parallel: int
    max_batched_tokens: int
    max_running: int
    weight_bytes: int
    overhead_bytes: int
    outside_bytes: int | None = None
    kv_dtype: str = "auto"
    kv_tokens: int = 0
    at: str = ""

    @property
    def key(self) -> tuple[str, str, int, int, int, str]:
        """What it holds for."""
        return (
            self.model,
            self.gpu,
            self.tensor_parallel,
            self.max_batched_tokens,
            self.max_running,
            self.kv_dtype,
        )


class MeasuredUse:
    """The file DATA/models/measured.json: a list, the newest last. Written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Measurement, ...]:
        """() where nothing was kept yet, or the file is spoilt: an estimate does as well."""
        try:
            told = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return ()
        found = (_measurement(one) for one in told) if isinstance(told, list) else ()
        return tuple(one for one in found if one is not None)

    def record(self, measurement: Measurement) -> None:
        """Keep it instead of an older one for the same. Raises OSError."""
        if not measurement.at:
            measurement = Measurement(**{**asdict(measurement), "at": datetime.now(UTC).isoformat()})
        others = [one for one in self.read() if one.key != measurement.key]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        kept = [asdict(one) for one in (*others, measurement)][-_KEPT:]
        unfinished.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        unfinished.replace(self._path)


def find(
    measured: Sequence[Measurement],
    model: str,
    gpu: str,
    tensor_parallel: int,
    max_batched_tokens: int,
    max_running: int,
    kv_dtype: str,
) -> Measurement | None:
    """The newest one for just these settings."""
    key = (model, gpu, tensor_parallel, max_batched_tokens, max_running, kv_dtype)
    return next((one for one in reversed(measured) if one.key == key), None)


def _measurement(told: Any) -> Measurement | None:  # noqa: ANN401 - any JSON
    try:
        found = Measurement(**told)
        numbers = (found.tensor_parallel, found.weight_bytes, found.overhead_bytes, found.kv_tokens)
        return found if all(type(number) is int and number >= 0 for number in numbers) else None
    except TypeError:
        return None
