"""A collection as a person looks at it, in PostgreSQL: filtered, sorted, in slices; what its deletion takes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from appliance.domain.documents import FileCounts
from appliance.domain.people import Viewer
from appliance.domain.refusals import Told
from appliance.domain.shelf import KnownContent, RemovalPreview, ShelfPage, ShelfQuery, ShelfRow
from appliance.errors import NotFound, NotPermitted
from appliance.storage.database import Database
from appliance.storage.file_rows import ATTACHED, as_collection_file
from appliance.storage.jobs import QUEUE
from appliance.storage.removing import FAMILIES

_OWN = ("place", "is_own", "elsewhere", "inside_failed", "inside_in_progress")

# A row bears the time at which its transaction began, which may have ended only after the last look: hence 5 seconds.
# Names are compared as people type them: without capitals and without the accents of Spanish and its neighbours.
_FOLDED = "translate(lower({}), 'áàâäãéèêëíìîïóòôöõúùûüñç', 'aaaaaeeeeiiiiooooouuuunc')"
_WANTED = f"""
    AND (%(status)s::text IS NULL OR cf.status = %(status)s)
    AND (%(name)s = '' OR strpos({_FOLDED.format("f.filename")}, {_FOLDED.format("%(name)s")}) > 0)
    AND (%(changed_since)s::timestamptz IS NULL
         OR cf.updated_at >= %(changed_since)s - interval '5 seconds' OR cf.status = 'in_progress')
    AND cf.superseded_by IS NULL"""
_INSIDE = " AND f.parent_id = %(parent_id)s"
# What lies in a document that is here too is listed below that one.
_OUTERMOST = """
    AND (f.parent_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM collection_files outer_one
        WHERE outer_one.collection_id = cf.collection_id AND outer_one.file_id = f.parent_id
          AND outer_one.superseded_by IS NULL))"""
_KEYS: Mapping[str, LiteralString] = {
    "added": "{cf}.added_at {direction}, {cf}.file_id {direction}",
    "name": "lower({f}.filename) {direction}, {cf}.file_id {direction}",
    "size": "{cf}.size_bytes {direction}, {cf}.file_id {direction}",
    "state": "CASE {cf}.status WHEN 'failed' THEN 0 WHEN 'in_progress' THEN 1 WHEN 'cancelled' THEN 2 ELSE 3 END "
    "{direction}, {cf}.file_id {direction}",
}
# Of what changes, first what is being read, then what is next in line.
_NEXT: LiteralString = "{cf}.stage = 'waiting', {cf}.pages_done DESC, {cf}.added_at, {cf}.file_id"
# The slice first, and only then what is told of each document: of thousands a hundred are shown.
_PICKED = """
picked AS MATERIALIZED (
    SELECT cf.file_id FROM collection_files cf JOIN files f ON f.id = cf.file_id
    WHERE cf.collection_id = %(collection_id)s{wanted} ORDER BY {order} OFFSET %(offset)s LIMIT %(limit)s)"""
_LINE = """
WITH line AS (
    SELECT id, row_number() OVER (ORDER BY priority DESC, id) AS place FROM procrastinate_jobs
    WHERE status = 'todo' AND queue_name = %(queue)s)"""
_INSIDE_COUNT: LiteralString = """
       (SELECT count(*) FROM collection_files i JOIN files g ON g.id = i.file_id
        WHERE i.collection_id = a.collection_id AND g.parent_id = a.file_id AND i.superseded_by IS NULL
          AND i.status = '{status}')"""
_ROWS = f"""
SELECT a.*, line.place, mine.owner_id = viewer_id() AS is_own,
       (SELECT count(*) FROM collection_files other
        WHERE other.file_id = a.file_id AND other.collection_id <> a.collection_id) AS elsewhere,
       {_INSIDE_COUNT.format(status="failed")} AS inside_failed,
       {_INSIDE_COUNT.format(status="in_progress")} AS inside_in_progress
FROM a JOIN collection_files mine ON mine.collection_id = a.collection_id AND mine.file_id = a.file_id
     LEFT JOIN line ON line.id = mine.job_id AND a.status = 'in_progress'
"""  # noqa: S608 - constants only
_TOTAL = """
SELECT count(*) FROM collection_files cf JOIN files f ON f.id = cf.file_id
WHERE cf.collection_id = %(collection_id)s"""
_COUNTS = """
SELECT count(*) FILTER (WHERE cf.status = 'in_progress'), count(*) FILTER (WHERE cf.status = 'completed'),
       count(*) FILTER (WHERE cf.status = 'failed'), count(*) FILTER (WHERE cf.status = 'cancelled'), now()
