"""Processor time of processes and everything they started, to the nanosecond."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class ProcessClock:
    """pids: by the name that the tables give them; each counts with its descendants."""

    def __init__(self, pids: Mapping[str, Sequence[int]]) -> None:
        self._pids = pids

    def read(self) -> dict[str, float]:
        """CPU seconds so far by name. A child that has ended in between is missing: nothing measured here forks."""
        children = _children()
        return {name: sum(map(_cpu_s, _tree(pids, children))) for name, pids in self._pids.items()}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """The difference, by name."""
    return {name: after[name] - before[name] for name in after}


def peak_rss_mib(pid: int) -> float:
    """The most resident memory the process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(pid: int) -> float:
    # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of linux/posix-timers.h; /proc counts in ticks of 10 ms
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _tree(pids: Sequence[int], children: Mapping[int, Iterable[int]]) -> list[int]:
    found = list(pids)
    for one in found:
        found.extend(children.get(one, ()))
    return found


def _children() -> Mapping[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children[int(fields[1])].append(int(entry.parent.name))
    return children
