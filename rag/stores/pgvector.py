"""The index in PostgreSQL: vectors by pgvector, words by our own postings, one transaction a document.

Every statement filters by the scope's collections; row-level security of the scope's connection stands below that.
Few visible chunks are searched exactly, many by the HNSW graph. The SQL is in pgvector.sql.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, LiteralString, cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rag.documents import Anchor, Chunk, Page, Passage, content_hash
from rag.embedding_models import ModelsChanged
from rag.exact import Exact
from rag.filters import Filter
from rag.ports import InMemory, Scope
from rag.stores.attribute_filter import as_sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection

_ROWS_PER_STATEMENT = 20_000
_VECTORS_PER_STATEMENT = 500
_SURROGATES = re.compile("[\ud800-\udfff]")


class PgvectorStore:
    """Fulfils rag.ports.VectorStore.

    exact_below: visible chunks up to which every vector is compared (30 ms for 50,000 x 384 on one core).
    ef_search: breadth of the graph search. max_scan_tuples: rows it may look at until enough visible ones are found.
    rare_postings: of the question's rarest terms that are read in full; they say which passages come into question.
    completed: of those, how many are scored by the common terms as well.
    """

    def __init__(
        self,
        *,
        exact_below: int = 20_000,
        ef_search: int = 200,
        max_scan_tuples: int = 200_000,
        rare_postings: int = 30_000,
        completed: int = 400,
    ) -> None:
        self._exact_below = exact_below
        self._rare_postings = rare_postings
        self._completed = completed
        self._settings = {"ef_search": str(ef_search), "max_scan_tuples": str(max_scan_tuples)}
        self._queries = named_queries("pgvector.sql")

    async def add(
        self,
        scope: Scope,
        file_id: UUID,
        collection_id: UUID,
        model_id: str,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        terms: Sequence[Mapping[str, int]],
        vectors: NDArray[np.float32],
        also: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        async with self._changing(scope, file_id, collection_id) as change:
            written = await change.written_models({model_id: vectors, **(also or {})})
            await change.remove()
            await change.add_pages(pages)
            ids = await change.add_chunks(chunks, terms)
            for one, its_vectors in written.items():
                await change.add_vectors(ids, one, its_vectors)
            await change.add_terms(ids, terms)

    async def remove(self, scope: Scope, file_id: UUID, collection_id: UUID) -> int:
        async with self._changing(scope, file_id, collection_id) as change:
            return await change.remove()

    async def copy(self, scope: Scope, file_id: UUID, from_collection: UUID, to_collection: UUID) -> int:
        if from_collection == to_collection:
            raise ValueError("a document cannot be copied onto itself")
        async with self._changing(scope, file_id, to_collection) as change:
            await change.run("hold_models")
            await change.remove()
            return await change.copy_from(from_collection)

    async def known_vectors(
        self, scope: Scope, model_id: str, hashes: Sequence[bytes]
    ) -> Mapping[bytes, NDArray[np.float32]]:
        values = {"collection_ids": list(scope.collection_ids), "model_id": model_id, "hashes": list(hashes)}
        async with scope.connection() as connection:
            rows = await connection.execute(self._query("known_vectors"), values)
            return {bytes(found): np.array(vector, np.float32) for found, vector in await rows.fetchall()}

    async def retire(self, scope: Scope, file_id: UUID, collection_id: UUID) -> int:
        async with self._changing(scope, file_id, collection_id) as change:
            return await change.remove_chunks()

    async def share_pages(self, scope: Scope, file_id: UUID, collection_id: UUID, like: UUID) -> int:
        async with self._changing(scope, file_id, collection_id) as change:
            await change.remove()
            return await change.run("share_pages", like=like)

    async def hand_over(self, scope: Scope, file_id: UUID, collection_id: UUID, heir: UUID) -> int:
        async with self._changing(scope, file_id, collection_id) as change:
            return await change.run("hand_over", heir=heir)

    async def in_memory(
        self, scope: Scope, collection_id: UUID, file_id: UUID | None = None
    ) -> InMemory | None:
        return None  # nothing is held beside the truth

    def let_go(self, held: InMemory) -> None:
        pass

    async def dense(
        self,
        scope: Scope,
        model_id: str,
        vector: NDArray[np.float32],
        limit: int,
        only: Filter | None = None,
    ) -> list[tuple[int, float]]:
        condition, values = _narrowed(only)
        values |= {"collection_ids": list(scope.collection_ids), "model_id": model_id, "limit": limit}
        async with scope.connection() as connection:
            count = self._query("count_visible" if only is None else "count_matching")
            counted = await connection.execute(count.replace("{only}", condition), values)
            (visible,) = await counted.fetchone() or (0,)
            how = "dense_exactly" if visible <= self._exact_below else "dense_by_index"
            await connection.execute(self._query("search_settings"), self._settings)
            query = self._query(how).replace("{dimension}", str(len(vector)))
            query = query.replace("{only}", self._only(condition, "chunk_id"))
            rows = await connection.execute(query, values | {"vector": halfvec(vector)})
            return [(int(chunk), float(cosine)) for chunk, cosine in await rows.fetchall()]

    async def lexical(
        self, scope: Scope, terms: Sequence[str], limit: int, only: Filter | None = None
    ) -> list[tuple[int, float]]:
        condition, values = _narrowed(only)
        values |= {"collection_ids": list(scope.collection_ids), "terms": sorted(set(terms)), "limit": limit}
        values |= {"rare_postings": self._rare_postings, "completed": max(self._completed, 2 * limit)}
        query = self._query("lexical").replace("{only}", self._only(condition, "p.chunk_id"))
        async with scope.connection() as connection:
            rows = await connection.execute(query, values)
            return [(int(chunk), float(score)) for chunk, score in await rows.fetchall()]

    async def holding(
        self, scope: Scope, strings: Sequence[Exact], limit: int, only: Filter | None = None
    ) -> list[list[int]]:
        condition, values = _narrowed(only)
        values |= {"collection_ids": list(scope.collection_ids), "limit": limit}
        query = self._query("holding").replace("{only}", self._only(condition, "c.id"))
        found: list[list[int]] = []
        async with scope.connection() as connection:
            for string in strings:
                chunks: set[int] = set()
                for terms in string.term_sets:
                    wanted = values | {"pattern": string.pattern, "terms": list(terms), "count": len(terms)}
                    rows = await connection.execute(query, wanted)
                    chunks |= {int(chunk) for (chunk,) in await rows.fetchall()}
                found.append(sorted(chunks)[:limit])
        return found

    async def surroundings(self, scope: Scope, chunk_ids: Sequence[int], reach: int) -> list[Passage]:
        values = {"collection_ids": list(scope.collection_ids), "ids": list(chunk_ids), "reach": reach}
        async with scope.connection() as connection:
            rows = await connection.execute(self._query("surroundings"), values)
            return [_passage(row) for row in await rows.fetchall()]

    async def frequencies(self, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        values = {"collection_ids": list(scope.collection_ids), "terms": sorted(set(terms))}
        async with scope.connection() as connection:
            rows = await connection.execute(self._query("frequencies"), values)
            count, frequencies = await rows.fetchone() or (0, {})
            return int(count), frequencies

    async def passages(self, scope: Scope, chunk_ids: Sequence[int]) -> list[Passage]:
        values = {"collection_ids": list(scope.collection_ids), "ids": list(chunk_ids)}
        async with scope.connection() as connection:
            rows = await connection.execute(self._query("passages"), values)
            return [_passage(row) for row in await rows.fetchall()]

    async def page_text(self, scope: Scope, file_id: UUID, number: int | None) -> str | None:
        values = {"collection_ids": list(scope.collection_ids), "file_id": file_id, "number": number}
        async with scope.connection() as connection:
            row = await (await connection.execute(self._query("page_text"), values)).fetchone()
            return None if row is None else str(row[0])

    async def page(self, scope: Scope, file_id: UUID, number: int | None) -> Page | None:
        values = {"collection_ids": list(scope.collection_ids), "file_id": file_id, "number": number}
        async with scope.connection() as connection:
            row = await (await connection.execute(self._query("page"), values)).fetchone()
        if row is None:
            return None
        found, text, unit, label, anchors = row
        placed = tuple(
            Anchor(start, end, ref, tuple(box) if box else None) for start, end, ref, box in anchors
        )
        return Page(found, text, unit=unit, label=label, anchors=placed)

    def _query(self, name: str) -> LiteralString:
        return self._queries[name]

    def _matching(self, only: Filter) -> tuple[LiteralString, dict[str, Any]]:
        """The statement that names the passages of files that fulfil it, and its parameters but the collections."""
        condition, values = _narrowed(only)
        return self._query("matching").replace("{only}", condition), values

    def _only(self, condition: LiteralString, column: LiteralString) -> LiteralString:
        """What a search adds to its WHERE; nothing where it is not narrowed."""
        if not condition:
            return ""
        return "AND " + column + " IN (" + self._query("matching").replace("{only}", condition) + ")"

    @asynccontextmanager
    async def _changing(self, scope: Scope, file_id: UUID, collection_id: UUID) -> AsyncIterator[_Change]:
        """The scope's transaction, after the other writers of this collection."""
        async with scope.connection() as connection:
            change = _Change(connection, self._queries, file_id, collection_id)
            await change.run("lock_totals")
            yield change


