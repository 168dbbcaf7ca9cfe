"""How full the disk was, hour by hour, in DATA/disk-diary.jsonl: from it the doctor says when it will be full."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_NAME = "disk-diary.jsonl"
_EVERY_S = 3600.0
_KEPT = 24 * 30


def read_diary(data: Path) -> Sequence[tuple[float, int]]:
    """(Unix time, bytes in use), oldest first; empty where none was written yet. What is no entry is left out."""
    try:
        lines = (data / _NAME).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            entry = json.loads(line)
            found.append((float(entry["at"]), int(entry["used"])))
    return sorted(found)


def note_use(data: Path, now: float, used_bytes: int) -> None:
    """Add an entry; of more than a month the oldest go."""
    kept = [*read_diary(data), (now, used_bytes)][-_KEPT:]
    path = data / _NAME
    fresh = path.with_suffix(".new")
    fresh.write_text(
        "".join(json.dumps({"at": at, "used": used}) + "\n" for at, used in kept), encoding="utf-8"
    )
    fresh.replace(path)


async def keep_diary(data: Path, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Once an hour, for ever. A full disk costs entries, nothing else."""
    while True:
        try:
            await asyncio.to_thread(lambda: note_use(data, time.time(), shutil.disk_usage(data).used))
        except OSError:
            logger.info("how full the disk is could not be noted", exc_info=True)
        await sleep(_EVERY_S)
