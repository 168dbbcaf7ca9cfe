"""What the parts of a running appliance have used: processor seconds and memory, by the names of the supervisor.

The worker's reading processes are a part of their own. Memory is PSS: what processes share is counted once.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_SAMPLE_S = 2.0


def processor_s(data: Path) -> dict[str, float]:
    """Processor seconds so far by part, those of children that have ended included (in ticks of 10 ms)."""
    used: dict[str, float] = defaultdict(float)
    for name, pid in _pids(data).items():
        family = sum(_ticks(each) for each in _family(pid))
        own = _ticks(pid) if name == "worker" else family
        used[_part(name)] += own
        used["reading"] += family - own
    return {name: ticks / os.sysconf("SC_CLK_TCK") for name, ticks in used.items()}


def processor_line(before: Mapping[str, float], after: Mapping[str, float], files: int) -> str:
    """Milliseconds of processor time a file, by part; what used next to nothing is left out."""
    each = {name: 1000 * (after[name] - before.get(name, 0.0)) / files for name in after}
    parts = ", ".join(f"{name} {ms:.0f}" for name, ms in sorted(each.items()) if ms >= 0.5)
    return f"{sum(each.values()):.0f} ({parts})"


def memory_mib(data: Path) -> dict[str, float]:
    """Of the worker with its children, and of the embedding process."""
    pids = _pids(data)
    return {name: _pss_mib(pids[name]) for name in ("worker", "embedder") if name in pids}


class MemoryWatch:
    """How memory went while something ran: before, most, after."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._samples: list[dict[str, float]] = []

    async def __aenter__(self) -> MemoryWatch:
        self._samples.append(memory_mib(self._data))
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        self._samples.append(memory_mib(self._data))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_SAMPLE_S)
            self._samples.append(memory_mib(self._data))

    def told(self, name: str) -> str:
        """MiB before → after, and the most in between."""
        values = [sample[name] for sample in self._samples if name in sample]
        return f"{values[0]:.0f} → {values[-1]:.0f} (≤ {max(values):.0f})" if values else "–"


def _pids(data: Path) -> dict[str, int]:
    state = json.loads((data / "supervisor.json").read_text())
    return {name: int(child["pid"]) for name, child in state["children"].items() if child["pid"]}


def _part(name: str) -> str:
    """All gateway processes are one part."""
    return "gateway" if name.startswith("gateway") else name


def _family(pid: int) -> set[int]:
    """The process with its children and theirs."""
    family = {pid}
    parents = {
        int(folder.name): int((_stat(folder) or ["", "0"])[1]) for folder in Path("/proc").glob("[0-9]*")
    }
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _ticks(pid: int) -> int:
    """Its own and that of children that have ended."""
    return sum(int(value) for value in _stat(Path(f"/proc/{pid}"))[11:15])


def _stat(folder: Path) -> list[str]:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return []


def _pss_mib(pid: int) -> float:
    return sum(_pss_kib(Path(f"/proc/{each}")) for each in _family(pid)) / 1024


def _pss_kib(folder: Path) -> int:
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
