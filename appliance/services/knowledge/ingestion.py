"""Reading a document into a collection: parse, cut, embed, index, with progress, as the document's owner.

Runs in the worker and may be killed at any point: the same job runs again, and the document becomes searchable and
`completed` in one transaction at the very end. A document that is refused is not tried again; a neighbour that is
away is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from appliance.domain.documents import IngestionStage, ReadingProgress, ReadingTask, StoredFile
from appliance.domain.people import Role, Viewer
from appliance.errors import PartUnavailable, ReadingFailed, ReadingInterrupted, StorageFull
from appliance.ports import ReadingStopped, RetryLater
from appliance.services.knowledge.hearing import Hearing, HearingPostponed
from appliance.services.knowledge.inside import Inside
from appliance.services.knowledge.ports import BlobStore, ReadingRepository
from inference.errors import EmbedderUnavailable
from rag.documents import ParsedDocument
from rag.errors import DocumentEmpty, DocumentRefused, IndexUnavailable
from rag.notes import Note
from rag.ports import Scope

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
_TRANSIENT = (PartUnavailable, EmbedderUnavailable, IndexUnavailable)
_AWAY_S = 10.0  # between two tries; the embedder is asked by itself with growing pauses
# What may be so for a day: nothing is wrong with the document, and it waits as long as it takes, saying what for.
_WAITED_FOR: Mapping[type[Exception], str] = {EmbedderUnavailable: "embedder_away", StorageFull: "disk_full"}
_PROGRESS_S = 0.5  # between two writes of the progress
_PARSING_SHARE = 0.3  # of the progress; measured: embedding takes most of the time
_HEARING_SHARE = 0.9  # of a recording's: turning speech into text takes nearly all of it

Progress = Callable[[int, int], None]
AsyncProgress = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ReadingEnd:
    """How one try at a document ended. reason: an error's code, empty for what is completed; took_s: of this try."""

    outcome: Literal["completed", "refused", "failed", "postponed"]
    reason: str = ""
    pages: int = 0
    took_s: float = 0.0


class DocumentReader(Protocol):
    """Reads a file where it can do no harm; rag.sandbox does. Raises a DocumentRefused."""

    async def parse(
        self, path: Path, media_type: str | None = None, on_progress: Progress | None = None
    ) -> ParsedDocument: ...


class DocumentIndexer(Protocol):
    """Makes a document searchable, all at once, through the scope's transactions; rag.indexing does."""

    async def index(
        self,
        file_id: UUID,
        document: ParsedDocument,
        scope: Scope,
        collection_id: UUID,
        progress: AsyncProgress,
    ) -> object: ...


class Completer(Protocol):
    """Completes documents that need not be read or have no text of their own; storage.completing does."""

    async def copy(self, scope: Scope, file_id: UUID, from_collection: UUID, to_collection: UUID) -> int:
        """With what another collection has of the same file; returns its passages."""
        ...

    async def add_like_twin(self, scope: Scope, file_id: UUID, collection_id: UUID) -> bool:
        """Whose content is found in the same collection already; false: there is no such."""
        ...

    async def add_empty(self, scope: Scope, file_id: UUID, collection_id: UUID) -> None:
        """That holds nothing but other documents."""
        ...


class Tables(Protocol):
    """Makes the tables of a workbook, so that it can be asked for sums; services.data.workbooks does."""

    async def made(self, viewer: Viewer, file: StoredFile) -> Sequence[str]:
        """Notes for the document's owner; empty for what is no workbook."""
        ...


