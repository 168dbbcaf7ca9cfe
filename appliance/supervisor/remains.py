"""What an earlier run left behind when it was killed: its children are ended before new ones use the same files.

The kernel tells children that their supervisor died, but a database may need a second to close; two servers on the
same files would be worse than a short wait.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from appliance.supervisor.state import read_state, started_ticks


def end_remains(data: Path, patience_s: float = 10.0) -> list[str]:
    """End what the state file of an earlier run names and is still alive; returns the names. Blocks until it is gone.

    SIGINT first (PostgreSQL's fast stop), SIGKILL after patience_s. A pid that now belongs to another program is left
    alone.
    """
    state = read_state(data)
    if state is None:
        return []
    alive = {
        name: (child.pid, child.started_ticks)
        for name, child in state.children.items()
        if child.pid is not None and _is_same(child.pid, child.started_ticks)
    }
    for number in (signal.SIGINT, signal.SIGKILL):
        remaining = [process for process in alive.values() if _is_same(*process)]
        for pid, _ in remaining:
            _kill(pid, number)
        _wait_gone(remaining, patience_s)
    return sorted(alive)


def _is_same(pid: int, ticks: int | None) -> bool:
    return ticks is not None and started_ticks(pid) == ticks


def _wait_gone(processes: list[tuple[int, int | None]], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while any(_is_same(*process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
