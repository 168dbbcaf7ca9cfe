"""What deletions removed: counted in the transaction that removes it, and kept as numbers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from appliance.domain.documents import Receipt, ReceiptKind
from appliance.domain.people import Viewer
from appliance.storage.database import Database

COUNTED = ("places", "pages", "passages", "vectors", "words", "generations", "vectors_in_memory")

# The words of a passage are its rows of the word index. A place is a file's row in a collection. A generation is a
# state of a collection's index: processes that hold vectors of one that is void let go of them within seconds.
_OF_PLACE = """
SELECT (SELECT count(*) FROM collection_files
        WHERE collection_id = %(collection_id)s AND (%(file_id)s::uuid IS NULL OR file_id = %(file_id)s)),
       (SELECT count(*) FROM pages
        WHERE collection_id = %(collection_id)s AND (%(file_id)s::uuid IS NULL OR file_id = %(file_id)s)),
       count(*),
       coalesce(sum((SELECT count(*) FROM embeddings e WHERE e.chunk_id = c.id)), 0),
       coalesce(sum(cardinality(c.terms)), 0),
       (SELECT count(*) FROM index_generations WHERE collection_id = %(collection_id)s)
FROM chunks c WHERE collection_id = %(collection_id)s AND (%(file_id)s::uuid IS NULL OR file_id = %(file_id)s)
"""
_UNUSED = "SELECT sha256 FROM blobs WHERE sha256 = ANY(%s) AND refs = 0"
_TABLES = "SELECT sha256, tables FROM workbooks WHERE sha256 = ANY(%s) AND tables > 0"
_ADD = """
INSERT INTO receipts (kind, subject_id, deleted_by, removed) VALUES (%s, %s, %s, %s) RETURNING id, happened_at
"""
_LIST = """
SELECT id, kind, subject_id, happened_at, deleted_by, removed FROM receipts
WHERE %(before)s::uuid IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(limit)s
"""


async def count_place(
    connection: AsyncConnection, collection_id: UUID, file_id: UUID | None = None
) -> Counter[str]:
    """What the index has of a file in a collection, or of all of the collection."""
    values = {"collection_id": collection_id, "file_id": file_id}
    row = await (await connection.execute(_OF_PLACE, values)).fetchone()
    counted = Counter(dict(zip(COUNTED, map(int, row or ()), strict=False)))
    if not counted["passages"]:
        counted["generations"] = 0  # nothing changes for whoever holds the others
    return counted


async def unused_blobs(connection: AsyncConnection, hashes: Sequence[bytes]) -> list[bytes]:
    """Which contents no file needs any more, now that this transaction has deleted some."""
    rows = await connection.execute(_UNUSED, (list(hashes),))
    return [bytes(sha256) for (sha256,) in await rows.fetchall()]


async def kept_tables(connection: AsyncConnection, hashes: Sequence[bytes]) -> dict[bytes, int]:
    """How many tables were made of these contents; asked before their files go, by which they are seen."""
    rows = await connection.execute(_TABLES, (list(hashes),))
    return {bytes(sha256): int(count) for sha256, count in await rows.fetchall()}


async def record_receipt(
    connection: AsyncConnection,
    kind: ReceiptKind,
    subject_id: UUID,
    deleted_by: UUID | None,
    removed: Mapping[str, int],
) -> Receipt:
    """Keep it with the deletion, or not at all."""
    removed = dict.fromkeys(COUNTED, 0) | dict(removed)
    values = (kind, subject_id, deleted_by, Jsonb(removed))
    row = await (await connection.execute(_ADD, values)).fetchone()
    assert row is not None
    return Receipt(row[0], kind, subject_id, row[1], deleted_by, removed)


class PostgresReceipts:
    """Fulfils services.knowledge.receipts.ReceiptRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receipts(self, viewer: Viewer, before: UUID | None, limit: int) -> Sequence[Receipt]:
        async with self._database.viewing(viewer) as connection:
            rows = await connection.execute(_LIST, {"before": before, "limit": limit})
            return [Receipt(*row) for row in await rows.fetchall()]
