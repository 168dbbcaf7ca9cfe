"""Collections, files and passages where a store finds them; other rooms' rows are written as their owners would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from appliance.domain.people import Viewer
from appliance.storage.database import Database, ViewerScope
from rag.documents import Chunk, Page
from rag.ports import VectorStore

MODEL = "test-model@1"
DIMENSION = 384


def vector_of(text: str) -> NDArray[np.float32]:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(sha256(text.encode(errors="surrogatepass")).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


@dataclass
class Library:
    """Puts collections, files and passages where a store finds them."""

    worker: Database
    api: Database
    store: VectorStore

    async def collection(self, viewer: Viewer) -> UUID:
        """A new collection that belongs to viewer."""
        collection = uuid4()
        async with self.api.viewing(viewer) as connection:
            await connection.execute(
                "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (%s, 'Test', %s, %s)",
                (collection, viewer.user_id, viewer.user_id),
            )
        return collection

    async def file(self, viewer: Viewer, filename: str = "handbook.pdf") -> UUID:
        """A new file that belongs to viewer."""
        file = uuid4()
        async with self.api.viewing(viewer) as connection:
            await connection.execute(
                "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose)"
                " VALUES (%s, %s, %s, 'application/pdf', 1, %s, 'assistants')",
                (file, viewer.user_id, filename, sha256(file.bytes).digest()),
            )
        return file

    async def link(self, viewer: Viewer, file: UUID, collection: UUID) -> None:
        """Say that the file is in the collection, so that its readers see the file's name."""
        async with self.api.viewing(viewer) as connection:
            await connection.execute(
                "INSERT INTO collection_files (collection_id, file_id, owner_id, size_bytes)"
                " VALUES (%s, %s, %s, 1)",
                (collection, file, viewer.user_id),
            )

    async def index(self, viewer: Viewer, file: UUID, collection: UUID, texts: Sequence[str]) -> None:
        """Index each text as one page and one passage; its terms are its words."""
        pages = [Page(number, text) for number, text in enumerate(texts, start=1)]
        chunks = [
            Chunk(i, text, i + 1, 0, len(text), ("Handbook", f"Chapter {i}"), "en")
            for i, text in enumerate(texts)
        ]
        terms = [{w: text.split().count(w) for w in set(text.split()) if w.isalnum()} for text in texts]
        vectors = np.array([vector_of(text) for text in texts]).reshape(-1, DIMENSION)
        scope = self.worker.scope(viewer, [collection])
        await self.store.add(scope, file, collection, MODEL, pages, chunks, terms, vectors)

    def scope(self, viewer: Viewer, *collections: UUID) -> ViewerScope:
        """What the gateway would search with."""
        return self.api.scope(viewer, collections)
