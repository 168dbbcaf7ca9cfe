"""The index goes over to another embedding model, on a real PostgreSQL: beside the old one, whole, in one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels
from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag.documents import Chunk, Page
from rag.embedding_models import Decision, IndexedModel, ModelsChanged, decide
from rag.reindexing import Reindexing, WantedModel
from rag.stores.pgvector import PgvectorStore
from rag.stores.second_index import SecondIndex, graph_name
from tests.library import MODEL, Library, vector_of

NEW = "new-model@2"
WIDTH = 96  # of the new model, whose vectors are another's first numbers
LEAVE = "staff have thirty days of paid leave"
TEXTS = [LEAVE, "a laptop is lent for three years", "the dock doors close at six"]


def new_vector_of(text: str) -> NDArray[np.float32]:
    """As NEW makes it."""
    vector = vector_of(f"new {text}")[:WIDTH]
    return vector / np.linalg.norm(vector)


def found_by(text: str, place: int) -> str:
    """What a passage of the library is embedded as."""
    return f"Handbook › Chapter {place}\n{text}"


@dataclass
class NewEmbedder:
    """Makes NEW's vectors, unless it is away."""

    model_id: str = NEW
    dimension: int = WIDTH
    max_tokens: int = 512
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return new_vector_of(text)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.is_away:
            raise EmbedderUnavailable("It is being moved.")
        self.asked += texts
        return np.array([new_vector_of(text) for text in texts])

    async def close(self) -> None:
        return None


@dataclass
class Source:
    """The embedding process as the reindexing sees it."""

    model_id: str = NEW
    new: NewEmbedder = field(default_factory=NewEmbedder)
    kept: list[list[str]] = field(default_factory=list)

    async def wanted(self) -> WantedModel:
        return WantedModel(self.model_id, WIDTH if self.model_id == NEW else 384, ("en",))

    def embedder(self, model_id: str) -> Embedder:
        assert model_id == NEW
        return self.new

    async def keep_only(self, model_ids: Sequence[str]) -> None:
        self.kept.append(list(model_ids))


@dataclass
class Shelf:
    """A library with three passages of the old model, and what brings its index on."""

    library: Library
    index: SecondIndex
    source: Source
    viewer: Viewer
    collection: UUID
    file: UUID
    models: FollowedModels

    def reindexing(self, **more: Any) -> Reindexing:
        return Reindexing(self.index, self.source, grace_s=0.0, **more)

    async def until(self, did: str, **more: Any) -> list[str]:
        """Steps until one did that; a new Reindexing each time, as after a crash."""
        done: list[str] = []
        while not done or done[-1] != did:
            done.append(await self.reindexing(**more).step())
            assert len(done) < 50, done
        return done

    async def states(self) -> Mapping[str, str]:
        return {model.model_id: model.state for model in await self.index.models()}

    async def dense(self, model: str, vector: NDArray[np.float32]) -> list[tuple[int, float]]:
        scope = self.library.scope(self.viewer, self.collection)
        return await self.library.store.dense(scope, model, vector, 10)

    async def add(self, text: str, **also: NDArray[np.float32]) -> UUID:
        """A document of one passage by the old model, and by others."""
        file = await self.library.file(self.viewer)
        chunk = Chunk(0, text, 1, 0, len(text), ("Handbook", "Chapter 0"), "en")
        scope = self.library.worker.scope(self.viewer, [self.collection])
        vectors = np.array([vector_of(text)])
        await self.library.store.add(
            scope,
            file,
            self.collection,
            MODEL,
            [Page(1, text)],
            [chunk],
            [{"word": 1}],
            vectors,
            dict(also) or None,
        )
        return file


@pytest.fixture
async def shelf(
    worker_database: Database, database: Database, maintenance_database: Database, owner_url: str
) -> Shelf:
    """Three passages that an earlier version has indexed: the index knows of no model yet."""
    viewer = Viewer(uuid4())
    library = Library(worker_database, database, PgvectorStore())
    collection, file = await library.collection(viewer), await library.file(viewer)
    await library.index(viewer, file, collection, TEXTS)
    index = SecondIndex(maintenance_database.transaction, owner_url)
    return Shelf(library, index, Source(), viewer, collection, file, FollowedModels(database))


async def test_the_second_index_grows_beside_the_first_and_takes_over(shelf: Shelf) -> None:
    """Until the moment of the switch search finds by the old vectors; from then on by the new ones; then the old go."""
    assert await shelf.reindexing().step() == "adopted"
    assert await shelf.states() == {MODEL: "active", NEW: "building"}

    before = await shelf.until("indexed")
    assert len(await shelf.dense(MODEL, vector_of(LEAVE))) == 3
    await shelf.until("switched")
    await shelf.models.look()

    assert "embedded" in before
    assert shelf.models.active == NEW
    found = await shelf.dense(NEW, new_vector_of(found_by(LEAVE, 0)))
    assert found[0][1] == pytest.approx(1.0, abs=1e-3)
    assert len(await shelf.dense(MODEL, vector_of(LEAVE))) == 3, "others may still search with the old one"
    await shelf.until("nothing")
    assert await shelf.dense(MODEL, vector_of(LEAVE)) == []
    assert await shelf.states() == {NEW: "active"}
    assert shelf.source.kept == [[NEW]]


async def test_nothing_is_embedded_twice_after_a_crash(shelf: Shelf) -> None:
    """Whoever is killed between two batches goes on where they were: what was written is not made again."""
    await shelf.until("switched", batch=1)

    assert sorted(shelf.source.new.asked) == sorted(found_by(text, i) for i, text in enumerate(TEXTS))


