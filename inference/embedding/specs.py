"""Which embedding models a process is to serve: one spec each, kept as JSON in a file of mode 0600.

The first is the one that is wanted; others are served until nobody's vectors are theirs any more.
Knows no settings and opens no model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ModelSource = Literal["built_in", "onnx", "sentence_transformers", "engine"]
Device = Literal["cpu", "cuda"]
_LISTS = ("languages", "inside")


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """model: a folder, or an engine's name for it; empty for the built-in one. base_url: ends in /v1.

    Prefixes None: what the model's own files say. languages: those it was trained in; empty: all.
    socket: of an engine that listens there. batch: texts that go to an engine together. inside: hosts of the own
    network whatever their addresses, see inference.egress.Neighbours.
    """

    source: ModelSource = "built_in"
    model: str = ""
    base_url: str = ""
    socket: str = ""
    api_key: str = ""
    device: Device = "cpu"
    query_prefix: str | None = None
    passage_prefix: str | None = None
    languages: tuple[str, ...] = ()
    batch: int = 32
    timeout_s: float = 60.0
    inside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return Path(self.model).name if self.source != "engine" else self.model


BUILT_IN = EmbeddingSpec(languages=("en",))


def read_specs(path: Path) -> list[EmbeddingSpec]:
    """[] where nothing has been kept. Raises ValueError for a file that somebody has spoilt."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    try:
        return [EmbeddingSpec(**one | {name: tuple(one.get(name, ())) for name in _LISTS}) for one in told]
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not hold a list of embedding models: {error}") from error


def write_specs(path: Path, specs: Sequence[EmbeddingSpec]) -> None:
    """Whole or not at all; readable by its owner only, because it may hold an engine's key."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump([asdict(spec) for spec in specs], file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def ahead(wanted: EmbeddingSpec, kept: Sequence[EmbeddingSpec]) -> list[EmbeddingSpec]:
    """wanted first, then those that were served before; what was served before the first list is the built-in one."""
    return [wanted, *(spec for spec in (kept or [BUILT_IN]) if not is_same(spec, wanted))]


def is_same(one: EmbeddingSpec, other: EmbeddingSpec) -> bool:
    """Whether both make the same vectors, wherever and however fast."""
    return _identity(one) == _identity(other)


def _identity(spec: EmbeddingSpec) -> tuple[object, ...]:
    return spec.source, spec.model, spec.query_prefix, spec.passage_prefix
