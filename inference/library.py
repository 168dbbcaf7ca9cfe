"""The models on this box's disk: one folder each, and the file system is the truth.

`library/NAME/model.json` is written before the folder appears under its name, so a folder without one, or one that is
still being filled elsewhere, is nobody's model. Knows nothing of engines, people or where models come from.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from inference.errors import ModelNotInstalled, UnusableModelName
from inference.types import ModelKind

ModelFormat = Literal["safetensors", "gguf", "onnx", "ctranslate2"]
CARD = "model.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z")


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """path: the GGUF file (the first of its parts), else the model's folder. source: `hf:REPO`, `folder:…`.

    revision: the commit or digest it was got at; empty where the source has none. sha256: of every file, by its path
    inside the folder.
    """

    name: str
    kind: ModelKind
    format: ModelFormat
    path: Path
    size_bytes: int
    source: str
    revision: str
    licence: str
    pulled_at: datetime
    sha256: Mapping[str, str] = field(default_factory=dict)


class ModelLibrary:
    """folder: where the models' folders are; need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        return self._folder

    def installed(self) -> list[InstalledModel]:
        """By name. A folder whose card cannot be read is left out."""
        if not self._folder.is_dir():
            return []
        found = (_read(folder) for folder in sorted(self._folder.iterdir()) if _NAME.match(folder.name))
        return [model for model in found if model is not None]

    def find(self, name: str) -> InstalledModel | None:
        """None: there is no such model, or no such name could be."""
        return _read(self._folder / name) if _NAME.match(name) else None

    def add(self, filled: Path, model: InstalledModel) -> InstalledModel:
        """Take in a folder of the same disk; model.path is inside it. What had the name before gives way.

        Raises OSError, and then nothing has changed.
        """
        check_name(model.name)
        _write_card(filled, model)
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._folder / model.name
        self._put_aside(place)
        filled.rename(place)
        _sync(self._folder)
        added = _read(place)
        assert added is not None, "its card has just been written"
        return added

    def remove(self, name: str) -> None:
        """Gone at once, its room a moment later. Raises ModelNotInstalled."""
        if self.find(name) is None:
            raise ModelNotInstalled(f"Asked for: {name!r}.")
        self._put_aside(self._folder / name)

    def _put_aside(self, place: Path) -> None:
        """A half-removed model has another name, and is swept the next time."""
        for left in self._folder.glob(".removed-*"):
            shutil.rmtree(left, ignore_errors=True)
        if place.exists():
            aside = self._folder / f".removed-{place.name}"
            place.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)


def check_name(name: str) -> str:
    """The name as it is. Raises UnusableModelName."""
    if not _NAME.match(name):
        raise UnusableModelName(f"Asked for: {name!r}.")
    return name


def _read(folder: Path) -> InstalledModel | None:
    try:
        told = json.loads((folder / CARD).read_text(encoding="utf-8"))
        kind, format_ = told["kind"], told["format"]
        if kind not in get_args(ModelKind) or format_ not in get_args(ModelFormat):
            return None
        return InstalledModel(
            name=folder.name,
            kind=kind,
            format=format_,
            path=folder / told["path"],
            size_bytes=int(told["size_bytes"]),
            source=str(told["source"]),
            revision=str(told["revision"]),
            licence=str(told["licence"]),
            pulled_at=datetime.fromisoformat(told["pulled_at"]),
            sha256=dict(told.get("sha256", {})),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_card(folder: Path, model: InstalledModel) -> None:
    told: dict[str, Any] = {
        "name": model.name,
        "kind": model.kind,
        "format": model.format,
        "path": str(model.path.relative_to(folder)),
        "size_bytes": model.size_bytes,
        "source": model.source,
        "revision": model.revision,
        "licence": model.licence,
        "pulled_at": model.pulled_at.isoformat(),
        "sha256": dict(model.sha256),
    }
    with (folder / CARD).open("w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
