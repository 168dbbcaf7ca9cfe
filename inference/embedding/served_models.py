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

    async def close(self) -> None: ...


class LocalThreads:
    """Where local models run. Questions have threads of their own, so none waits for a passage; passages give way.

    count: of each kind.
    """

    def __init__(self, count: int) -> None:
        self.questions = ThreadPoolExecutor(count, thread_name_prefix="question")
        self.passages = ThreadPoolExecutor(count, thread_name_prefix="passages", initializer=give_way_thread)
        self.asking, self.reading = Lanes(count), Lanes(count)

    def close(self) -> None:
        for pool in (self.questions, self.passages):
            pool.shutdown(wait=False, cancel_futures=True)


class LocalServed:
    """opened: makes the model; blocks for seconds."""

    def __init__(self, name: str, opened: Callable[[], LocalModel], threads: LocalThreads) -> None:
        self.name = name
        self._opened, self._threads = opened, threads
        self._model: LocalModel | None = None
        self._failure = "It is being loaded."
        self.card: ModelCard | None = None

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
        model, loop = self._there(), asyncio.get_running_loop()
        found = np.empty((len(texts), model.card.dimension), np.float32)
        pool = self._threads.questions if is_query else self._threads.passages
        lanes = self._threads.asking if is_query else self._threads.reading
        for places in model.plan(texts):
            batch = [texts[place] for place in places]
            async with lanes.place(is_urgent=is_query):
                found[places] = await loop.run_in_executor(
                    pool, partial(model.vectors, batch, is_query=is_query)
                )
        return found

    async def counts(self, texts: Sequence[str]) -> list[int]:
        model, loop = self._there(), asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads.questions, lambda: [model.count_tokens(t) for t in texts]
        )

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
