"""A model's shape out of its own files: config.json with the headers of its safetensors, or a GGUF header.

Never reads the weights themselves.
"""

from __future__ import annotations

from pathlib import Path

from inference.models.gguf import describe_gguf
from inference.models.model_shape import ModelFormat, ModelShape, Purpose
from inference.models.transformers_folder import describe_folder

__all__ = ["ModelFormat", "ModelShape", "Purpose", "describe_model"]


def describe_model(path: Path) -> ModelShape:
    """Of a folder with config.json and safetensors, or of a .gguf file. Raises ModelUnreadable."""
    return describe_gguf(path) if path.is_file() else describe_folder(path)
