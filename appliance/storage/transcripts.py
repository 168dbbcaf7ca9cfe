"""What has been heard of recordings so far, below DATA/transcripts: a file of JSON lines a content, beside its blob.

A line is written at once and whole; a crash leaves at most half of the last one, which is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson


class TranscriptSpool:
    """Fulfils services.knowledge.hearing.Spool. Of one content one process writes at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lines(self, sha256: bytes) -> Sequence[Mapping[str, Any]]:
        """In the order in which they were written."""
        try:
            written = self._of(sha256).read_bytes()
        except FileNotFoundError:
            return ()
        whole = written[: written.rfind(b"\n") + 1]
        if len(whole) < len(written):  # what follows must not be glued to half a line
            self._of(sha256).write_bytes(whole)
        return [orjson.loads(line) for line in whole.splitlines()]

    def append(self, sha256: bytes, line: Mapping[str, Any]) -> None:
        path = self._of(sha256)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")

    def forget(self, sha256: bytes) -> None:
        self._of(sha256).unlink(missing_ok=True)

    def sweep(self, is_known: Callable[[bytes], bool]) -> int:
        """Remove what was heard of contents that are gone; returns of how many."""
        gone = [
            bytes.fromhex(path.name)
            for path in self._folder.glob("[0-9a-f][0-9a-f]/*")
            if len(path.name) == 64 and not is_known(bytes.fromhex(path.name))
        ]
        for sha256 in gone:
            self.forget(sha256)
        return len(gone)

    def _of(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._folder / name[:2] / name


def transcripts_folder(blobs: Path) -> Path:
    """Beside the blobs that were heard. blobs: the blobs' folder."""
    return blobs.parent / "transcripts"
