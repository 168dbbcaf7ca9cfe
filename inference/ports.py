"""What `inference` offers to the rooms above; engines, embedders and transcribers fulfil these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inference.speech.types import SpeechFile, SpeechPart, SpeechWish
from inference.types import ChatChunk, EngineLoad, EngineRequest, EngineResponse, ModelInfo, PromptCount


class ChatEngine(Protocol):
    """One running language-model server, spoken to over HTTP."""

    name: str

    async def models(self) -> list[ModelInfo]:
        """Ask what it serves. Raises EngineUnavailable."""
        ...

    def relay(self, request: EngineRequest) -> AbstractAsyncContextManager[EngineResponse]:
        """Pass the request on and the answer's bytes back; leaving the context closes the engine's request.

        Raises EngineUnavailable (nothing was sent back yet), EngineRefused (the engine's own 4xx or 5xx).
        """
        ...

    def stream(self, request: EngineRequest) -> AsyncIterator[ChatChunk]:
        """The same, parsed: text as it comes. Built on relay. Close the iterator to stop the engine."""
        ...

    async def load(self) -> EngineLoad:
        """How busy it is. Raises EngineUnavailable."""
        ...

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Tokens of text as the model counts them, its special ones left out; None where the server cannot tell."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class CountsPrompts(Protocol):
    """An engine that can tell before how long a request's prompts are."""

    async def count_prompt(self, request: EngineRequest) -> PromptCount | None:
        """`payload["model"]` is its own name. None where it cannot tell, or not now. Makes no token, takes no slot."""
        ...


class Embedder(Protocol):
    """Turns texts into unit vectors. Vectors of different model ids must never meet in one index."""

    @property
    def model_id(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """One question -> (dimension,). Goes before passages that wait."""
        ...

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """n passages -> (n, dimension). Text beyond max_tokens is not seen by the model."""
        ...

    async def close(self) -> None: ...


class Transcriber(Protocol):
    """Hears recordings: a file of whatever format a phone records becomes text with times."""

    @property
    def model_id(self) -> str:
        """The model's name, as /v1/models lists it. Raises SpeechNotInstalled, SpeechUnavailable."""
        ...

    async def measure(self, audio: Path) -> SpeechFile:
        """Look at its header only. Raises AudioRefused, SpeechUnavailable, SpeechNotInstalled."""
        ...

    def transcribe(self, audio: Path, wish: SpeechWish) -> AsyncIterator[SpeechPart]:
        """Parts as they are heard: SpeechHeader once before the first SpeechSegment, segments in order of time,
        SpeechProgress every few seconds of recording, SpeechEnd last. A file without speech: no header, no segment.

        Memory does not grow with the recording. Close the iterator to stop: the work ends within one piece (30 s).
        Raises AudioRefused (the file; nothing else will help), SpeechUnavailable (ask again), SpeechNotInstalled,
        LanguageUnknown.
        """
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Pinnable(Protocol):
    """An embedder whose model may change between two calls."""

    def pinned(self) -> Embedder:
        """One whose model stays."""
        ...


def pinned(embedder: Embedder) -> Embedder:
    """The embedder for one answer: all its vectors are of one model."""
    return embedder.pinned() if isinstance(embedder, Pinnable) else embedder
