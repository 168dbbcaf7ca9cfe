"""What several rooms of the storage say about files alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from appliance.domain.documents import CollectionFile
from rag.notes import as_json, from_json

COLUMNS = (
    "f.id, f.owner_id, f.filename, f.media_type, f.size_bytes, f.sha256, f.purpose, f.created_at, f.parent_id"
)
# What a CollectionFile is made from, for `as_collection_file`; takes %(collection_id)s and further conditions.
ATTACHED = """
SELECT cf.file_id, cf.collection_id, f.filename, cf.status, cf.added_at, cf.progress, cf.pages, cf.chunks,
       cf.size_bytes, cf.error_code, cf.error_message, cf.attributes, cf.stage, cf.notes, cf.pages_done, f.sha256,
       CASE WHEN cf.started_at IS NOT NULL THEN cf.pages_done / greatest(
           extract(epoch FROM coalesce(cf.finished_at, now()) - cf.started_at)::float8, 0.001) END AS pages_per_s,
       cf.source, cf.superseded_by, cf.duplicate_of, f.parent_id,
       (SELECT count(*) FROM files inside WHERE inside.parent_id = f.id) AS inside, cf.heard_s, cf.spoken
FROM collection_files cf JOIN files f ON f.id = cf.file_id
WHERE cf.collection_id = %(collection_id)s"""


def as_collection_file(row: Mapping[str, Any]) -> CollectionFile:
    """A row of ATTACHED."""
    return CollectionFile(**{**row, "notes": read_notes(row["notes"])})


def written_notes(notes: Sequence[str]) -> Jsonb:
    """As they are kept; a JSON column holds no NUL."""
    return Jsonb(_without_nul([as_json(note) for note in notes]))


def read_notes(kept: Sequence[object]) -> tuple[str, ...]:
    """As they were kept, by this version or an earlier one, which knew sentences only."""
    return tuple(map(_read_note, kept))


def _read_note(kept: object) -> str:
    try:
        return from_json(kept)
    except ValueError:  # of a later version, before a downgrade
        return str(kept)


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    return {name: _without_nul(one) for name, one in value.items()}


@dataclass(frozen=True, slots=True)
class OpenScope:
    """A rag.ports.Scope within a transaction that is open already."""

    opened: AsyncConnection
    collection_ids: Sequence[UUID]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        yield self.opened
