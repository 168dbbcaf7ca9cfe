"""The list of models may change while the process runs: what is new in it is loaded beside the others, then wanted.

Nobody waits meanwhile: whoever asks for a model by its id gets it, and the first one stays first until the new one is
open. What leaves the list is not dropped here; that is said by frame, once nobody's vectors are of it any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from inference.embedding.served_models import ServedModel
from inference.embedding.specs import EmbeddingSpec, is_same, read_specs
from inference.errors import EmbedderUnavailable

log = logging.getLogger("inference.embedding")
_LOOK_S = 1.0


class Taking(Protocol):
    """Whoever answers with the models."""

    def want(self, model: ServedModel) -> None:
        """It is the first from now on."""
        ...

    def serves(self, model: ServedModel) -> bool: ...


class FollowedSpecs:
    """specs: the file. served: what is served already, in its order. make: a model that is not open yet."""

    def __init__(
        self,
        specs: Path,
        served: Sequence[tuple[EmbeddingSpec, ServedModel]],
        make: Callable[[EmbeddingSpec], ServedModel],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path, self._served, self._make, self._sleep = specs, list(served), make, sleep
        self._failed: EmbeddingSpec | None = None

    async def follow(self, server: Taking) -> None:
        """Until cancelled."""
        while True:
            await self._sleep(_LOOK_S)
            try:
                specs = await asyncio.to_thread(read_specs, self._path)
            except (OSError, ValueError):
                continue  # it is being written, or somebody spoilt it: what is served stays
            if specs:
                await self._take(specs[0], server)

    async def _take(self, wanted: EmbeddingSpec, server: Taking) -> None:
        if wanted == self._failed:
            return
        self._served = [(spec, model) for spec, model in self._served if server.serves(model)]
        known = next((model for spec, model in self._served if is_same(spec, wanted)), None)
        if known is None:
            known = self._make(wanted)
            try:
                await known.open()
            except EmbedderUnavailable as error:
                log.warning("%s cannot be used: %s", known.name, error)
                self._failed = wanted
                return
            self._served.append((wanted, known))
        self._failed = None
        server.want(known)
