"""What the supervisor tells others about its children: a small file in the data folder, replaced at every change.

`/readyz` and `appliance doctor` read it; the next start finds in it what an earlier run may have left behind.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path


class ChildState(StrEnum):
    """Where a child stands."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """One child as others see it. since: UTC, when this state began. started_ticks: the kernel's start time of pid."""

    state: ChildState
    pid: int | None
    started_ticks: int | None
    restarts: int
    since: str
    last_exit: str = ""


@dataclass(frozen=True, slots=True)
class SupervisorState:
    """The whole file. pid: of the supervisor."""

    pid: int
    version: str
    url: str
    started_at: str
    children: dict[str, ChildStatus] = field(default_factory=dict)


def state_path(data: Path) -> Path:
    """Where the file lies."""
    return data / "supervisor.json"


def write_state(data: Path, state: SupervisorState) -> None:
    """Replace the file; a reader sees the old or the new one, never half."""
    path = state_path(data)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
    fresh.replace(path)


def read_state(data: Path) -> SupervisorState | None:
    """None when no supervisor has run here, or the file cannot be understood."""
    try:
        values = json.loads(state_path(data).read_text(encoding="utf-8"))
        children = {
            name: ChildStatus(**{**child, "state": ChildState(child["state"])})
            for name, child in values.pop("children").items()
        }
        return SupervisorState(**values, children=children)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def started_ticks(pid: int) -> int | None:
    """When the process began, in the kernel's ticks: with the pid it names one process for ever. None: it is gone."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    after_name = line.rpartition(")")[2].split()
    return None if after_name[0] in ("Z", "X") else int(after_name[19])
