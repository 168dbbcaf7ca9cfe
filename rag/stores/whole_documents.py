"""A whole document as it was read, from the index in PostgreSQL: what a summary is made from."""

from __future__ import annotations

from uuid import UUID

from rag.documents import Page, Passage, WholeDocument
from rag.ports import Scope

_FILENAME = "SELECT filename FROM files WHERE id = %(file_id)s"
_PAGES = """
SELECT number, text, unit, label FROM pages
WHERE file_id = %(file_id)s AND collection_id = ANY(%(collection_ids)s) ORDER BY collection_id, ordinal
"""
_PASSAGES = """
SELECT id, collection_id, text, page, start_offset, end_offset, headings, language, ref FROM chunks
WHERE file_id = %(file_id)s AND collection_id = ANY(%(collection_ids)s) ORDER BY collection_id, ordinal
"""


class WholeDocuments:
    """Reads documents whole; scope holds one collection, so that nothing comes twice."""

    async def read(self, scope: Scope, file_id: UUID) -> WholeDocument | None:
        """None: there is no such document to be seen. One that has not been read yet has no pages."""
        values = {"file_id": file_id, "collection_ids": list(scope.collection_ids)}
        async with scope.connection() as connection:
            named = await (await connection.execute(_FILENAME, values)).fetchone()
            if named is None:
                return None
            pages = [
                Page(number, text, (), unit, label)
                for number, text, unit, label in await (await connection.execute(_PAGES, values)).fetchall()
            ]
            rows = await (await connection.execute(_PASSAGES, values)).fetchall()
        by_number = {page.number: page for page in pages}
        passages = []
        for chunk_id, collection_id, text, number, start, end, headings, language, ref in rows:
            page = by_number.get(number)
            passages.append(
                Passage(
                    chunk_id,
                    file_id,
                    named[0],
                    collection_id,
                    text,
                    number,
                    start,
                    end,
                    tuple(headings),
                    language,
                    page.unit if page else "page",
                    page.label if page else "",
                    ref,
                )
            )
        return WholeDocument(file_id, named[0], tuple(pages), tuple(passages))
