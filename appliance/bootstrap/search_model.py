"""Which model of the library is searched with: a file that stands where [embedding] names none.

The embedding process follows its list of models, so a choice counts within seconds and without a restart.
"""

from __future__ import annotations

import json
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.bootstrap.embedding import chosen_for_search, keep_specs, search_choice_path, specs_path
from inference.embedding.specs import read_specs


class FileSearchChoice:
    """Fulfils services.models.library.SearchChoice."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def chosen(self) -> str:
        return "" if self._is_set else chosen_for_search(self._box)

    def choose(self, name: str) -> bool:
        if self._is_set:
            return False
        path = search_choice_path(self._box)
        if name:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".new")
            unfinished.write_text(json.dumps({"model": name}), encoding="utf-8")
            unfinished.replace(path)
        else:
            path.unlink(missing_ok=True)
        keep_specs(self._box)
        return True

    def in_use(self, folder: Path) -> bool:
        return any(
            spec.source == "onnx" and Path(spec.model) == folder.resolve()
            for spec in read_specs(specs_path(self._box))
        )

    @property
    def _is_set(self) -> bool:
        return self._box.settings.embedding.source != "built_in"
