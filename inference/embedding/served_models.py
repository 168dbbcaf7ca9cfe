"""The models of the embedding process, each behind the same few questions, wherever it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.embedding.build_minilm import ensure
from inference.embedding.engine_embedder import EngineEmbedder
from inference.embedding.joining import Joining
from inference.embedding.lanes import Lanes
from inference.embedding.model_card import ModelCard
from inference.embedding.model_folder import ModelFolder
from inference.embedding.specs import EmbeddingSpec
from inference.errors import EmbedderUnavailable
from inference.giving_way import give_way_thread

Vectors = NDArray[np.float32]


class LocalModel(Protocol):
    """A model in this process; everything blocks."""

    card: ModelCard

    def plan(self, texts: Sequence[str]) -> list[list[int]]:
        """Places of the texts that `vectors` is asked for together."""
        ...

    def vectors(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors: ...

    def count_tokens(self, text: str) -> int: ...

    def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Raises TokensRefused."""
        ...


class ServedModel(Protocol):
    """card None: it has not told what it is; problem: why, and whatever else should be known."""

    name: str
    card: ModelCard | None

    @property
    def problem(self) -> str: ...

    async def open(self) -> None:
        """Raises EmbedderUnavailable."""
        ...

    async def vectors(self, texts: Sequence[str], *, is_query: bool) -> Vectors: ...

    async def counts(self, texts: Sequence[str]) -> list[int]: ...

    async def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """What ids of its own vocabulary stand for. Raises TokensRefused."""
        ...

    async def close(self) -> None: ...


class LocalThreads:
    """Where local models run. Questions have threads of their own, so none waits for a passage; passages give way.
    Tokens are counted beside both.

    count: of each kind.
    """

    def __init__(self, count: int) -> None:
        self.questions = ThreadPoolExecutor(count, thread_name_prefix="question")
        self.passages = ThreadPoolExecutor(count, thread_name_prefix="passages", initializer=give_way_thread)
        self.counting = ThreadPoolExecutor(1, thread_name_prefix="counting", initializer=give_way_thread)
        self.asking, self.reading = Lanes(count), Lanes(count)

    def close(self) -> None:
        for pool in (self.questions, self.passages, self.counting):
            pool.shutdown(wait=False, cancel_futures=True)


class LocalServed:
    """opened: makes the model; blocks for seconds."""

    def __init__(self, name: str, opened: Callable[[], LocalModel], threads: LocalThreads) -> None:
        self.name = name
        self._opened, self._threads = opened, threads
        self._model: LocalModel | None = None
        self._failure = "It is being loaded."
        self.card: ModelCard | None = None
        self._joined = Joining(self._passages, lambda texts: self._there().plan(texts), threads.reading)

    @property
    def problem(self) -> str:
        return self._failure if self.card is None else self.card.problem

    async def open(self) -> None:
        try:
            self._model = await asyncio.to_thread(self._opened)
        except EmbedderUnavailable as error:
            self._failure = str(error)
            raise
        self.card = self._model.card

    async def vectors(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        """Passages of several callers go through the model together; a question goes by itself, and at once."""
        model = self._there()
        found = np.empty((len(texts), model.card.dimension), np.float32)
        if not is_query:
            for place, vector in enumerate(await self._joined.vectors(texts)):
                found[place] = vector
            return found
        for places in model.plan(texts):
            batch = [texts[place] for place in places]
            async with self._threads.asking.place(is_urgent=True):
                found[places] = await self._run(self._threads.questions, batch, is_query=True)
        return found

    async def _passages(self, texts: list[str]) -> Vectors:
        return await self._run(self._threads.passages, texts, is_query=False)

    async def _run(self, pool: ThreadPoolExecutor, texts: list[str], *, is_query: bool) -> Vectors:
        model, loop = self._there(), asyncio.get_running_loop()
        return await loop.run_in_executor(pool, partial(model.vectors, texts, is_query=is_query))

    async def counts(self, texts: Sequence[str]) -> list[int]:
        model, loop = self._there(), asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads.counting, lambda: [model.count_tokens(text) for text in texts]
        )

    async def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        model, loop = self._there(), asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads.counting, model.texts_of, ids)

    async def close(self) -> None:
        self._model, self.card = None, None
        self._failure = "It is not served any more."

    def _there(self) -> LocalModel:
        if self._model is None:
            raise EmbedderUnavailable(self._failure)
        return self._model


def served(spec: EmbeddingSpec, models: Path, threads: LocalThreads) -> ServedModel:
    """models: where the built-in one is built. Nothing is opened yet."""
    if spec.source == "engine":
        return EngineEmbedder(spec, time.monotonic)
    return LocalServed(spec.name or "built in", lambda: _open_local(spec, models), threads)


def _open_local(spec: EmbeddingSpec, models: Path) -> LocalModel:
    """Imports what it needs and no more."""
    if spec.source == "built_in":
        from inference.embedding.onnx_embedder import OnnxEmbedder

        model = OnnxEmbedder(ensure(models))
        if spec.device == "cuda":
            problem = (
                "The built-in model runs on the CPU: its int8 graph has no faster way on a graphics card."
            )
            model.card = replace(model.card, problem=problem)
        return model
    folder = ModelFolder(Path(spec.model), spec.query_prefix, spec.passage_prefix, spec.languages)
    if spec.source == "onnx":
        from inference.embedding.onnx_embedder import OnnxFolder

        return OnnxFolder(folder, device=spec.device, batch=spec.batch)
    from inference.embedding.sentence_transformers_embedder import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(folder, device=spec.device, batch=spec.batch)
