"""One model from where it is into the library: listed, weighed against the disk, fetched, checked, and then there.

What has come lies in a folder of its own until all of it is checked; the library gets it by one rename. A pull that was
killed is taken up with the same commit, because the list of files is kept beside them.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from inference.egress import Egress
from inference.errors import (
    EgressRefused,
    ModelFileCorrupt,
    ModelGated,
    ModelHasCode,
    ModelHasPickle,
    ModelSourceUnknown,
    NoRoomForModel,
)
from inference.getting.checking import check_file, check_whole
from inference.getting.choosing import Choice, SourceFile, choose
from inference.getting.fetching import PART, Fetching, Pieces
from inference.getting.folders import ModelOnDisk
from inference.getting.hub import Hub, Listing
from inference.getting.progress import Meter, Progress
from inference.getting.room import check_room, on_a_full_disk
from inference.getting.sources import FolderSource, HubSource, Source, wanted_quantisation
from inference.library import InstalledModel, ModelLibrary
from inference.types import ModelKind

PURPOSE = "models"
_PLAN, _FILES = "plan.json", "files"
# What is refused for good leaves nothing behind; what was only broken off is kept for the next time.
FOR_GOOD = (
    ModelHasCode,
    ModelHasPickle,
    ModelFileCorrupt,
    ModelGated,
    ModelSourceUnknown,
    NoRoomForModel,
    EgressRefused,
)

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """name: what it is called here. kind, licence: known from a catalogue; None, empty: from the source. actor: who."""

    name: str
    source: Source
    kind: ModelKind | None = None
    licence: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class HubAccess:
    """token is called for every pull, so that a new file counts at once; it may raise OSError."""

    address: str
    token: Callable[[], str]


class Pulling:
    """reserve_bytes: what stays free on the disk. sleep: between attempts."""

    def __init__(
        self,
        library: ModelLibrary,
        egress: Egress,
        hub: HubAccess,
        *,
        reserve_bytes: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._library, self._egress, self._hub = library, egress, hub
        self._reserve_bytes, self._sleep, self._now = reserve_bytes, sleep, now

    async def pull(self, wanted: Wanted, place: Path, tell: Tell) -> InstalledModel:
        """place: a folder on the library's disk, for this pull alone; may hold what an earlier attempt left.

        Raises InferenceError of every kind that getting has. After a refusal for good the folder is empty.
        """
        try:
            with on_a_full_disk():
                return await self._pull(wanted, place, tell)
        except FOR_GOOD:
            await asyncio.to_thread(_empty, place)
            raise

    async def _pull(self, wanted: Wanted, place: Path, tell: Tell) -> InstalledModel:
        if isinstance(wanted.source, FolderSource):
            disk = await asyncio.to_thread(ModelOnDisk, wanted.source)
            listing = await asyncio.to_thread(disk.listing)
            return await self._take(wanted, place, listing, disk.pieces, tell, disk.kind())
        if isinstance(wanted.source, HubSource):
            return await self._from_hub(wanted, wanted.source, place, tell)
        raise ModelSourceUnknown(f"{wanted.source} is got by Ollama itself.")

    async def _from_hub(self, wanted: Wanted, source: HubSource, place: Path, tell: Tell) -> InstalledModel:
        async with self._egress.session(PURPOSE, wanted.actor) as session:
            hub = Hub(session, self._hub.address, await asyncio.to_thread(self._token))
            listing = _kept_listing(place) or await hub.listing(source)

            def pieces(file: SourceFile, start: int) -> AsyncIterator[bytes]:
                return hub.pieces(source, listing.revision, file, start)

            return await self._take(wanted, place, listing, pieces, tell)

    async def _take(
        self, wanted: Wanted, place: Path, listing: Listing, pieces: Pieces, tell: Tell, kind: str = ""
    ) -> InstalledModel:
        told = wanted.kind or (kind if kind in get_args(ModelKind) else None)
        choice = choose(
            listing.files,
            quantisation=wanted_quantisation(wanted.source),
            kind=told,  # type: ignore[arg-type]  # it is one of them
            task=listing.task,
        )
        files = place / _FILES
        there = await asyncio.to_thread(_prepared, place, files, listing)
        await asyncio.to_thread(check_room, place, choice.size_bytes - there, self._reserve_bytes)
        sums = await self._fetched(files, choice, pieces, tell)
        await asyncio.to_thread(check_whole, files)
        model = InstalledModel(
            name=wanted.name,
            kind=choice.kind,
            format=choice.format,
            path=files / choice.main if choice.format == "gguf" else files,
            size_bytes=choice.size_bytes,
            source=str(wanted.source),
            revision=listing.revision,
            licence=wanted.licence or listing.licence,
            pulled_at=self._now(),
            sha256=sums,
        )
        return await asyncio.to_thread(self._library.add, files, model)

    async def _fetched(self, files: Path, choice: Choice, pieces: Pieces, tell: Tell) -> dict[str, str]:
        meter = Meter(choice.size_bytes)
        tell(meter.read(time.monotonic()))

        def seen(path: str) -> None:
            tell(meter.read(time.monotonic(), path))

        fetching = Fetching(files, pieces, meter, seen, self._sleep)
        sums: dict[str, str] = {}
        for file in choice.files:
            sums[file.path] = await fetching.fetch(file)
            is_graph = choice.format in ("onnx", "gguf")
            await asyncio.to_thread(check_file, files / file.path, is_graph=is_graph)
        return sums

    def _token(self) -> str:
        try:
            return self._hub.token()
        except (OSError, UnicodeDecodeError) as error:
            raise ModelGated(f"models.hub_token_file cannot be read: {error}.") from error


def _prepared(place: Path, files: Path, listing: Listing) -> int:
    """Keep the list beside the files; returns the bytes that are there of it already, and clears away what is not."""
    files.mkdir(parents=True, exist_ok=True)
    plan = place / f"{_PLAN}.new"
    plan.write_text(json.dumps(asdict(listing)), encoding="utf-8")
    plan.replace(place / _PLAN)
    known = {file.path for file in listing.files}
    there = 0
    for one in files.rglob("*"):
        if one.is_file() and one.relative_to(files).as_posix().removesuffix(PART) in known:
            there += one.stat().st_size
        elif one.is_file():
            one.unlink()
    return there


def _kept_listing(place: Path) -> Listing | None:
    try:
        told: dict[str, Any] = json.loads((place / _PLAN).read_text(encoding="utf-8"))
        files = tuple(SourceFile(**file) for file in told.pop("files"))
        return Listing(files=files, **told)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _empty(place: Path) -> None:
    shutil.rmtree(place / _FILES, ignore_errors=True)
    (place / _PLAN).unlink(missing_ok=True)
