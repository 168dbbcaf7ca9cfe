"""Room on the disk: asked for before the first byte, and said in one sentence when it ends."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.errors import NoRoomForModel

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_room(folder: Path, needed_bytes: int, reserve_bytes: int) -> None:
    """reserve_bytes: what stays free for everything else. Raises NoRoomForModel with the figures."""
    free = shutil.disk_usage(folder).free
    if needed_bytes + reserve_bytes > free:
        raise NoRoomForModel(
            f"It needs {_size(needed_bytes)} and {_size(reserve_bytes)} are to stay free; {_size(free)} are free."
        )


@contextmanager
def on_a_full_disk() -> Iterator[None]:
    """What the system says of a full disk, a quota or a limit becomes NoRoomForModel."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoomForModel("The disk was full before all of it had come.") from error
        raise


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 10**8 else f"{size_bytes / 1e6:.1f} MB"
