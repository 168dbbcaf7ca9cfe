"""Reads the machine: disk, memory, open files, clock, GPU."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
import urllib.error
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

import psycopg

from appliance.bootstrap.disk_diary import read_diary
from appliance.bootstrap.doctor.asking import ask
from appliance.bootstrap.doctor.place import Idle, Place
from appliance.services.doctor.clock import ClockReading
from appliance.services.doctor.gpu import EngineHere, GpuReading
from appliance.services.doctor.machine import DiskReading, FilesReading, MemoryReading
from inference.egress import Neighbours
from inference.gpu_health import look_at_gpus

_PATIENCE_S = 3.0
_GROWN_DAYS = 14
# What came in lately as files, and everything that it takes: text, index and their vectors are about as large again.
_GROWN = """
SELECT coalesce(sum(size_bytes) FILTER (WHERE created_at > now() - make_interval(days => %s)), 0),
       coalesce(sum(size_bytes), 0), coalesce(extract(epoch FROM now() - min(created_at)), 0),
       pg_database_size(current_database()) FROM files"""
_NO_LIMIT = 2**60


def read_disk(place: Place) -> DiskReading:
    """What is free below the data folder, and how that changed."""
    folder = place.data if place.data.exists() else place.data.parent
    usage, entries = shutil.disk_usage(folder), os.statvfs(folder)
    stop_mib = place.box.settings.knowledge.min_free_mib if place.box else 256
    grown, days = _grown(place)
    return DiskReading(
        now=time.time(),
        size_bytes=usage.total,
        free_bytes=usage.free,
        inodes=entries.f_files,
        free_inodes=entries.f_favail,
        stop_bytes=stop_mib * 2**20,
        diary=read_diary(place.data),
        grown_bytes=grown,
        grown_days=days,
    )


def _grown(place: Place) -> tuple[int, float]:
    try:
        ((lately, ever, age_s, database),) = place.rows(_GROWN, _GROWN_DAYS)
    except (Idle, psycopg.Error):
        return 0, 0.0
    share = float(database) / float(ever) if ever else 0.0
    return int(float(lately) * (1 + share)), min(_GROWN_DAYS, float(age_s) / 86_400)


def read_memory(place: Place) -> MemoryReading:
    """Of /proc/meminfo, and of the cgroup that we are in (version 2)."""
    told = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (
            line.partition(":")
            for line in (place.root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        )
        if value.split()
    }
    group = _own_group(place.root)
    return MemoryReading(
        size_bytes=told["MemTotal"],
        available_bytes=told["MemAvailable"],
        swap_used_bytes=told.get("SwapTotal", 0) - told.get("SwapFree", 0),
        cgroup_limit_bytes=_number(group / "memory.max"),
        cgroup_used_bytes=_used(group),
        cgroup_kills=_figure(group / "memory.events", "oom_kill"),
    )


def _own_group(root: Path) -> Path:
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            number, _, path = line.split(":", 2)
            if number == "0":
                return root / "sys/fs/cgroup" / path.lstrip("/")
    return root / "sys/fs/cgroup"


def _used(group: Path) -> int | None:
    """Without what the kernel would give back at once."""
    used = _number(group / "memory.current")
    return None if used is None else used - _figure(group / "memory.stat", "inactive_file")


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() and int(text) < _NO_LIMIT else None


def _figure(path: Path, name: str) -> int:
    with suppress(OSError):
        for line in path.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0


def read_files(place: Place) -> FilesReading:
    """Of the gateway where a supervisor tells which it is, else of this process."""
    children = place.supervisor.children if place.supervisor and not place.is_in_gateway else {}
    pid = next((child.pid for name, child in children.items() if name.startswith("gateway")), None)
    if pid is None:
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return FilesReading(most, _open_files(place.root, "self"))
    return FilesReading(resource.prlimit(pid, resource.RLIMIT_NOFILE)[0], _open_files(place.root, str(pid)))


def _open_files(root: Path, process: str) -> int | None:
    try:
        return sum(1 for _ in (root / "proc" / process / "fd").iterdir())
    except OSError:
        return None


def read_clock(place: Place) -> ClockReading:
    """By PostgreSQL's clock where it is another machine's, by what HTTP servers say, by whoever keeps ours."""
    others = {}
    with suppress(Idle, psycopg.Error):
        before = time.time()
        ((theirs,),) = place.rows("SELECT extract(epoch FROM clock_timestamp())")
        others["PostgreSQL"] = float(theirs) - (before + time.time()) / 2
    neighbours = Neighbours(place.box.settings.egress.inside if place.box else ())
    for name, url in _servers(place).items():
        ahead = _ahead(url, neighbours)
        if ahead is not None:
            others[name] = ahead
    kept = _said("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    return ClockReading(others, {"yes": True, "no": False}.get(kept.strip()), _drift())


def _servers(place: Place) -> dict[str, str]:
    if place.box is None:
        return {}
    return {
        name: str(table["base_url"]).removesuffix("/v1")
        for name, table in place.box.settings.engines.items()
        if str(table.get("base_url", "")).startswith("http") and table.get("engine") != "cloud"
    }


def _ahead(url: str, neighbours: Neighbours) -> float | None:
    """By the Date header, which is cut to a second: less than that is nothing."""
    before = time.time()
    try:
        with ask(url, neighbours, _PATIENCE_S) as answer:
            told = answer.headers.get("date")
    except urllib.error.HTTPError as error:
        told = error.headers.get("date")
    except (OSError, ValueError):
        return None
    try:
        theirs = parsedate_to_datetime(str(told)).timestamp()
    except ValueError:
        return None
    if theirs < before - 1:
        return theirs + 1 - before
    return theirs - time.time() if theirs > time.time() else 0.0


def _drift() -> float | None:
    """Chrony's own word, where it runs: field 5 of `tracking` is how far off we are, in seconds."""
    fields = _said("chronyc", "-c", "tracking").split(",")
    try:
        return float(fields[4])
    except (IndexError, ValueError):
        return None


def _said(*words: str) -> str:
    """What a program of the machine says; nothing where there is none, or it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def read_gpu(place: Place) -> GpuReading:
    """Of this machine or container."""
    kinds = place.box.settings.engines if place.box else {}
    engines = tuple(
        EngineHere(name, str(table["engine"]))
        for name, table in kinds.items()
        if table.get("engine") in ("vllm", "ollama")
    )
    marks = (place.root / ".dockerenv", place.root / "run/.containerenv")
    return GpuReading(look_at_gpus(root=place.root), any(mark.exists() for mark in marks), engines)
