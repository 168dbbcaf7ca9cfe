"""Pictures of pages that were drawn before, on the disk: a bounded cache, by the content they were drawn from.

Nothing here decides who may see a picture; it is asked for only by whoever has confirmed that. Several processes may
share the folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_LOOKED_AFTER = 16  # how many parts of the bound are written before the folder is measured again


class PageImages:
    """max_bytes: the least recently shown go first beyond it; 0 keeps none."""

    def __init__(self, folder: Path, max_bytes: int = 0) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._unmeasured = max_bytes  # what lies there from before has not been measured either

    def get(self, sha256: bytes, name: str) -> bytes | None:
        """The picture, which counts as shown now; None where it has to be drawn."""
        path = self._of(sha256) / name
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content

    def put(self, sha256: bytes, name: str, picture: bytes) -> None:
        """Keep a picture. A full disk is no reason not to show it."""
        if len(picture) > self._max_bytes // _LOOKED_AFTER:
            return
        folder = self._of(sha256)
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, aside = tempfile.mkstemp(dir=folder, prefix=".")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(picture)
                Path(aside).replace(folder / name)
            except OSError:
                Path(aside).unlink()
                return
        self._unmeasured += len(picture)
        if self._unmeasured > self._max_bytes // _LOOKED_AFTER:
            self._unmeasured = 0
            self._trim()

    def count(self, sha256: bytes) -> int:
        """How many pictures are kept of this content."""
        return sum(1 for _ in self._of(sha256).glob("*"))

    def forget(self, sha256: bytes) -> int:
        """Remove every picture of this content; returns how many there were."""
        folder = self._of(sha256)
        count = sum(1 for _ in folder.glob("*")) if folder.is_dir() else 0
        shutil.rmtree(folder, ignore_errors=True)
        return count

    def sweep(self, is_known: Callable[[bytes], bool]) -> int:
        """Remove the pictures of contents that are gone; returns of how many contents."""
        gone = [
            bytes.fromhex(folder.name)
            for folder in self._folder.glob("[0-9a-f][0-9a-f]/*")
            if len(folder.name) == 64 and not is_known(bytes.fromhex(folder.name))
        ]
        for sha256 in gone:
            self.forget(sha256)
        return len(gone)

    def _trim(self) -> None:
        found = []
        for path in self._folder.glob("*/*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _of(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._folder / name[:2] / name


def page_images_folder(blobs: Path) -> Path:
    """Beside the blobs they were drawn from. blobs: the blobs' folder."""
    return blobs.parent / "page-images"
