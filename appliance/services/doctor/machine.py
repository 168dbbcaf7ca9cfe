"""Disk, memory and open files of the machine: what is left, and until when it lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

GB, MIB = 1e9, 2**20
LEAST_FREE_BYTES = 500 * 10**6  # below it the appliance does not start
COMFORTABLE_FREE_BYTES = 2 * 10**9
COMFORTABLE_SHARE = 0.10  # as the alert DiskAlmostFull
SOON_DAYS, NOW_DAYS, FAR_DAYS = 30, 3, 730
_DAY_S = 86_400.0
_SHORTEST_DIARY_S = _DAY_S
LEAST_MEMORY_BYTES, LEAST_MEMORY_SHARE = 10**9, 0.05
LEAST_FILES = 4096
_NEAR = 0.9


@dataclass(frozen=True, slots=True)
class DiskReading:
    """diary: (Unix time, bytes in use), oldest first. grown_bytes: what the ledger says was added in grown_days."""

    now: float
    size_bytes: int
    free_bytes: int
    inodes: int = 0
    free_inodes: int = 0
    stop_bytes: int = 256 * MIB
    diary: Sequence[tuple[float, int]] = ()
    grown_bytes: int = 0
    grown_days: float = 0.0


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """None: not told. cgroup_*: of the service or container that we are in, page cache left out."""

    size_bytes: int
    available_bytes: int
    swap_used_bytes: int = 0
    cgroup_limit_bytes: int | None = None
    cgroup_used_bytes: int | None = None
    cgroup_kills: int = 0


@dataclass(frozen=True, slots=True)
class FilesReading:
    """Of the gateway, or of this process where it does not run. used: None where it may not be counted."""

    most: int
    used: int | None = None


def disk_findings(disk: DiskReading, ways: Ways) -> Iterator[Finding]:
    """What is free, and the day on which nothing will be, at the pace of late."""
    show = f"sudo du -xh --max-depth 2 {ways.data} | sort -h | tail -n 20"
    free_gb, size_gb = disk.free_bytes / GB, disk.size_bytes / GB
    if disk.free_bytes < LEAST_FREE_BYTES:
        yield error("disk.full", show, free_gb=free_gb)
    elif disk.free_bytes < max(disk.stop_bytes * 2, COMFORTABLE_FREE_BYTES) or (
        disk.free_bytes < COMFORTABLE_SHARE * disk.size_bytes and disk.free_bytes < 50 * GB
    ):
        yield warning("disk.short", show, free_gb=free_gb, size_gb=size_gb, stop_gb=disk.stop_bytes / GB)
    else:
        yield ok("disk.ok", free_gb=free_gb, size_gb=size_gb)
    if disk.inodes and disk.free_inodes < 0.05 * disk.inodes:
        yield warning("disk.inodes", f"df -i {ways.data}", percent=100 * disk.free_inodes / disk.inodes)
    yield from _forecast(disk, show)


def _forecast(disk: DiskReading, show: str) -> Iterator[Finding]:
    pace, days = growth(disk)
    if pace <= 0 or disk.free_bytes / pace > FAR_DAYS * _DAY_S:
        return
    left_s = disk.free_bytes / pace
    end = datetime.fromtimestamp(disk.now, UTC) + timedelta(seconds=left_s)
    values: dict[str, Any] = {"days": days, "gb_per_day": pace * _DAY_S / GB, "date": f"{end:%Y-%m-%d}"}
    if left_s < NOW_DAYS * _DAY_S:
        yield error("disk.full_soon", show, **values)
    elif left_s < SOON_DAYS * _DAY_S:
        yield warning("disk.full_soon", show, **values)
    else:
        yield ok("disk.lasts", **values)


def growth(disk: DiskReading) -> tuple[float, float]:
    """(bytes a second, days looked at): the median slope of the diary (Theil and Sen), else by the ledger.

    A median, because one import or one cleaning up says little of the days to come.
    """
    known = [(at, used) for at, used in disk.diary if at <= disk.now]
    if len(known) >= 3 and known[-1][0] - known[0][0] >= _SHORTEST_DIARY_S:
        known = known[:: max(1, len(known) // 100)]
        slopes = sorted(
            (later[1] - earlier[1]) / (later[0] - earlier[0])
            for at, earlier in enumerate(known)
            for later in known[at + 1 :]
            if later[0] > earlier[0]
        )
        return slopes[len(slopes) // 2], (known[-1][0] - known[0][0]) / _DAY_S
    if disk.grown_days >= 1:
        return disk.grown_bytes / (disk.grown_days * _DAY_S), disk.grown_days
    return 0.0, 0.0


def memory_findings(memory: MemoryReading, _ways: Ways) -> Iterator[Finding]:
    """Of the machine, and of what we are allowed of it."""
    available_gb, size_gb = memory.available_bytes / GB, memory.size_bytes / GB
    is_short = memory.available_bytes < max(LEAST_MEMORY_BYTES, LEAST_MEMORY_SHARE * memory.size_bytes)
    if is_short:
        show = "ps -eo rss,pid,user,comm --sort=-rss | head"
        yield warning("memory.short", show, available_gb=available_gb, size_gb=size_gb)
    else:
        yield ok("memory.ok", available_gb=available_gb, size_gb=size_gb)
    if is_short and memory.swap_used_bytes > GB:
        show = "grep VmSwap /proc/*/status 2>/dev/null | sort -k2 -n | tail"
        yield warning("memory.swapping", show, used_gb=memory.swap_used_bytes / GB)
    limit, used = memory.cgroup_limit_bytes, memory.cgroup_used_bytes
    if limit and used is not None and used > _NEAR * limit:
        yield warning("memory.limit_near", used_gb=used / GB, limit_gb=limit / GB)
    if memory.cgroup_kills:
        yield warning("memory.killed", count=memory.cgroup_kills)


def files_findings(files: FilesReading, ways: Ways) -> Iterator[Finding]:
    """Each connection takes one or two; 1024, a common default, is spent by a few hundred people."""
    if files.used is not None and files.used > _NEAR * files.most:
        yield error("files.near", _more_files(ways), used=files.used, most=files.most)
    elif files.most < LEAST_FILES:
        yield warning("files.few", _more_files(ways), most=files.most)
    else:
        yield ok("files.ok", most=files.most)


def _more_files(ways: Ways) -> str:
    if ways.deployment == "docker":  # docker-compose.*.yml: ulimits: nofile
        return ways.start("gateway")
    if ways.deployment == "systemd":
        return (
            "printf '[Service]\\nLimitNOFILE=65536\\n' | sudo systemctl edit --stdin appliance && "
            + ways.start()
        )
    return "ulimit -n 65536 && " + ways.start()
