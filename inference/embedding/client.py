"""inference.ports.Embedder over the embedding process's socket, for the first of its models or any other.

While that process restarts, a call waits for it a few seconds; after one such wait, calls fail at once
until it answers again, so that a search goes on without vectors.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.embedding import wire
from inference.embedding.model_card import ModelCard
from inference.embedding.refusals import QueryTooLong, TokensRefused
from inference.errors import EmbedderUnavailable, RerankerBroken
from inference.reranking.judged import Judged

_TEXTS_PER_REQUEST = 64  # what a cancelled caller may leave behind
_CHARACTERS_PER_REQUEST = 32_000  # about 0.5 s of the built-in model's work
_MAX_IDLE = 16
_RETRY_DELAYS_S = (0.02, 0.05, 0.1, 0.2)
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """What the process tells of one of its models. card None: it cannot be told yet; problem says why."""

    name: str
    card: ModelCard | None
    problem: str = ""


class EmbedderClient:
    """One for each event loop. model_id, dimension and max_tokens are those of the server's first model; see `connect`.

    query_patience_s, passages_patience_s: how long a call waits for a process that is away.
    answer_timeout_s: how long for the answer to one request before the process counts as hung.
    """

    def __init__(
        self,
        socket: Path,
        *,
        query_patience_s: float = 3.0,
        passages_patience_s: float = 20.0,
        answer_timeout_s: float = 90.0,
    ) -> None:
        self._socket = str(socket)
        self._query_patience_s = query_patience_s
        self._passages_patience_s = passages_patience_s
        self._answer_timeout_s = answer_timeout_s
        self._idle: list[_Connection] = []
        self._served: tuple[ServedModel, ...] = ()
        self._is_away = False

    @property
    def model_id(self) -> str:
        return self.card().model_id

    @property
    def dimension(self) -> int:
        return self.card().dimension

    @property
    def max_tokens(self) -> int:
        return self.card().max_tokens

    def card(self, model_id: str | None = None) -> ModelCard:
        """Of that model, or of the first one; as it was told last. Raises EmbedderUnavailable."""
        for served in self._served if model_id is not None else self._served[:1]:
            if served.card is not None and model_id in (None, served.card.model_id):
                return served.card
            if model_id is None:
                raise EmbedderUnavailable(served.problem)
        raise EmbedderUnavailable(
            f"{model_id} is not served." if self._served else "It has not answered yet."
        )

    async def served(self) -> tuple[ServedModel, ...]:
        """What the process serves now, the wanted model first. Raises EmbedderUnavailable; no patience."""
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                self._keep(*await self._open())
        except (OSError, asyncio.IncompleteReadError) as error:
            raise EmbedderUnavailable() from error
        return self._served

    async def connect(self) -> ModelCard:
        """Say what its first model is; for readiness checks: no patience. Raises EmbedderUnavailable."""
        await self.served()
        return self.card()

    async def connect_when_ready(self) -> ModelCard:
        """The same with the patience of a passage: for whoever starts beside the process."""
        await self._ask(wire.COUNT, [], self._passages_patience_s)
        return await self._learned()

    async def embed_query(self, text: str, model_id: str | None = None) -> NDArray[np.float32]:
        payload = await self._ask(wire.QUERY, [text], self._query_patience_s, model_id)
        vector: NDArray[np.float32] = _rows(payload, 1)[0]
        return vector

    async def embed_passages(self, texts: Sequence[str], model_id: str | None = None) -> NDArray[np.float32]:
        parts: list[NDArray[np.float32]] = []
        for batch in _batches(texts):
            payload = await self._ask(wire.PASSAGES, batch, self._passages_patience_s, model_id)
            parts.append(_rows(payload, len(batch)))
        if self._lacks(model_id):
            await self._learned()
        return np.concatenate(parts) if parts else np.empty((0, self.card(model_id).dimension), np.float32)

    async def count_tokens(self, texts: Sequence[str], model_id: str | None = None) -> list[int]:
        """Tokens of each text as the model counts them, both marks included."""
        counts: list[int] = []
        for batch in _batches(texts):
            counts += json.loads(await self._ask(wire.COUNT, batch, self._passages_patience_s, model_id))
        return counts

    async def texts_of(self, ids: Sequence[Sequence[int]], model_id: str | None = None) -> list[str]:
        """What token ids of the model's own stand for. Raises TokensRefused, naming the place that is wrong."""
        told = json.loads(await self._ask(wire.DECODE, ids, self._passages_patience_s, model_id))
        if "refused" in told:
            raise TokensRefused(told["place"], told["refused"])
        texts: list[str] = told["texts"]
        return texts

    async def rerank(self, query: str, texts: Sequence[str]) -> list[Judged]:
        """By the process's cross-encoder. Raises EmbedderUnavailable, RerankerBroken, QueryTooLong."""
        found: list[Judged] = []
        for batch in _batches(texts):
            payload = await self._ask(wire.RERANK, [query, *batch], self._passages_patience_s)
            told = json.loads(payload)
            if "broken" in told:
                raise RerankerBroken(told["broken"])
            if "query_tokens" in told:
                raise QueryTooLong(told["query_tokens"], told["most"])
            found += [Judged(*one) for one in told["judged"]]
        return found

    async def keep_only(self, model_ids: Sequence[str]) -> None:
        """The process may forget its other models, but for the first. Raises EmbedderUnavailable."""
        await self._ask(wire.ONLY, model_ids, self._passages_patience_s)
        self._forget_connections()  # their hello is out of date

    async def close(self) -> None:
        self._forget_connections()

    def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._idle) < _MAX_IDLE:
            self._idle.append((reader, writer))
        else:
            writer.close()

    def _forget_connections(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    def _lacks(self, model_id: str | None) -> bool:
        try:
            self.card(model_id)
        except EmbedderUnavailable:
            return True
        return False

    async def _learned(self) -> ModelCard:
        """What is known may be from before an engine told its dimension: ask once more."""
        if self._lacks(None):
            await self.served()
        return self.card()

    async def _ask(
        self, kind: bytes, texts: Sequence[Any], patience_s: float, model_id: str | None = None
    ) -> bytes:
        """One request, again from the start whenever the process goes away in the middle: it has no state."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + (0 if self._is_away and kind == wire.QUERY else patience_s)
        payload = json.dumps({"model": model_id, "texts": list(texts)}).encode()
        for attempt in itertools.count():
            try:
                answer = await self._exchange(kind, payload)
                self._is_away = False
                return answer
            except TimeoutError as error:
                self._is_away = True
                raise EmbedderUnavailable(
                    "It does not answer; `appliance doctor` shows its state."
                ) from error
            except (OSError, asyncio.IncompleteReadError) as error:
                self._forget_connections()  # they all led to the process that is gone
                delay_s = _RETRY_DELAYS_S[min(attempt, len(_RETRY_DELAYS_S) - 1)]
                if loop.time() + delay_s > give_up_at and attempt > 0:
                    self._is_away = True
                    raise EmbedderUnavailable() from error
                await asyncio.sleep(delay_s)
        raise AssertionError("the loop above has no end")

    async def _exchange(self, kind: bytes, payload: bytes) -> bytes:
        async with asyncio.timeout(self._answer_timeout_s):
            reader, writer = self._idle.pop() if self._idle else await self._open()
            try:
                await wire.write_frame(writer, kind, payload)
                status, answer = await wire.read_frame(reader)
            except BaseException:
                writer.close()  # a connection with half an exchange on it is of no use
                raise
        self._keep(reader, writer)
        if status == wire.AWAY:
            raise EmbedderUnavailable(answer.decode(errors="replace"))
        if status != wire.DONE:
            raise EmbedderUnavailable(f"It refused the request: {answer.decode(errors='replace')}")
        return answer

    async def _open(self) -> _Connection:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        _, hello = await wire.read_frame(reader)
        self._served = tuple(_told(one) for one in json.loads(hello))
        return reader, writer


def _told(one: dict[str, Any]) -> ServedModel:
    card = one["card"]
    made = None
    if card:
        made = ModelCard(**{**card, "languages": tuple(card["languages"]), "shorter": tuple(card["shorter"])})
    return ServedModel(one["name"], made, one["problem"])


def _rows(payload: bytes, count: int) -> NDArray[np.float32]:
    return np.frombuffer(payload, "<f4").astype(np.float32).reshape(count, -1)


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == _TEXTS_PER_REQUEST or size + len(text) > _CHARACTERS_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
