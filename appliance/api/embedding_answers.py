"""`/v1/embeddings` by the model that searches the documents, in OpenAI's shape: floats, or base64 as its SDK asks.

Tokens are counted as the model counts them. A text that it would not read to its end is refused with the numbers, or
cut where the request says so, and the answer tells what it did not see.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from appliance.api.embedder_turns import EmbedderTurns
from appliance.api.exchange import Exchange
from appliance.api.openai_requests import WireRequest
from appliance.domain.people import Caller
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, PromptTooLong
from appliance.fairness.answer_scan import estimated_prompt_tokens
from appliance.fairness.gate import Gate
from appliance.services.offered_models import embedded_names
from inference.embedding.refusals import TokensRefused
from inference.errors import EmbedderUnavailable
from inference.ports import Embedder, pinned

_OTHER_IDS = {
    "range": "`{param}` holds token ids that {model} does not have.",
    "marks": "`{param}` holds token ids without the marks that the tokenizer of {model} writes at both ends.",
    "unknown": "`{param}` holds token ids, and the vocabulary of {model} is known to its engine alone.",
}
_SEND_TEXTS = (
    " Ids mean something in the model's own vocabulary only: send texts instead "
    "(langchain-openai: OpenAIEmbeddings(check_embedding_ctx_length=False))."
)


@runtime_checkable
class Tokenizing(Protocol):
    """An embedder that knows its model's tokens."""

    @property
    def counts_exactly(self) -> bool: ...

    @property
    def shorter(self) -> tuple[int, ...]: ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    async def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Weighed:
    """tokens: that the model reads of each text, as it counts them. unread: of each, beyond its longest."""

    tokens: list[int]
    unread: list[int]

    @property
    def cut(self) -> list[int]:
        """Places of the texts that the model does not see to their end."""
        return [place for place, beyond in enumerate(self.unread) if beyond]


class EmbeddingAnswers:
    """embedder None: no embedded model, engines alone serve embeddings. aliases: other names that may mean it."""

    def __init__(self, embedder: Embedder | None, gate: Gate, aliases: Mapping[str, str]) -> None:
        self._embedder = embedder
        self._turns = EmbedderTurns(gate)
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
        """Raises NotPermitted, InvalidRequest, PromptTooLong, EmbedderUnavailable, PartUnavailable, QueueFull,
        RateLimited and QuotaExceeded."""
        assert self._embedder is not None
        embedder = pinned(self._embedder)
        dimensions = _dimensions(request, embedder)
        async with self._turns.turn(exchange, caller, request, self.names) as turn:
            texts = await _texts(request, embedder)
            weighed = await weigh(embedder, texts)
            if weighed is not None and weighed.cut and not truncates(request):
                raise _too_long(request, weighed, embedder.max_tokens)
            vectors = await embedder.embed_passages(texts)
            if dimensions < vectors.shape[1]:
                vectors = _shortened(vectors, dimensions)
            tokens = sum(weighed.tokens) if weighed else estimated_prompt_tokens(request.payload)
            body = _body(request, vectors, tokens)
            if weighed is not None and weighed.cut:
                body["dropped"] = {"inputs": weighed.cut, "tokens": sum(weighed.unread)}
            await turn.send(body, tokens, is_exact=weighed is not None)


async def weigh(embedder: Embedder, texts: Sequence[str]) -> Weighed | None:
    """None: nobody knows how the model counts, as of an engine's."""
    if not isinstance(embedder, Tokenizing) or not embedder.counts_exactly:
        return None
    counts, most = await embedder.count_tokens(texts), embedder.max_tokens
    return Weighed([min(one, most) for one in counts], [max(0, one - most) for one in counts])


def truncates(request: WireRequest) -> bool:
    """Whether the caller bears that texts are cut: OpenAI's word for it, or Jina's."""
    return request.payload.get("truncation") == "auto" or request.payload.get("truncate") is True


def _dimensions(request: WireRequest, embedder: Embedder) -> int:
    asked, own = request.payload.get("dimensions"), embedder.dimension
    shorter = embedder.shorter if isinstance(embedder, Tokenizing) else ()
    if asked is None or asked == own or asked in shorter:
        return asked or own
    if shorter:
        others = ", ".join(map(str, (*shorter, own)))
        raise InvalidRequest(f"`dimensions` of {request.model!r} may be {others}.", param="dimensions")
    raise InvalidRequest(
        f"`dimensions` cannot be chosen: {request.model!r} has {own}, and was not trained to be cut shorter.",
        param="dimensions",
    )


def _shortened(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The first numbers of each, of length one again (Kusupati et al., Matryoshka Representation Learning, 2022)."""
    cut = vectors[:, :dimensions]
    length = np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)
    shortened: NDArray[np.float32] = (cut / length).astype(np.float32)
    return shortened


def refuse_ids(request: WireRequest) -> None:
    """Of a model whose vocabulary only its engine knows: most ids that come are OpenAI's, and would mean other words.

    Raises InvalidRequest.
    """
    given = request.payload["input"]
    if not isinstance(given, str) and not isinstance(given[0], str):
        raise _ids_refused(request, TokensRefused(0, "unknown"))


def _ids_refused(request: WireRequest, refusal: TokensRefused) -> InvalidRequest:
    place = _param(request, refusal.place) if refusal.why != "unknown" else "input"
    told = _OTHER_IDS[refusal.why].format(param=place, model=repr(request.model))
    return InvalidRequest(told + _SEND_TEXTS, param="input", code="token_ids_not_supported")


async def _texts(request: WireRequest, embedder: Embedder) -> list[str]:
    given = request.payload["input"]
    if isinstance(given, str):
        return [given]
    if isinstance(given[0], str):
        return list(given)
    lists = [given] if isinstance(given[0], int) else given
    try:
        if not isinstance(embedder, Tokenizing):
            raise TokensRefused(0, "unknown")
        return await embedder.texts_of(lists)
    except TokensRefused as refusal:
        raise _ids_refused(request, refusal) from refusal


def _param(request: WireRequest, place: int) -> str:
    given = request.payload["input"]
    return "input" if isinstance(given, str) or isinstance(given[0], int) else f"input[{place}]"


def _too_long(request: WireRequest, weighed: Weighed, most: int) -> PromptTooLong:
    place = weighed.cut[0]
    over = weighed.unread[place]
    told = Told("input_too_long", tokens=most + over, model=repr(request.model), most=most, over=over)
    return PromptTooLong(told, param=_param(request, place))


def _body(request: WireRequest, vectors: NDArray[np.float32], tokens: int) -> dict[str, Any]:
    as_base64 = request.payload.get("encoding_format") == "base64"
    rows: list[dict[str, Any]] = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _base64(vector) if as_base64 else np.ascontiguousarray(vector),
        }
        for index, vector in enumerate(vectors)
    ]
    counts = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": rows, "model": request.model, "usage": counts}


def _base64(vector: NDArray[np.float32]) -> str:
    """Little-endian float32, as OpenAI's clients read it."""
    return base64.b64encode(np.ascontiguousarray(vector, dtype="<f4").tobytes()).decode()