class Ingestion:
    """The use case of the `ingest` job. on_end: told of every try that ended; must not fail.

    hearing: for recordings, which no parser reads; None: they are refused like any format that is not known.
    tables: of workbooks; None: they are searched only.
    """

    def __init__(
        self,
        reading: ReadingRepository,
        blobs: BlobStore,
        reader: DocumentReader,
        indexer: DocumentIndexer,
        completer: Completer,
        inside: Inside,
        on_end: Callable[[ReadingEnd], None] = lambda _end: None,
        *,
        hearing: Hearing | None = None,
        tables: Tables | None = None,
    ) -> None:
        self._on_end = on_end
        self._tables = tables
        self._hearing = hearing
        self._reading = reading
        self._blobs = blobs
        self._reader = reader
        self._indexer = indexer
        self._completer = completer
        self._inside = inside

    async def ingest(self, payload: Mapping[str, Any]) -> None:
        """The job's handler. Raises RetryLater for a reason that passes."""
        viewer = _viewer(payload)
        collection_id, file_id = UUID(payload["collection_id"]), UUID(payload["file_id"])
        task = None
        try:
            task = await self._reading.begin(viewer, collection_id, file_id)
            if task is not None:
                await self._read(viewer, task)
        except ReadingStopped:
            logger.info("file %s is not wanted any more", file_id)
        except HearingPostponed as postponed:
            self._on_end(ReadingEnd("postponed", postponed.note.code))
            with suppress(PartUnavailable):
                await self._reading.wait(viewer, collection_id, file_id, postponed.note)
            raise RetryLater(postponed.delay_s) from postponed
        except _TRANSIENT as error:
            await self._postpone(viewer, collection_id, file_id, task, error)

    async def _read(self, viewer: Viewer, task: ReadingTask) -> None:
        file, begun = task.file, time.monotonic()
        try:
            if task.attempts > MAX_ATTEMPTS:
                raise ReadingInterrupted
            async with self._progress(viewer, task) as progress:
                await self._make_searchable(viewer, task, progress)
            self._on_end(ReadingEnd("completed", "", progress.pages, time.monotonic() - begun))
        except (DocumentRefused, ReadingInterrupted) as refusal:
            logger.info("file %s was refused: %s", file.id, refusal.code)
            detail = getattr(refusal, "detail", "")
            notes = [detail] if isinstance(detail, Note) else []
            await self._reading.fail(viewer, task.collection_id, file.id, refusal.code, str(refusal), notes)
            self._on_end(ReadingEnd("refused", refusal.code))
        except (*_TRANSIENT, ReadingStopped, HearingPostponed):
            raise
        except Exception:
            logger.exception("file %s could not be read", file.id)
            failure = ReadingFailed()
            await self._reading.fail(viewer, task.collection_id, file.id, failure.code, str(failure))
            self._on_end(ReadingEnd("failed", failure.code))

    async def _make_searchable(self, viewer: Viewer, task: ReadingTask, progress: _Progress) -> None:
        file, collection_id = task.file, task.collection_id
        scope = self._reading.scope(viewer, collection_id, file.id)
        told = await self._tables.made(viewer, file) if self._tables is not None else ()
        if told:  # also of what need not be read
            await self._reading.note(viewer, collection_id, file.id, told)
        if task.has_equal and await self._completer.add_like_twin(scope, file.id, collection_id):
            return
        if task.copy_from is not None and await self._completer.copy(
            scope, file.id, task.copy_from, collection_id
        ):
            return
        document = await self._document(viewer, task, progress)
        progress.pages = len(document.pages)
        notes = [*document.notes, *told, *await self._inside.register(viewer, task, document.children)]
        if notes:
            await self._reading.note(viewer, collection_id, file.id, notes)
        try:
            await self._indexer.index(file.id, document, scope, collection_id, progress.indexing)
        except DocumentEmpty:
            if not document.children:
                raise
            await self._completer.add_empty(scope, file.id, collection_id)
        if self._hearing is not None:
            await self._hearing.done(file.sha256)

    async def _document(self, viewer: Viewer, task: ReadingTask, progress: _Progress) -> ParsedDocument:
        """A recording is heard; everything else is parsed."""
        file, hearing = task.file, self._hearing
        path = self._blobs.path(file.sha256)
        kind = await hearing.kind(path) if hearing is not None else None
        if hearing is None or kind is None:
            return await self._reader.parse(path, file.media_type, progress.parsing)
        try:
            heard = await hearing.hear(path, kind, file.sha256, progress.hearing)
        except DocumentRefused:
            await hearing.done(file.sha256)
            raise
        await self._reading.heard(viewer, task.collection_id, file.id, heard.duration_s, heard.language)
        return heard.document

    @asynccontextmanager
    async def _progress(self, viewer: Viewer, task: ReadingTask) -> AsyncIterator[_Progress]:
        """Writes the latest progress now and then, beside the work and never in its way."""
        progress, statement = _Progress(), asyncio.Lock()

        async def write() -> None:
            while True:
                await asyncio.sleep(_PROGRESS_S)  # first: what is read sooner needs no progress
                await progress.changed.wait()
                progress.changed.clear()
                async with statement:
                    with suppress(PartUnavailable):
                        await self._reading.advance(viewer, task.collection_id, task.file.id, progress.state)

        writing = asyncio.create_task(write())
        try:
            yield progress
        finally:
            async with statement:  # PostgreSQL would log a statement that is broken off
                writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _postpone(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, task: ReadingTask | None, error: Exception
    ) -> None:
        attempts = task.attempts if task else 1
        self._on_end(ReadingEnd("postponed", str(getattr(error, "code", ""))))
        for kind, code in _WAITED_FOR.items():
            if isinstance(error, kind):
                logger.warning("file %s waits (%s): %s", file_id, code, error)
                with suppress(PartUnavailable):
                    await self._reading.wait(viewer, collection_id, file_id, Note(code))
                raise RetryLater(_AWAY_S) from error
        with suppress(PartUnavailable):
            await self._reading.advance(viewer, collection_id, file_id, ReadingProgress("waiting"))
        if attempts >= MAX_ATTEMPTS:
            logger.error("file %s is given up: %s", file_id, error)
            await self._reading.fail(viewer, collection_id, file_id, getattr(error, "code", ""), str(error))
            return
        logger.warning("file %s waits for a part of the appliance: %s", file_id, error)
        raise RetryLater(min(60.0, 0.5 * 2.0**attempts)) from error


class _Progress:
    """How far a document is, of whose work parsing, or hearing, is a known share. pages: of the parsed document."""

    def __init__(self) -> None:
        self.state = ReadingProgress("parsing")
        self.pages = 0
        self.changed = asyncio.Event()
        self._begun_share = _PARSING_SHARE

    def parsing(self, done: int, total: int) -> None:
        self._set("parsing", _PARSING_SHARE * done / max(total, 1), done)

    def hearing(self, heard_s: float, total_s: float) -> None:
        """pages_done are seconds meanwhile."""
        self._begun_share = _HEARING_SHARE
        self._set("hearing", _HEARING_SHARE * heard_s / max(total_s, heard_s, 1.0), int(heard_s))

    async def indexing(self, done: int, total: int) -> None:
        share = done / max(total, 1)
        stage: IngestionStage = "indexing" if done >= total else "embedding"
        begun = self._begun_share
        self._set(stage, begun + (1 - begun) * share, int(self.pages * share))

    def _set(self, stage: IngestionStage, share: float, pages_done: int) -> None:
        self.state = ReadingProgress(stage, max(self.state.share, min(share, 0.99)), pages_done)
        self.changed.set()


def _viewer(payload: Mapping[str, Any]) -> Viewer:
    """The document's owner, seeing and changing their own things and the one collection the job is for."""
    groups = frozenset({UUID(payload["group_id"])} if payload["group_id"] else ())
    return Viewer(UUID(payload["owner_id"]), groups, Role.ADMIN if payload["is_public"] else Role.USER)
