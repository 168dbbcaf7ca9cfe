"""What is to be started, and where it will answer: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.models.model_shape import ModelShape
from inference.placement.wish import Plan


@dataclass(frozen=True, slots=True)
class Job:
    """One model to be served as planned.

    path: its GGUF file, or its folder. names: what it is offered as, at least one. kind: `chat` or `embedding`.
    """

    path: Path
    names: tuple[str, ...]
    plan: Plan
    shape: ModelShape
    kind: str = "chat"


@dataclass(frozen=True, slots=True)
class Launch:
    """A process to start. environment: on top of ours; the key stands there, never on the command line.

    socket: the unix socket it answers on.
    """

    argv: tuple[str, ...]
    socket: Path
    environment: Mapping[str, str] = field(default_factory=dict)
