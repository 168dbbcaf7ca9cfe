"""Work for a confined child that is neither reading a document nor drawing a page of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Task:
    """name: a row of the sandbox's table. order: what JSON has. files: all that the child may read beside libraries."""

    name: str
    order: Mapping[str, Any]
    files: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "order": dict(self.order),
            "files": [str(path.absolute()) for path in self.files],
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Task:
        return cls(told["name"], told["order"], tuple(map(Path, told["files"])))


class Worker(Protocol):
    """What a row of the sandbox's table names for a task; constructed with the limits."""

    def work(self, order: Mapping[str, Any], scratch: Path) -> bytes:
        """The answer, whatever it means. scratch: a folder that goes with the child. Raises a DocumentRefused."""
        ...
