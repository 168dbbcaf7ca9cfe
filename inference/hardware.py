"""What this machine has for models: its GPUs, processor, memory and disk. No driver is a normal answer.

Reads NVML and the kernel's own files; knows no model and no engine. Blocks for some milliseconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from inference.gpus import Gpu, GpuReader

NOTED_FLAGS = frozenset(
    {
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avx512f",
        "avx512_bf16",
        "avx512_vnni",
        "avx_vnni",
        "amx_int8",
        "amx_bf16",
    }
    | {"asimd", "asimddp", "bf16", "i8mm", "sve"}
)
"""Of /proc/cpuinfo, those that engines compute faster with: x86 first, then ARM."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """cores: those this process may use. flags: of NOTED_FLAGS, sorted."""

    model: str = ""
    cores: int = 1
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hardware:
    """One machine. ram_*: of the machine, or of the container that this process is in where that has less."""

    gpus: tuple[Gpu, ...] = ()
    cpu: Cpu = Cpu()
    ram_bytes: int = 0
    ram_free_bytes: int = 0
    disk_free_bytes: int = 0


def read_hardware(gpus: GpuReader | None = None, root: Path = Path("/"), disk: Path = Path("/")) -> Hardware:
    """root: where /proc and /sys are. disk: a path on the disk that models are kept on; need not exist yet."""
    size, free = _memory(root)
    return Hardware(
        gpus=tuple((gpus or GpuReader()).read()),
        cpu=_cpu(root),
        ram_bytes=size,
        ram_free_bytes=free,
        disk_free_bytes=_disk_free(disk),
    )


def _cpu(root: Path) -> Cpu:
    told: dict[str, str] = {}
    for line in _lines(root / "proc/cpuinfo"):
        name, found, value = line.partition(":")
        if found:
            told.setdefault(name.strip(), value.strip())
    flags = set((told.get("flags") or told.get("Features") or "").split())
    return Cpu(told.get("model name", ""), _cores(), tuple(sorted(flags & NOTED_FLAGS)))


def _cores() -> int:
    with suppress(AttributeError, OSError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory(root: Path) -> tuple[int, int]:
    """(size, free) in bytes; 0 where the kernel does not tell."""
    told: dict[str, int] = {}
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        with suppress(ValueError, IndexError):
            told[name] = int(value.split()[0]) * 1024
    size, free = told.get("MemTotal", 0), told.get("MemAvailable", 0)
    for group in _groups(root):
        limit, used = _number(group / "memory.max"), _number(group / "memory.current")
        if limit is not None:
            size, free = min(size, limit), min(free, max(0, limit - (used or 0) + _given_back(group)))
    return size, free


def _groups(root: Path) -> Iterator[Path]:
    """The cgroup (version 2) that this process is in, and those above it: each may have a limit."""
    top = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        number, _, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
        if number == "0":
            own = Path(path.lstrip("/"))
            yield from (top / part for part in (own, *own.parents) if str(part) != ".")
    yield top


def _given_back(group: Path) -> int:
    """Bytes of files kept in memory, which the kernel drops when somebody needs them."""
    for line in _lines(group / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == "inactive_file" and value.strip().isdigit():
            return int(value)
    return 0


def _number(path: Path) -> int | None:
    """None where there is no such file, or it says "max"."""
    for line in _lines(path):
        return int(line) if line.strip().isdigit() else None
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _disk_free(path: Path) -> int:
    for place in (path, *path.parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return 0
