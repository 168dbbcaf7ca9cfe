"""inference.ports.Embedder over the embedding process's socket.

While that process restarts, a call waits for it a few seconds; after one such wait, calls fail at once
until it answers again, so that a search goes on without vectors.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.embedding import wire
from inference.embedding.model_card import ModelCard
from inference.errors import EmbedderUnavailable

_TEXTS_PER_REQUEST = 8  # about 80 ms of work: what a cancelled caller may leave behind
_MAX_IDLE = 16
_RETRY_DELAYS_S = (0.02, 0.05, 0.1, 0.2)
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class EmbedderClient:
    """One for each event loop. model_id, dimension and max_tokens are the server's; see `connect`.

    query_patience_s, passages_patience_s: how long a call waits for a process that is away.
    answer_timeout_s: how long for the answer to one request before the process counts as hung.
    """

    def __init__(
        self,
        socket: Path,
        *,
        query_patience_s: float = 3.0,
        passages_patience_s: float = 20.0,
        answer_timeout_s: float = 30.0,
    ) -> None:
        self._socket = str(socket)
        self._query_patience_s = query_patience_s
        self._passages_patience_s = passages_patience_s
        self._answer_timeout_s = answer_timeout_s
        self._idle: list[_Connection] = []
        self._card: ModelCard | None = None
        self._is_away = False

    @property
    def model_id(self) -> str:
        return self._known().model_id

    @property
    def dimension(self) -> int:
        return self._known().dimension

    @property
    def max_tokens(self) -> int:
        return self._known().max_tokens

    async def connect(self) -> ModelCard:
        """Say what the process serves; for readiness checks: no patience. Raises EmbedderUnavailable."""
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                self._keep(*await self._open())
        except (OSError, asyncio.IncompleteReadError) as error:
            raise EmbedderUnavailable() from error
        return self._known()

    async def connect_when_ready(self) -> ModelCard:
        """The same with the patience of a passage: for whoever starts beside the process."""
        await self._ask(wire.COUNT, [], self._passages_patience_s)
        return self._known()

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        payload = await self._ask(wire.QUERY, [text], self._query_patience_s)
        vector: NDArray[np.float32] = self._rows(payload)[0]
        return vector

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        parts: list[NDArray[np.float32]] = []
        for batch in _batches(texts):
            parts.append(self._rows(await self._ask(wire.PASSAGES, batch, self._passages_patience_s)))
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as the model counts them, both marks included."""
        counts: list[int] = []
        for batch in _batches(texts):
            counts += json.loads(await self._ask(wire.COUNT, batch, self._passages_patience_s))
        return counts

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

    def _known(self) -> ModelCard:
        if self._card is None:
            raise EmbedderUnavailable("It has not answered yet.")
        return self._card

    def _rows(self, payload: bytes) -> NDArray[np.float32]:
        return np.frombuffer(payload, "<f4").astype(np.float32).reshape(-1, self.dimension)

    async def _ask(self, kind: bytes, texts: Sequence[str], patience_s: float) -> bytes:
        """One request, again from the start whenever the process goes away in the middle: it has no state."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + (0 if self._is_away and kind == wire.QUERY else patience_s)
        payload = json.dumps(list(texts)).encode()
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
        if status != wire.DONE:
            raise EmbedderUnavailable(f"It refused the request: {answer.decode(errors='replace')}")
        return answer

    async def _open(self) -> _Connection:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        _, hello = await wire.read_frame(reader)
        self._card = ModelCard(**json.loads(hello))
        return reader, writer


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), _TEXTS_PER_REQUEST):
        yield texts[start : start + _TEXTS_PER_REQUEST]
