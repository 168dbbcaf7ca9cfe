"""Which models were started, kept over restarts of the box: DATA/engines.json, replaced as a whole.

The keeper alone writes it; a reader sees the old or the new one, never half.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WantedModel:
    """A model that somebody started.

    context_tokens, people: as asked for; None: as planned. is_resident: it was in memory when this was written, and is
    loaded again with the box. load_s, memory_bytes: of its last load.
    """

    name: str
    context_tokens: int | None = None
    people: int | None = None
    is_resident: bool = False
    load_s: float | None = None
    memory_bytes: Mapping[str, int] = field(default_factory=dict)


class WantedFile:
    """path: DATA/engines.json; need not exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: list[WantedModel] | None = None

    def read(self) -> list[WantedModel]:
        """What was started; nothing where the file is not there. One that cannot be read is put aside."""
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))["models"]
            return [WantedModel(**row) for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning("%s cannot be read (%s): no model is started by it", self._path, error)
            return []

    def write(self, models: Sequence[WantedModel]) -> None:
        """Only where something changed. A full disk costs the memory of it, never the models that run."""
        if self._written == list(models):
            return
        fresh = self._path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"models": [asdict(model) for model in models]}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._path, error)
            return
        self._written = list(models)
