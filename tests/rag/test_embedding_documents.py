"""Passages on their way to vectors: of like length together, by every model of the index, around one that is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from rag.analysis import Analyzer
from rag.documents import Block, Page, ParsedDocument
from rag.embedding_models import ModelsChanged
from rag.indexing import Indexing
from rag.ports import Scope
from rag.settings import ChunkingSettings

SCOPE = cast(Scope, None)  # the store below has no rows to hide


@dataclass
class Model:
    """Vectors that count a text's characters, unless it is away."""

    model_id: str
    dimension: int = 2
    max_tokens: int = 256
    is_away: bool = False
    asked: list[list[str]] = field(default_factory=list)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return (await self.embed_passages([text]))[0]  # type: ignore[no-any-return]

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.is_away:
            raise EmbedderUnavailable(f"{self.model_id} is away")
        self.asked.append(list(texts))
        return np.array([[len(text), 1] for text in texts], np.float32)

    async def close(self) -> None:
        return None


@dataclass
class Store:
    """Keeps what it is given; may say a few times that search has gone over to another model."""

    changes: int = 0
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    async def known_vectors(self, *_: object) -> Mapping[bytes, NDArray[np.float32]]:
        return {}

    async def add(self, *given: Any, also: Mapping[str, NDArray[np.float32]] | None = None) -> None:
        if self.changes:
            self.changes -= 1
            raise ModelsChanged
        _scope, _file, _collection, model_id, _pages, chunks, _terms, vectors = given
        self.vectors = {model_id: vectors, **(also or {})}
        self.texts = [chunk.text for chunk in chunks]


def document(count: int) -> ParsedDocument:
    """Paragraphs of very different lengths, each a passage of its own."""
    pages = []
    for number in range(1, count + 1):
        text = f"Paragraph {number}. " + "word " * (number * 37 % 150)
        pages.append(Page(number, text, (Block("paragraph", 0, len(text)),)))
    return ParsedDocument("text/plain", tuple(pages))


async def index(store: Store, *models: Model, count: int = 90) -> list[tuple[int, int]]:
    """Index such a document with these models; returns what its progress said."""
    said: list[tuple[int, int]] = []

    async def embedders() -> Sequence[Model]:
        return models

    async def progress(done: int, total: int) -> None:
        said.append((done, total))

    indexing = Indexing(store, models[0], Analyzer(["en"]), ChunkingSettings(), embedders=embedders)
    await indexing.index(uuid4(), document(count), SCOPE, uuid4(), progress)
    return said


async def test_texts_of_like_length_go_together_and_each_keeps_its_vector() -> None:
    """Longest first in batches of bounded size; whatever the order, every passage has its own vector."""
    store, model = Store(), Model("a@1")

    said = await index(store, model)

    lengths = [len(text) for batch in model.asked for text in batch]
    assert lengths == sorted(lengths, reverse=True)
    assert len(model.asked) > 1 and all(sum(map(len, batch)) <= 32_000 for batch in model.asked)
    assert store.vectors["a@1"][:, 0].tolist() == [len(text) for text in store.texts]
    assert said[-1] == (len(store.texts), len(store.texts))


async def test_every_model_of_the_index_gets_its_vectors() -> None:
    """Two models, one document: both sets of vectors are stored at once, and the progress is of both."""
    store, old, new = Store(), Model("old@1"), Model("new@2")

    said = await index(store, old, new, count=5)

    assert set(store.vectors) == {"old@1", "new@2"}
    assert said[-1] == (2 * len(store.texts), 2 * len(store.texts))


@pytest.mark.parametrize("away", ["old@1", "new@2"])
async def test_one_model_that_is_away_does_not_hold_a_document_up(away: str) -> None:
    """It is stored with the other one's vectors, which is enough to find it."""
    store = Store()
    models = [Model(name, is_away=name == away) for name in ("old@1", "new@2")]

    await index(store, *models, count=3)

    assert set(store.vectors) == {"old@1", "new@2"} - {away}


async def test_without_any_model_the_document_waits() -> None:
    """Nothing is stored; the reason is the first model's."""
    store = Store()

    with pytest.raises(EmbedderUnavailable, match="old@1 is away"):
        await index(store, Model("old@1", is_away=True), Model("new@2", is_away=True))

    assert not store.vectors


async def test_a_document_that_misses_a_switch_is_embedded_again() -> None:
    """Once more, and stored; but not for ever."""
    store, model = Store(changes=1), Model("a@1")

    await index(store, model, count=2)

    assert len(model.asked) == 2 and set(store.vectors) == {"a@1"}
    with pytest.raises(EmbedderUnavailable):
        await index(Store(changes=100), Model("a@1"), count=1)
