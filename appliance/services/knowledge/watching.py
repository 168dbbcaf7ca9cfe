"""Folders on the server that are kept in step: what appears is read, what changes is read again, what goes is removed.

They are looked at again and again, because no share tells of changes that another computer made. A file that is still
being written is left alone until it has rested.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from appliance.domain.documents import Audience, Collection, PageRequest
from appliance.domain.people import Caller
from appliance.errors import ApplianceError, PartUnavailable
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.folders import Found, Known, Refused, gone, walk
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.settings import FolderSettings

logger = logging.getLogger(__name__)

_READ_BYTES = 2**20
_LISTED = 100
_Signature = tuple[int, int]


class Clock(Protocol):
    """The time in seconds since 1970."""

    def __call__(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at a folder did."""

    sent: int = 0
    removed: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)


class WatchedFolder:
    """One folder and the collection it is kept in, as the person whose documents they are."""

    def __init__(self, settings: FolderSettings, knowledge: Knowledge, caller: Caller, now: Clock) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._caller = caller
        self._now = now
        self._done: dict[str, _Signature] = {}
        self._last: dict[str, _Signature] = {}

    async def look(self) -> Round:
        """Send and remove what is due. Raises ApplianceError, and OSError where the folder is not there."""
        root = Path(self._settings.path)
        seen = await asyncio.to_thread(lambda: list(walk(root)))
        found = [one for one in seen if isinstance(one, Found)]
        refused = [one for one in seen if isinstance(one, Refused)]
        collection = await self._collection()
        known = await self._known(collection)
        due = [one for one in found if self._is_due(one)]
        self._last = {one.source: one.signature for one in found}
        for one in due:
            await self._bring(collection, one, known.get(one.source))
        top = os.path.abspath(root)  # noqa: ASYNC240, PTH100 - asks the disk for nothing; resolve() follows links
        lost = gone(found, refused, known, top) if self._settings.remove and found else []
        for source, old in lost:
            await self._knowledge.remove_file(self._caller, identifiers.parse(identifiers.FILE, old.file_id))
            self._done.pop(source, None)
        return Round(len(due), len(lost), {one.path: one.reason for one in refused if one.is_failure})

    def _is_due(self, one: Found) -> bool:
        """Not looked at in this state, and not being written: it has rested, or is as it was the last time."""
        if self._done.get(one.source) == one.signature:
            return False
        age_s = self._now() - one.signature[1] / 1e9
        return self._last.get(one.source) == one.signature or age_s > self._settings.rest_s

    async def _bring(self, collection: Collection, one: Found, old: Known | None) -> None:
        """Read a file unless its current version is there already; one that cannot be opened is tried again."""
        try:
            digest = await asyncio.to_thread(_sha256, one.path)
            if old is None or old.sha256 != digest:
                await self._send(collection, one)
        except OSError as error:
            logger.warning("%s cannot be read: %s", one.source, error.strerror)
        else:
            self._done[one.source] = one.signature

    async def _send(self, collection: Collection, one: Found) -> None:
        async with self._knowledge.upload(self._caller) as upload:
            with one.path.open("rb") as file:
                while data := await asyncio.to_thread(file.read, _READ_BYTES):
                    await upload.write(data)
            kept = await upload.finish(one.path.name, "", "assistants")
        try:
            await self._knowledge.attach(self._caller, collection.id, kept.id, source=one.source)
        except ApplianceError:
            await self._knowledge.remove_file(self._caller, kept.id)
            raise

    async def _collection(self) -> Collection:
        """By id or name, among those the person sees; of a new name, one of their own is made."""
        wanted, page = self._settings.collection, PageRequest(_LISTED, is_ascending=True)
        while True:
            some, has_more = await self._knowledge.collections(self._caller, page)
            for one in some:
                if wanted in (one.name, identifiers.wire(identifiers.COLLECTION, one.id)):
                    return one
            if not has_more:
                audience = Audience(user_id=self._caller.user_id)
                return await self._knowledge.create(self._caller, wanted, audience)
            page = PageRequest(_LISTED, is_ascending=True, after=some[-1].id)

    async def _known(self, collection: Collection) -> dict[str, Known]:
        """The current version of every source."""
        known: dict[str, Known] = {}
        page = PageRequest(_LISTED)
        while True:
            files, has_more = await self._knowledge.all_attached(self._caller, collection.id, page)
            for one in files:
                if one.source is not None and one.parent_id is None:
                    file_id = identifiers.wire(identifiers.FILE, one.file_id)
                    known.setdefault(one.source, Known(file_id, one.sha256.hex(), one.status))
            if not has_more:
                return known
            page = PageRequest(_LISTED, after=files[-1].file_id)


class FolderWatch:
    """All watched folders, each at its own pace. find_caller: by e-mail; None where there is no such person."""

    def __init__(
        self,
        folders: Sequence[FolderSettings],
        knowledge: Knowledge,
        find_caller: Callable[[str], Awaitable[Caller | None]],
        now: Clock,
    ) -> None:
        self._folders = folders
        self._knowledge = knowledge
        self._find_caller = find_caller
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for settings in self._folders:
                group.create_task(self._follow(settings))

    async def _follow(self, settings: FolderSettings) -> None:
        folder: WatchedFolder | None = None
        told = ""
        while True:
            problem = ""
            try:
                if folder is None:
                    folder = await self._open(settings)
                if folder is None:
                    problem = f"nobody has the e-mail {settings.owner!r} (`owner`)"
                else:
                    _tell(settings, await folder.look())
            except (ApplianceError, PartUnavailable) as error:
                problem = str(error)
            except OSError as error:
                problem = f"{error.strerror}; nothing was removed"
            if problem and problem != told:
                logger.warning("the folder %s is not followed: %s", settings.path, problem)
            told = problem
            await asyncio.sleep(settings.every_s)

    async def _open(self, settings: FolderSettings) -> WatchedFolder | None:
        caller = await self._find_caller(settings.owner)
        return None if caller is None else WatchedFolder(settings, self._knowledge, caller, self._now)


def _tell(settings: FolderSettings, done: Round) -> None:
    if done.sent or done.removed:
        logger.info("%s: %d files are read, %d removed", settings.path, done.sent, done.removed)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