@dataclass(frozen=True, slots=True)
class _Change:
    """The steps of changing one document in one collection, within one transaction."""

    connection: AsyncConnection
    queries: Mapping[str, LiteralString]
    file_id: UUID
    collection_id: UUID

    async def run(self, query: str, **values: Any) -> int:  # noqa: ANN401 - whatever the statement takes
        """Returns how many rows it touched."""
        defaults = {"file_id": self.file_id, "collection_id": self.collection_id}
        return (await self.connection.execute(self.queries[query], defaults | values)).rowcount

    async def remove(self) -> int:
        if not await self.run("is_there"):
            return 0
        chunks = await self.remove_chunks()
        await self.run("remove_pages")
        return chunks

    async def remove_chunks(self) -> int:
        removed = await self.connection.execute(
            self.queries["remove_postings"], {"file_id": self.file_id, "collection_id": self.collection_id}
        )
        (length,) = await removed.fetchone() or (0,)
        await self.run("lower_frequencies")
        chunks = await self.run("remove_chunks")
        await self.run("raise_totals", chunks=-chunks, length=-length)
        return chunks

    async def copy_from(self, source: UUID) -> int:
        values = {"file_id": self.file_id, "collection_id": self.collection_id, "source": source}
        copied = await self.connection.execute(self.queries["copy"], values)
        (chunks,) = await copied.fetchone() or (0,)
        return int(chunks)

    async def written_models(
        self, given: Mapping[str, NDArray[np.float32]]
    ) -> Mapping[str, NDArray[np.float32]]:
        """Of the given ones those that the index has. Raises ModelsChanged where none of them will do any more.

        What a model that is being built lacks, it gets before search goes over to it.
        """
        await self.run("hold_models")
        rows = await self.connection.execute(self.queries["written_models"])
        states: dict[str, str] = dict(await rows.fetchall())
        if not states:
            return given
        if not any(states.get(one) in ("active", "building") for one in given):
            raise ModelsChanged
        return {one: vectors for one, vectors in given.items() if one in states}

    async def add_pages(self, pages: Sequence[Page]) -> None:
        await self.run(
            "add_pages",
            numbers=[page.number for page in pages],
            texts=[_text(page.text) for page in pages],
            units=[page.unit for page in pages],
            labels=[_text(page.label) for page in pages],
            anchors=[_packed_anchors(page.anchors) for page in pages],
        )

    async def add_chunks(self, chunks: Sequence[Chunk], terms: Sequence[Mapping[str, int]]) -> list[int]:
        """Returns the new ids in the order of `chunks`."""
        values = {
            "file_id": self.file_id,
            "collection_id": self.collection_id,
            "ordinals": [chunk.ordinal for chunk in chunks],
            "pages": [chunk.page for chunk in chunks],
            "starts": [chunk.start for chunk in chunks],
            "ends": [chunk.end for chunk in chunks],
            "headings": [json.dumps([_text(heading) for heading in chunk.headings]) for chunk in chunks],
            "languages": [chunk.language for chunk in chunks],
            "texts": [_text(chunk.text) for chunk in chunks],
            "terms": [json.dumps(sorted(counts)) for counts in terms],
            "refs": [_text(chunk.ref) for chunk in chunks],
            "hashes": [content_hash(chunk) for chunk in chunks],
        }
        rows = await self.connection.execute(self.queries["add_chunks"], values)
        by_ordinal: dict[int, int] = dict(await rows.fetchall())
        return [by_ordinal[chunk.ordinal] for chunk in chunks]

    async def add_vectors(self, ids: Sequence[int], model_id: str, vectors: NDArray[np.float32]) -> None:
        for part in _parts(len(ids), _VECTORS_PER_STATEMENT):
            await self.run(
                "add_embeddings",
                ids=list(ids[part]),
                model_id=model_id,
                dimension=vectors.shape[1],
                vectors=[halfvec(vector) for vector in vectors[part]],
            )

    async def add_terms(self, ids: Sequence[int], terms: Sequence[Mapping[str, int]]) -> None:
        lengths = [sum(counts.values()) for counts in terms]
        postings = sorted(
            (term, chunk, tf, length)
            for chunk, counts, length in zip(ids, terms, lengths, strict=True)
            for term, tf in counts.items()
        )
        for part in _parts(len(postings), _ROWS_PER_STATEMENT):
            words, chunks, tfs, sizes = (list(column) for column in zip(*postings[part], strict=True))
            await self.run("add_postings", terms=words, ids=chunks, tfs=tfs, lengths=sizes)
        frequencies = sorted(Counter(term for counts in terms for term in counts).items())
        await self.run(
            "raise_frequencies", terms=[term for term, _ in frequencies], dfs=[df for _, df in frequencies]
        )
        await self.run("raise_totals", chunks=len(ids), length=sum(lengths))


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


