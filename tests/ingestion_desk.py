"""Reading documents step by step, in this process: real PostgreSQL, blobs, index and use cases; tests run the jobs.

A document is JSON: {"pages": [text, …], "inside": {name: document or text}, "notes": [text, …]}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from appliance.domain.documents import Audience, CollectionFile, PageRequest
from appliance.domain.people import Caller, Role
from appliance.ports import RetryLater
from appliance.services.knowledge.hearing import Hearing
from appliance.services.knowledge.ingestion import DocumentReader, Ingestion, ReadingEnd, Tables
from appliance.services.knowledge.inside import Inside
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.settings import KnowledgeSettings
from appliance.storage.blobs import BlobStore
from appliance.storage.collections import PostgresCollections
from appliance.storage.completing import CompletingStore
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.reading import PostgresReading
from appliance.storage.transcripts import TranscriptSpool, transcripts_folder
from inference.ports import Transcriber
from rag.analysis import Analyzer
from rag.documents import Block, Child, Page, ParsedDocument
from rag.errors import DocumentDamaged
from rag.indexing import Indexing
from rag.settings import ChunkingSettings
from rag.stores.pgvector import PgvectorStore
from tests.library import DIMENSION, MODEL, vector_of


def ana() -> Caller:
    """A person with documents."""
    return Caller(uuid5(NAMESPACE_DNS, "ana"), "ana@example.com", Role.USER, frozenset())


def document(*pages: str, inside: dict[str, Any] | None = None, notes: Sequence[str] = ()) -> bytes:
    """The bytes of a document of that many pages."""
    return json.dumps({"pages": pages, "inside": inside or {}, "notes": list(notes)}).encode()


class Reader:
    """Reads such documents; anything else is damaged."""

    async def parse(
        self,
        path: Path,
        media_type: str | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> ParsedDocument:
        try:
            told = json.loads(path.read_bytes())  # noqa: ASYNC240
        except ValueError as error:
            raise DocumentDamaged from error
        pages = tuple(
            Page(number, text, (Block("paragraph", 0, len(text)),))
            for number, text in enumerate(told["pages"], start=1)
        )
        children = tuple(
            Child(name, content.encode() if isinstance(content, str) else json.dumps(content).encode())
            for name, content in told["inside"].items()
        )
        return ParsedDocument("text/plain", pages, notes=tuple(told["notes"]), children=children)


@dataclass
class CountingEmbedder:
    """A vector for each text, and which texts were asked for."""

    model_id: str = MODEL
    dimension: int = DIMENSION
    max_tokens: int = 256
    asked: list[str] = field(default_factory=list)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return vector_of(text)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([vector_of(text) for text in texts])

    async def close(self) -> None:
        return None


class Desk:
    """The use cases with a worker that works when it is told to. transcriber: hears recordings.

    reader: of other documents than JSON. tables: makes those of workbooks, from where the bytes lie.
    """

    def __init__(
        self,
        api: Database,
        worker: Database,
        folder: Path,
        *,
        transcriber: Transcriber | None = None,
        slice_s: float = 300.0,
        reader: DocumentReader | None = None,
        tables: Callable[[BlobStore], Tables] | None = None,
        **settings: Any,
    ) -> None:
        self.settings = KnowledgeSettings(**settings)
        self.worker = worker
        self.store = PgvectorStore()
        self.embedder = CountingEmbedder()
        self.blobs = BlobStore(folder / "blobs", worker)
        self.blobs.open()
        self.knowledge = self._knowledge(api)
        self.keeping = self._knowledge(worker)
        reading = PostgresReading(worker, PostgresJobQueue(worker))
        completing = CompletingStore(self.store)
        indexing = Indexing(completing, self.embedder, Analyzer(["en"]), ChunkingSettings())
        inside = Inside(reading, self.blobs, self.settings)
        self.ended: list[ReadingEnd] = []
        self.spool = TranscriptSpool(transcripts_folder(folder / "blobs"))
        hearing = None if transcriber is None else Hearing(transcriber, self.spool, slice_s=slice_s)
        self.ingestion = Ingestion(
            reading,
            self.blobs,
            reader or Reader(),
            indexing,
            completing,
            inside,
            self.ended.append,
            hearing=hearing,
            tables=tables(self.blobs) if tables else None,
        )

    def _knowledge(self, database: Database) -> Knowledge:
        jobs = PostgresJobQueue(database)
        files = PostgresFiles(database, self.store, jobs)
        collections = PostgresCollections(database, self.store, jobs)
        return Knowledge(files, collections, self.blobs, self.settings)

    async def collection(self, caller: Caller) -> UUID:
        """A new one of theirs."""
        return (await self.knowledge.create(caller, "shelf", Audience(user_id=caller.user_id))).id

    async def add(
        self, caller: Caller, collection: UUID, content: bytes, filename: str = "a.json", **more: Any
    ) -> UUID:
        """Upload and attach; nothing is read yet. Returns the file's id."""
        async with self.knowledge.upload(caller) as upload:
            await upload.write(content)
            file = await upload.finish(filename, "", "assistants")
        await self.knowledge.attach(caller, collection, file.id, **more)
        return file.id

    async def work(self, most: int = 1000) -> int:
        """Run the jobs that wait, and those that come of them; returns how many ran."""
        ran = 0
        while ran < most and (job := await self._next()) is not None:
            try:
                await self.ingestion.ingest(job)
            except RetryLater:
                await self._again(job)
                return ran
            ran += 1
        return ran

    async def _next(self) -> dict[str, Any] | None:
        async with self.worker.connection() as connection:
            row = await (
                await connection.execute(
                    "DELETE FROM procrastinate_jobs WHERE id = (SELECT id FROM procrastinate_jobs WHERE status = 'todo'"
                    " ORDER BY priority DESC, id LIMIT 1) RETURNING args"
                )
            ).fetchone()
        return row[0] if row else None

    async def _again(self, job: dict[str, Any]) -> None:
        await PostgresJobQueue(self.worker).enqueue("ingest", job)

    async def listed(self, caller: Caller, collection: UUID) -> dict[str, CollectionFile]:
        """What the collection shows, by name."""
        files, _ = await self.knowledge.all_attached(caller, collection, PageRequest(100))
        return {file.filename: file for file in files}

    async def found(self, caller: Caller, collection: UUID, word: str) -> list[str]:
        """Names of the documents in which a word is found, each as often as it is."""
        scope = self.worker.scope(caller.viewer, [collection])
        ids = await self.store.lexical(scope, [f"={word}"], 50)
        return [p.filename for p in await self.store.passages(scope, [chunk for chunk, _ in ids])]

    async def page(self, caller: Caller, collection: UUID, file: UUID, number: int = 1) -> str | None:
        """A page as a citation opens it."""
        return await self.store.page_text(self.worker.scope(caller.viewer, [collection]), file, number)
