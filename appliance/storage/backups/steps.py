"""How far a backup is: which step, and how much of it. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

StepName = Literal["counting", "database", "files", "trial", "sending"]


@dataclass(frozen=True, slots=True)
class Step:
    """size_bytes: of the dump so far, or of the files. of_files: how many there will be. target: where it is sent."""

    name: StepName
    size_bytes: int = 0
    files: int = 0
    of_files: int = 0
    target: str = ""

    def __str__(self) -> str:
        megabytes = f"{self.size_bytes / 1e6:.0f} MB"
        return {
            "counting": "counting rows",
            "database": f"database: {megabytes}",
            "files": f"files: {self.files} of {self.of_files}, {megabytes}",
            "trial": "trial restore",
            "sending": f"sending to {self.target}",
        }[self.name]


Progress = Callable[[Step], None]
