"""An engine's `/v1/embeddings` as the embedder: vLLM, llama.cpp, Ollama, or anything that speaks OpenAI's API.

Its dimension is learned from its first answer. While it is away nobody waits for it: everybody is told at once, and it
is tried again after pauses that grow.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import numpy as np
from numpy.typing import NDArray

from inference.egress import Neighbours
from inference.embedding.batching import batches
from inference.embedding.model_card import ModelCard
from inference.embedding.pooling import unit
from inference.embedding.refusals import TokensRefused
from inference.embedding.specs import EmbeddingSpec
from inference.errors import EmbedderUnavailable

_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TOO_LONG = {400, 413, 422, 500}  # how servers refuse a text that does not fit their context
_SHORTEST = 200  # characters below which a refused text is not cut any further
_AT_ONCE = 2  # requests with passages
_SHOWN = 200  # characters of an engine's own message


class EngineEmbedder:
    """What the embedding process asks of a model, in the own network alone. clock: seconds, for the pauses."""

    def __init__(self, spec: EmbeddingSpec, clock: Callable[[], float]) -> None:
        self._spec, self._clock, self._neighbours = spec, clock, Neighbours(spec.inside)
        self._session: aiohttp.ClientSession | None = None
        self._passages = asyncio.Semaphore(_AT_ONCE)
        self._failures, self._again_at, self._reason = 0, 0.0, ""
        self.name = spec.name
        self.card: ModelCard | None = None

    @property
    def problem(self) -> str:
        """Why it cannot be asked just now; empty while it can."""
        return self._reason

    async def open(self) -> None:
        """Learn its dimension. Raises EmbedderUnavailable."""
        if self.card is None:
            await self._fitting(["dimension"])

    async def vectors(self, texts: Sequence[str], *, is_query: bool) -> NDArray[np.float32]:
        """n texts -> (n, dimension), unit length. Raises EmbedderUnavailable."""
        await self.open()
        assert self.card is not None
        prefix = (self._spec.query_prefix if is_query else self._spec.passage_prefix) or ""
        found = np.empty((len(texts), self.card.dimension), np.float32)
        for places in batches([len(text) for text in texts], most=self._spec.batch, most_tokens=10**9):
            batch = [prefix + texts[place] for place in places]
            if is_query:
                found[places] = await self._fitting(batch)
            else:
                async with self._passages:
                    found[places] = await self._fitting(batch)
        return found

    async def counts(self, texts: Sequence[str]) -> list[int]:
        """Roughly: an engine's tokens cannot be counted through this API."""
        return [len(text) // 3 + 2 for text in texts]

    async def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Its vocabulary is not known here."""
        raise TokensRefused(0, "unknown")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _fitting(self, texts: list[str]) -> NDArray[np.float32]:
        """Texts that are too long for its context are cut, as every model does with them."""
        try:
            return await self._asked(texts)
        except _Refused as refusal:
            if len(texts) > 1:
                return np.concatenate([await self._fitting([text]) for text in texts])
            if refusal.status not in _TOO_LONG or len(texts[0]) <= _SHORTEST:
                raise self._away(str(refusal)) from refusal
            return await self._fitting([texts[0][: len(texts[0]) * 6 // 10]])

    async def _asked(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self._clock() < self._again_at:
            raise EmbedderUnavailable(self._reason)
        try:
            told = await self._post(
                {"model": self._spec.model, "input": list(texts), "encoding_format": "float"}
            )
            rows = sorted(told["data"], key=lambda row: int(row["index"]))
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._away(f"{type(error).__name__} {error}".strip()) from error
        except (KeyError, TypeError, ValueError) as error:
            raise self._away(f"its answer holds no embeddings ({type(error).__name__})") from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise self._away("its answer holds other vectors than it was asked for")
        if self.card is None:
            self.card = self._learned(vectors.shape[1])
        elif vectors.shape[1] != self.card.dimension:
            raise self._away(f"its vectors have {vectors.shape[1]} numbers and had {self.card.dimension}")
        self._failures, self._again_at, self._reason = 0, 0.0, ""
        return unit(vectors)

    async def _post(self, body: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever it answers
        if why := self._neighbours.refusal(self._spec.base_url, asks=False):
            raise self._away(f"{why}; see egress.inside")
        if self._session is None:
            self._session = self._opened()
        async with self._session.post(f"{self._spec.base_url}/embeddings", json=body) as response:
            if response.status == 200:
                return await response.json(content_type=None)
            said = (await response.text())[:_SHOWN]
            if response.status in _TOO_LONG:
                raise _Refused(response.status, said)
            raise self._away(f"it answered {response.status}: {said}", _retry_after(response))

    def _opened(self) -> aiohttp.ClientSession:
        # A kept connection may be closed by the engine (vLLM: after 5 s) in the moment in which it is used again.
        connector: aiohttp.BaseConnector = (
            aiohttp.UnixConnector(path=self._spec.socket, force_close=True)
            if self._spec.socket
            else aiohttp.TCPConnector(
                limit=0, force_close=True, resolver=self._neighbours.resolver(), use_dns_cache=False
            )
        )
        headers = {"Authorization": f"Bearer {self._spec.api_key}"} if self._spec.api_key else {}
        timeout = aiohttp.ClientTimeout(total=self._spec.timeout_s, connect=3.0)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers, trust_env=False)

    def _away(self, why: str, pause_s: float | None = None) -> EmbedderUnavailable:
        """Remember for how long it is not asked again."""
        planned = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        self._failures += 1
        self._again_at = self._clock() + (planned if pause_s is None else min(pause_s, _PAUSES_S[-1]))
        self._reason = (
            f"The engine of the embedding model {self._spec.model!r} does not answer as it should: {why}"
        )
        return EmbedderUnavailable(self._reason)

    def _learned(self, dimension: int) -> ModelCard:
        """Its address is no part of the name: the same model may move to another machine."""
        told = f"{self._spec.query_prefix}\0{self._spec.passage_prefix}\0{dimension}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:8]
        return ModelCard(f"{self.name}@engine-{digest}", dimension, 0, self._spec.languages, device="engine")


class _Refused(Exception):
    """It understood the request and does not want it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"it answered {status}: {said}")
        self.status = status


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    try:
        return float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