def _narrowed(only: Filter | None) -> tuple[LiteralString, dict[str, Any]]:
    """The condition with its parameters; an empty one for no filter."""
    return ("", {}) if only is None else as_sql(only)


def halfvec(vector: NDArray[np.float32]) -> str:
    """As pgvector writes it."""
    return "[" + ",".join(map(str, vector.astype(np.float16).tolist())) + "]"


def _text(text: str) -> str:
    """What PostgreSQL cannot hold becomes U+FFFD, one for one, so that offsets stay right."""
    return _SURROGATES.sub("\ufffd", text.replace("\x00", "\ufffd"))


def _passage(row: Sequence[Any]) -> Passage:
    chunk, file_id, filename, collection_id, text, page, start, end, headings, language, unit, label, ref = (
        row
    )
    return Passage(
        chunk_id=chunk,
        file_id=file_id,
        filename=filename,
        collection_id=collection_id,
        text=text,
        page=page,
        start=start,
        end=end,
        headings=tuple(headings),
        language=language,
        unit=unit,
        label=label,
        ref=ref,
    )


def _packed_anchors(anchors: Sequence[Anchor]) -> str:
    return json.dumps(
        [[a.start, a.end, _text(a.ref), a.box and [round(share, 4) for share in a.box]] for a in anchors]
    )


def named_queries(file: str) -> dict[str, LiteralString]:
    """A .sql file of this folder by the names in its `-- name:` lines."""
    text = (resources.files("rag.stores") / file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {
        name: cast(LiteralString, body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
