"""One file after the other onto the disk: resumed where it was, checked before it has its name.

A file that is still coming ends in `.part`. What is there of it is read again first, so that the checksum covers all of
it, whoever wrote it. A break is waited out; what comes wrong is fetched once more from the beginning.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from inference.errors import HubUnavailable, ModelFileCorrupt
from inference.getting.choosing import SourceFile
from inference.getting.progress import Meter

PART = ".part"
_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # between attempts that brought nothing
_READ_BYTES = 8 * 2**20

Pieces = Callable[[SourceFile, int], AsyncIterator[bytes]]


class Fetching:
    """folder: where the files go. pieces: of a file from a byte on; an empty piece first: it begins at 0 after all.

    seen: called after every piece with the file's path.
    """

    def __init__(
        self,
        folder: Path,
        pieces: Pieces,
        meter: Meter,
        seen: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._folder, self._pieces, self._meter, self._seen, self._sleep = folder, pieces, meter, seen, sleep

    async def fetch(self, file: SourceFile) -> str:
        """Returns its sha256. Raises HubUnavailable, ModelFileCorrupt, what pieces raises, OSError."""
        place = self._folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_file() and place.stat().st_size == file.size_bytes:  # checked before it had its name
            self._meter.count(file.size_bytes)
            return str((await asyncio.to_thread(_digests, place, file))[0].hexdigest())
        part = place.with_name(place.name + PART)
        try:
            digest = await self._whole(file, part)
        except ModelFileCorrupt:
            self._drop(part)
            digest = await self._whole(file, part)  # once: a cache on the way may have held it wrong
        part.rename(place)
        return digest

    async def _whole(self, file: SourceFile, part: Path) -> str:
        attempts = 0
        while True:
            before = _size(part)
            try:
                return await self._attempt(file, part)
            except HubUnavailable:
                self._meter.count(-_size(part))  # it is counted again when it is read again
                attempts = 0 if _size(part) > before else attempts + 1
                if attempts > len(_PAUSES_S):
                    raise
                await self._sleep(_PAUSES_S[max(0, attempts - 1)])

    async def _attempt(self, file: SourceFile, part: Path) -> str:
        if _size(part) > file.size_bytes:
            os.truncate(part, 0)
        digests = await asyncio.to_thread(_digests, part, file)
        start = _size(part)
        self._meter.count(start)
        with part.open("ab") as content:
            if start < file.size_bytes or file.size_bytes == 0:
                async for piece in self._pieces(file, start):
                    if not piece:
                        self._meter.count(-content.tell())
                        content.truncate(0)
                        digests = _empty_digests(file)
                        continue
                    if content.tell() + len(piece) > file.size_bytes:
                        raise ModelFileCorrupt(
                            f"{file.path} is longer than the {file.size_bytes} bytes it should have."
                        )
                    await asyncio.to_thread(_take, content, piece, digests)
                    self._meter.count(len(piece))
                    self._seen(file.path)
            content.flush()
            await asyncio.to_thread(os.fsync, content.fileno())
        self._check(file, part, digests)
        return str(digests[0].hexdigest())

    def _check(self, file: SourceFile, part: Path, digests: list[Any]) -> None:
        if _size(part) < file.size_bytes:
            raise HubUnavailable(f"{file.path} broke off at {_size(part)} of {file.size_bytes} bytes.")
        expected = file.sha256 or file.git_sha1
        found = digests[0].hexdigest() if file.sha256 or len(digests) < 2 else digests[1].hexdigest()
        if expected and found != expected.lower():
            raise ModelFileCorrupt(f"{file.path}: its checksum is {found}, and should be {expected}.")

    def _drop(self, part: Path) -> None:
        self._meter.count(-_size(part))
        part.unlink(missing_ok=True)


def _empty_digests(file: SourceFile) -> list[Any]:
    """sha256 always; git's own, where the source has nothing better."""
    digests = [hashlib.sha256()]
    if file.git_sha1 and not file.sha256:
        digests.append(hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False))
    return digests


def _digests(path: Path, file: SourceFile) -> list[Any]:
    """Of what is there; blocks."""
    digests = _empty_digests(file)
    if path.exists():
        with path.open("rb") as content:
            while piece := content.read(_READ_BYTES):
                for digest in digests:
                    digest.update(piece)
    return digests


def _take(content: Any, piece: bytes, digests: list[Any]) -> None:  # noqa: ANN401 - a file
    content.write(piece)
    for digest in digests:
        digest.update(piece)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
