"""A GGUF file's header as a model's shape."""

from __future__ import annotations

from pathlib import Path

from inference.models.model_shape import ModelShape


def describe_gguf(path: Path) -> ModelShape:
    """Raises ModelUnreadable."""
    raise NotImplementedError(path)
