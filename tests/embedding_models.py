"""Where the tests' embedding model is built: once a machine, below the system's temporary folder."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from inference.embedding.build_minilm import ensure

MODELS = Path(tempfile.gettempdir()) / f"appliance-test-models-{os.getuid()}"


@cache
def built_model() -> Path:
    """The folder of the built model."""
    return ensure(MODELS)
