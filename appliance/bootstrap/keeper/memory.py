"""What a started engine really took of memory, and what an earlier keeper may have left in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from inference.gpus import Gpu
from inference.hardware import Hardware
from inference.keeping.rules import Room

MARK = "APPLIANCE_KEEPER"
"""In the environment of every engine that a keeper starts: the data folder it is for."""
_KEPT_FREE_BYTES = 256 << 20  # of RAM, for everything else that runs here


def group_rss(pid: int) -> int:
    """Bytes of RAM of a process and all that it started, each shared page counted by its share."""
    return sum(_proportional(other) for other in _processes() if _group_of(other) == pid)


def used_on_gpus(before: Sequence[Gpu], after: Sequence[Gpu], indexes: Sequence[int]) -> dict[str, int]:
    """By how much more each of these holds. Nothing for a card that does not tell. Pure."""
    old = {gpu.index: gpu.memory_used_bytes for gpu in before}
    found = {}
    for gpu in after:
        was = old.get(gpu.index)
        if gpu.index in indexes and was is not None and gpu.memory_used_bytes is not None:
            found[f"gpu:{gpu.index}"] = max(0, gpu.memory_used_bytes - was)
    return found


def free_room(hardware: Hardware) -> dict[str, int]:
    """What may still be taken, by place. Pure."""
    room = {"ram": max(0, hardware.ram_free_bytes - _KEPT_FREE_BYTES)}
    for gpu in hardware.gpus:
        if gpu.memory_bytes is not None:
            room[f"gpu:{gpu.index}"] = max(0, gpu.memory_bytes - (gpu.memory_used_bytes or 0))
    return room


def with_given_back(hardware: Hardware, given: Room) -> Hardware:
    """The machine as it would be with this memory given back. Pure."""
    gpus = tuple(
        replace(gpu, memory_used_bytes=max(0, gpu.memory_used_bytes - given.get(f"gpu:{gpu.index}", 0)))
        if gpu.memory_used_bytes is not None
        else gpu
        for gpu in hardware.gpus
    )
    free = hardware.ram_free_bytes + given.get("ram", 0)
    return replace(hardware, gpus=gpus, ram_free_bytes=min(free, hardware.ram_bytes or free))


def end_orphans(mark: str) -> list[int]:
    """End engines that an earlier keeper of the same data folder left behind; returns their process ids.

    The kernel tells an engine that its keeper died, but not the processes that the engine had started itself.
    """
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in _processes():
        with suppress(OSError):
            if pid != os.getpid() and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                os.kill(pid, signal.SIGKILL)
                found.append(pid)
    return found


def _processes() -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            yield int(entry.name)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _proportional(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
