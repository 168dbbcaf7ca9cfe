"""Deleting a collection together with the files that are only in it: a few statements, however many files there are.

The index goes with the collection as a whole, so no file has to be taken out of it first. Every file has a receipt of
its own, as if it had been deleted alone; the collection's receipt counts the rest. One transaction: all or nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from appliance.storage.receipts import COUNTED, kept_tables, unused_blobs

# One's own outermost files of a collection with all that lies in them, where none of that is in another collection. Of
# one's own files the places are seen wherever they are, also where one may not look any more.
FAMILIES: LiteralString = """
WITH RECURSIVE family AS (
    SELECT f.id AS root, f.id, f.sha256, f.size_bytes FROM collection_files cf JOIN files f ON f.id = cf.file_id
    WHERE cf.collection_id = %(collection_id)s AND f.owner_id = viewer_id() AND f.parent_id IS NULL
    UNION ALL SELECT family.root, f.id, f.sha256, f.size_bytes FROM files f JOIN family ON f.parent_id = family.id
)
SELECT root, id, sha256, size_bytes FROM family
WHERE root NOT IN (SELECT family.root FROM family JOIN collection_files o ON o.file_id = family.id
                   WHERE o.collection_id <> %(collection_id)s)
ORDER BY root, id
"""
# What the index has, by file. The words of a passage are its rows of the word index.
_COUNTS = """
SELECT file_id, sum(places), sum(pages), sum(passages), sum(vectors), sum(words) FROM (
    SELECT file_id, 1 AS places, 0 AS pages, 0 AS passages, 0 AS vectors, 0 AS words
    FROM collection_files WHERE collection_id = %(collection_id)s
    UNION ALL SELECT file_id, 0, 1, 0, 0, 0 FROM pages WHERE collection_id = %(collection_id)s
    UNION ALL SELECT file_id, 0, 0, 1, 0, cardinality(terms) FROM chunks WHERE collection_id = %(collection_id)s
    UNION ALL SELECT c.file_id, 0, 0, 0, 1, 0 FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
              WHERE c.collection_id = %(collection_id)s) AS counted
GROUP BY file_id
"""
_BY_FILE = ("places", "pages", "passages", "vectors", "words")
_REMOVE_FILES = "DELETE FROM files WHERE id = ANY(%(ids)s)"
_RECEIPTS = """
INSERT INTO receipts (kind, subject_id, deleted_by, removed)
SELECT 'file', subject_id, viewer_id(), removed FROM unnest(%(subjects)s::uuid[], %(removed)s::jsonb[])
     AS receipt (subject_id, removed)
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A file that goes, and the outermost file that it goes with."""

    root: UUID
    id: UUID
    sha256: bytes
    size_bytes: int


@dataclass(slots=True)
class Families:
    """What goes with a collection. counts: what the collection's index has, by file, of those that stay as well."""

    members: Sequence[Member]
    counts: Mapping[UUID, Counter[str]]
    tables: Mapping[bytes, int] = field(default_factory=dict)  # that were made of contents
    pictures: Mapping[bytes, int] = field(default_factory=dict)  # of the contents that nobody needs any more

    @property
    def unused(self) -> Sequence[bytes]:
        """The contents that nobody needs any more."""
        return list(self.pictures)

    def indexed(self) -> Counter[str]:
        """What the collection's index has of them."""
        gone = {member.id for member in self.members}
        return sum((counted for file, counted in self.counts.items() if file in gone), Counter())

    def receipts(self) -> dict[UUID, dict[str, int]]:
        """By outermost file. A content that several had is counted with the last of them, which took it along."""
        last = {member.sha256: member for member in self.members if member.sha256 in self.pictures}
        told: dict[UUID, Counter[str]] = {}
        for member in self.members:
            removed = told.setdefault(member.root, Counter())
            removed.update(self.counts.get(member.id, {}))
            removed["files"] += 1
            if last.get(member.sha256) is member:
                removed.update(blobs=1, bytes=member.size_bytes, page_images=self.pictures[member.sha256])
                if tables := self.tables.get(member.sha256):
                    removed["tables"] += tables
        zeros = dict.fromkeys((*COUNTED, "files", "blobs", "bytes", "page_images"), 0)
        return {root: zeros | dict(removed) for root, removed in told.items()}


async def count_families(connection: AsyncConnection, collection_id: UUID) -> Families:
    """connection: viewing as the owner, holding the collection's rows; nothing has been deleted yet."""
    values = {"collection_id": collection_id}
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(FAMILIES, values)
        members = await cursor.fetchall()
    rows = await (await connection.execute(_COUNTS, values)).fetchall()
    counts = {file: Counter(dict(zip(_BY_FILE, map(int, numbers), strict=True))) for file, *numbers in rows}
    return Families(members, counts, await kept_tables(connection, [member.sha256 for member in members]))


async def remove_families(
    connection: AsyncConnection, families: Families, pictures: Callable[[bytes], int]
) -> Counter[str]:
    """After the collection: delete the files, each with a receipt; returns all that went.

    pictures: how many pages of a content are kept as pictures.
    """
    if not families.members:
        return Counter()
    await connection.execute(_REMOVE_FILES, {"ids": [member.id for member in families.members]})
    hashes = list({member.sha256 for member in families.members})
    unused = await unused_blobs(connection, hashes)
    families.pictures = await asyncio.to_thread(lambda: {content: pictures(content) for content in unused})
    told = families.receipts()
    values: dict[str, Any] = {
        "subjects": list(told),
        "removed": [Jsonb(removed) for removed in told.values()],
    }
    await connection.execute(_RECEIPTS, values)
    total: Counter[str] = Counter()
    for removed in told.values():
        total.update(removed)
    return total
