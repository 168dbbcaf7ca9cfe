"""The numbers of several gateway processes as one: each keeps its own in mapped files that the others can read.

That is prometheus_client's multiprocess mode, with a worker's number in place of its process id: a worker started anew
goes on in the files of the one before, so nothing counted is lost by a crash and files do not pile up.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client asks the environment for it


def share_metrics(folder: Path, worker: int) -> None:
    """Keep every metric made from now on in files there. worker: a number no other living process has.

    Called once, before the first metric is made. What the number's last holder counted is gone on with; what it had
    running is not.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[_FOLDER] = str(folder)
    mark_process_dead(worker, str(folder))  # type: ignore[no-untyped-call]
    for path in folder.glob(f"*_{worker}.db"):
        if not _is_whole(path):
            path.unlink()
    values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]


def shared_folder() -> Path | None:
    """Where this process shares its metrics; None where it counts for itself alone."""
    folder = os.environ.get(_FOLDER)
    return Path(folder) if folder else None


def own(registry: CollectorRegistry) -> CollectorRegistry | None:
    """Where a metric of this process is registered: nowhere when it is shared, because the sum is told instead."""
    return registry if shared_folder() is None else None


def forget_metrics(folder: Path) -> None:
    """Begin from zero, before the first worker starts: another version may count in other buckets."""
    shutil.rmtree(folder, ignore_errors=True)


def add_up(registry: CollectorRegistry, folder: Path) -> None:
    """Have the registry show the sums over all workers: counters and histograms, and gauges by their own rule."""
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]


def _is_whole(path: Path) -> bool:
    """Whether it can be read to its end; a power cut may have torn it."""
    try:
        for _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
            pass
    except Exception:
        return False
    return True
