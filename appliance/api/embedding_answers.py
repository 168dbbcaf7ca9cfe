"""`/v1/embeddings` by the model that searches the documents, in OpenAI's shape: floats, or base64 as its SDK asks.

People take turns and are limited as with engines: the embedding process itself serves first come, first served.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from appliance.api.exchange import Exchange
from appliance.api.openai_requests import WireRequest
from appliance.api.rate_limit_headers import rate_limit_headers
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest, NotPermitted
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.admission import Ask, Candidate, Spent
from appliance.fairness.answer_scan import estimated_prompt_tokens
from appliance.fairness.gate import Gate
from appliance.fairness.lease import Lease
from appliance.services.offered_models import embedded_names
from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from inference.types import Usage

SERVED_BY = "local:embedder"
_POOL = ":embedder"  # no engine can have that name
_SLOTS = 4  # its process has fewer threads; a few are kept busy over the way back and forth


class EmbeddingAnswers:
    """embedder None: no embedded model, engines alone serve embeddings. aliases: other names that may mean it."""

    def __init__(self, embedder: Embedder | None, gate: Gate, aliases: Mapping[str, str]) -> None:
        self._embedder = embedder
        self._gate = gate
        self._aliases = aliases

    def serves(self, model: str) -> bool:
        """Whether that name is the embedded model's."""
        return model in self.names

    @property
    def names(self) -> list[str]:
        """The embedded model's name and aliases; empty without one, and until its process has told its name."""
        if self._embedder is None:
            return []
        try:
            own = self._embedder.model_id
        except EmbedderUnavailable:
            return []
        return embedded_names(own, self._aliases)

    async def answer(self, exchange: Exchange, caller: Caller, request: WireRequest) -> None:
        """Raises NotPermitted, InvalidRequest, EmbedderUnavailable, PartUnavailable, QueueFull, RateLimited and
        QuotaExceeded."""
        assert self._embedder is not None
        if not any(map(caller.scopes.allow_model, (request.model, *self.names))):
            raise NotPermitted(f"This key is not for the model {request.model!r}.", param="model")
        dimensions = request.payload.get("dimensions")
        if dimensions not in (None, self._embedder.dimension):
            raise InvalidRequest(
                f"`dimensions` cannot be chosen: {request.model!r} has {self._embedder.dimension}.",
                param="dimensions",
            )
        ledger = self._gate.ledger
        entry = ledger.begin(caller, request.model, exchange.scope["path"], exchange.request_id)
        entry.end.engine = "embedder"
        lease: Lease | None = None
        try:
            lease = await self._gate.leases.acquire(self._ask(caller, request, entry))
            lease.first_byte()  # no prompt of others waits for this one to be read
            entry.end.wait_ms = lease.wait_s * 1000
            texts = request.payload["input"]
            texts = [texts] if isinstance(texts, str) else texts
            vectors = await self._embedder.embed_passages(texts)
            entry.end.ttft_ms = entry.elapsed_ms()
            entry.end.usage, entry.end.is_estimated = Usage(estimated_prompt_tokens(request.payload)), True
            body = _body(request, vectors, entry.end.usage)
            await entry.committed()
            headers = [
                (b"x-served-by", SERVED_BY.encode()),
                (b"x-queue-wait-ms", b"%d" % round(entry.end.wait_ms)),
                *rate_limit_headers(lease.limits),
            ]
            await exchange.send_whole(200, "application/json", body, headers)
            entry.end.status = "completed"
        except BaseException as error:
            entry.note_failure(error)
            raise
        finally:
            if lease is not None:
                lease.release(Spent(estimated_prompt_tokens(request.payload)))
            ledger.finish(entry)

    def _ask(self, caller: Caller, request: WireRequest, entry: Entry) -> Ask:
        policy = self._gate.policy()
        return Ask(
            str(entry.start.id),
            _POOL,
            _POOL,
            policy.shares_of(caller),
            (Candidate(_POOL, _SLOTS),),
            estimated_prompt_tokens(request.payload),
            0,
            request.is_batch,
            policy.limits_for(caller, *dict.fromkeys((request.model, *self.names))),
            entry.start.request_id,
        )


def _body(request: WireRequest, vectors: NDArray[np.float32], usage: Usage) -> bytes:
    as_base64 = request.payload.get("encoding_format") == "base64"
    rows: list[dict[str, Any]] = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _base64(vector) if as_base64 else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    counts = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens}
    answer = {"object": "list", "data": rows, "model": request.model, "usage": counts}
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _base64(vector: NDArray[np.float32]) -> str:
    """Little-endian float32, as OpenAI's clients read it."""
    return base64.b64encode(np.ascontiguousarray(vector, dtype="<f4").tobytes()).decode()