FROM collections c LEFT JOIN collection_files cf ON cf.collection_id = c.id AND cf.superseded_by IS NULL
WHERE c.id = %(collection_id)s GROUP BY c.id
"""
_REMOVAL = """
SELECT (SELECT count(*) FROM collection_files WHERE collection_id = c.id AND superseded_by IS NULL),
       (SELECT coalesce(sum(chunks), 0) FROM collection_files WHERE collection_id = c.id),
       (SELECT count(*) FROM collection_shares WHERE collection_id = c.id),
       viewer_owns_collection(c.id)
FROM collections c WHERE c.id = %(collection_id)s
"""
_KNOWN = """
SELECT f.sha256, f.id, f.filename, cf.status FROM collection_files cf JOIN files f ON f.id = cf.file_id
WHERE cf.collection_id = %(collection_id)s AND cf.superseded_by IS NULL"""
_SAME = _KNOWN + " AND f.sha256 = ANY(%(hashes)s) ORDER BY cf.added_at"
_NAMED = (
    _KNOWN
    + " AND f.filename = ANY(%(names)s) AND f.parent_id IS NULL AND cf.status = 'completed' ORDER BY cf.added_at"
)


class PostgresShelf:
    """Fulfils services.knowledge.shelf.ShelfRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, viewer: Viewer, collection_id: UUID, query: ShelfQuery) -> ShelfPage:
        values: dict[str, Any] = {
            "collection_id": collection_id,
            "queue": QUEUE,
            "status": query.status,
            "name": query.name,
            "parent_id": query.parent_id,
            "changed_since": query.changed_since,
            "offset": query.offset,
            "limit": query.limit,
        }
        wanted = _WANTED + _place(query)
        picked = _PICKED.format(wanted=wanted, order=_order(query, "cf", "f"))
        listed = f"a AS ({ATTACHED} AND cf.file_id IN (SELECT file_id FROM picked))"  # noqa: S608 - constants only
        rows = f"{_LINE}, {picked}, {listed} {_ROWS} ORDER BY {_order(query, 'a', 'a')}"
        async with self._database.viewing(viewer) as connection:
            counted = await (await connection.execute(_COUNTS, values)).fetchone()
            if counted is None:
                raise _no_collection(collection_id)
            total = await (await connection.execute(_TOTAL + wanted, values)).fetchone()
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(rows, values)
                found = tuple(map(_row, await cursor.fetchall()))
        return ShelfPage(found, total[0] if total else 0, FileCounts(*counted[:4]), counted[4])

    async def known(
        self, viewer: Viewer, collection_id: UUID, hashes: Sequence[bytes], filenames: Sequence[str]
    ) -> tuple[Sequence[KnownContent], Sequence[KnownContent]]:
        values = {"collection_id": collection_id, "hashes": list(hashes), "names": list(filenames)}
        async with self._database.viewing(viewer) as connection:
            if await (await connection.execute(_COUNTS, values)).fetchone() is None:
                raise _no_collection(collection_id)
            same = await (await connection.execute(_SAME, values)).fetchall()
            named = await (await connection.execute(_NAMED, values)).fetchall()
        return [_known(row) for row in same], [_known(row) for row in named]

    async def removal(self, viewer: Viewer, collection_id: UUID) -> RemovalPreview:
        values = {"collection_id": collection_id}
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_REMOVAL, values)).fetchone()
            if row is None:
                raise _no_collection(collection_id)
            if not row[3]:
                raise NotPermitted(Told("collection_not_own"))
            only_here = await (await connection.execute(FAMILIES, values)).fetchall()
        return RemovalPreview(
            row[0], int(row[1]), row[2], tuple(dict.fromkeys(root for root, *_ in only_here))
        )


def _place(query: ShelfQuery) -> LiteralString:
    """Which level is listed: inside of one document, the outermost, or all where something is looked for."""
    if query.parent_id is not None:
        return _INSIDE
    is_flat = query.name or query.status is not None or query.changed_since is not None
    return "" if is_flat else _OUTERMOST


def _order(query: ShelfQuery, cf: LiteralString, f: LiteralString) -> LiteralString:
    """cf, f: the names of the tables in the query that is sorted."""
    direction: LiteralString = "ASC" if query.is_ascending else "DESC"
    key = _NEXT if query.changed_since is not None else _KEYS[query.sort]
    return key.format(cf=cf, f=f, direction=direction)


def _row(row: Mapping[str, Any]) -> ShelfRow:
    own = {name: row[name] for name in _OWN}
    return ShelfRow(as_collection_file({name: row[name] for name in row if name not in own}), **own)


def _known(row: tuple[Any, ...]) -> KnownContent:
    return KnownContent(bytes(row[0]), row[1], row[2], row[3])


def _no_collection(collection_id: UUID) -> NotFound:
    return NotFound(f"No vector store has the id 'vs_{collection_id.hex}'.")