async def test_documents_that_come_meanwhile_are_found_before_and_after(shelf: Shelf) -> None:
    """One with both models' vectors, and one whose new vectors could not be had: the switch waits for those."""
    await shelf.until("indexed")
    await shelf.add("both", **{NEW: np.array([new_vector_of("both")])})
    await shelf.add("only the old")
    for text in ("both", "only the old"):
        assert (await shelf.dense(MODEL, vector_of(text)))[0][1] == pytest.approx(1.0, abs=1e-3)
    assert not await shelf.index.switch(NEW)

    await shelf.until("switched")

    assert (await shelf.dense(NEW, new_vector_of("both")))[0][1] == pytest.approx(1.0, abs=1e-3)
    late = new_vector_of(found_by("only the old", 0))
    assert (await shelf.dense(NEW, late))[0][1] == pytest.approx(1.0, abs=1e-3)


async def test_a_document_that_missed_the_switch_is_not_written(shelf: Shelf) -> None:
    """Embedded before and stored after it, with the old vectors alone, it would never be found: it is refused whole."""
    await shelf.until("switched")

    with pytest.raises(ModelsChanged):
        await shelf.add("too late")

    scope = shelf.library.scope(shelf.viewer, shelf.collection)
    assert await shelf.library.store.frequencies(scope, ["word"]) == (3, {})


async def test_a_copy_made_meanwhile_is_completed(shelf: Shelf) -> None:
    """A document copied before its turn has only the old vectors; the switch waits until the copy has its own."""
    await shelf.reindexing().step()
    other = await shelf.library.collection(shelf.viewer)
    await shelf.until("indexed")
    async with shelf.library.worker.viewing(shelf.viewer) as connection:
        await connection.execute("DELETE FROM embeddings WHERE model_id = %s", (NEW,))
    scope = shelf.library.worker.scope(shelf.viewer, [shelf.collection, other])
    await shelf.library.store.copy(scope, shelf.file, shelf.collection, other)

    assert not await shelf.index.switch(NEW)
    await shelf.until("switched")

    found = await shelf.library.store.dense(
        shelf.library.scope(shelf.viewer, other), NEW, new_vector_of(found_by(LEAVE, 0)), 10
    )
    assert len(found) == 3


async def test_by_hand_it_waits_for_the_word(shelf: Shelf) -> None:
    """With `switch = "by_hand"` all is made ready, and nothing goes over until somebody says so."""
    did = await shelf.until("waits", by_hand=True)
    await shelf.models.look()
    assert "switched" not in did and shelf.models.active == MODEL

    assert await shelf.models.allow_switch()

    assert (await shelf.until("switched", by_hand=True))[-1] == "switched"


async def test_an_engine_that_is_away_is_told_and_waited_for(shelf: Shelf) -> None:
    """The reason stands beside the model until it answers again; search goes on with the old one."""
    await shelf.reindexing().step()
    shelf.source.new.is_away = True

    with pytest.raises(EmbedderUnavailable):
        await shelf.reindexing().step()
    await shelf.models.look()
    told = {model.model_id: model.problem for model in shelf.models.models}
    shelf.source.new.is_away = False
    await shelf.until("switched")

    assert "It is being moved." in told[NEW]
    assert {model.problem for model in await shelf.index.models()} == {""}


async def test_who_changes_their_mind_keeps_the_old_index(shelf: Shelf) -> None:
    """Back to the old model before the switch: what was made of the new one goes, the old one was never touched."""
    await shelf.until("indexed")
    shelf.source.model_id = MODEL

    await shelf.until("nothing")

    assert await shelf.states() == {MODEL: "active"}
    assert len(await shelf.dense(MODEL, vector_of(LEAVE))) == 3
    assert await shelf.dense(NEW, new_vector_of(LEAVE)) == []


async def test_the_new_model_has_a_graph_of_its_own(shelf: Shelf, owner_url: str) -> None:
    """Built without holding anybody up; what a killed builder left behind, invalid, is built again."""
    await shelf.reindexing().step()
    (building,) = [model for model in await shelf.index.models() if model.state == "building"]
    await shelf.index.build_graph(building)
    name = graph_name(NEW)
    import psycopg

    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", (name,))
        assert not await shelf.index.has_graph(building)
        await shelf.until("switched")
        (definition,) = connection.execute("SELECT pg_get_indexdef(%s::regclass)", (name,)).fetchone() or (
            "",
        )

    assert await shelf.index.has_graph(building)
    assert "hnsw" in definition and NEW in definition and f"halfvec({WIDTH})" in definition


async def test_progress_is_told_by_collection(shelf: Shelf) -> None:
    """How many of each collection's passages have the new vectors, to whoever may read numbers only."""
    await shelf.until("indexed")

    (told,) = await shelf.models.progress(NEW)

    assert (told.collection_id, told.chunks, told.done) == (shelf.collection, 3, 3)


def test_what_is_to_be_done_is_decided_without_looking() -> None:
    """Every case: a new box, an older index, a change, a change of mind, and nothing to do."""
    old = IndexedModel("a", 384, "active")
    building = IndexedModel("b", 96, "building")

    assert decide([], "a", None) == Decision(adopt="a")
    assert decide([], "b", "a") == Decision(adopt="a", begin="b")
    assert decide([old], "b", None) == Decision(begin="b")
    assert decide([old, building], "b", None) == Decision()
    assert decide([old, building], "c", None) == Decision(begin="c", give_up=("b",))
    assert decide([old, building], "a", None) == Decision(give_up=("b",))
    assert decide([old], "a", None) == Decision()
