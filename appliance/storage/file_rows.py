"""What several rooms of the storage say about files alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection

COLUMNS = (
    "f.id, f.owner_id, f.filename, f.media_type, f.size_bytes, f.sha256, f.purpose, f.created_at, f.parent_id"
)


@dataclass(frozen=True, slots=True)
class OpenScope:
    """A rag.ports.Scope within a transaction that is open already."""

    opened: AsyncConnection
    collection_ids: Sequence[UUID]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        yield self.opened
