"""The raw ASGI door of `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/rerank` and `/v1/responses`.

Requests are parsed, checked and written again once; answers pass as bytes. Whoever leaves – streamed or not, waiting
or being answered – ends the engine's work at once. It stands in front of the application's other routes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from appliance.api.dropped_notes import changed_headers, dropped_headers, in_stream, in_whole
from appliance.api.embedding_answers import EmbeddingAnswers, refuse_ids
from appliance.api.exchange import Exchange, by_headers
from appliance.api.json_bodies import parse_object, read_body
from appliance.api.openai_requests import WireRequest, check_request
from appliance.api.pipeline_answers import Completion, answer_request, as_pieces, progress_comment
from appliance.api.presence import answer_one, while_present
from appliance.api.rate_limit_headers import rate_limit_headers
from appliance.api.rerank_answers import RerankAnswers
from appliance.domain.answers import Waiting
from appliance.domain.origins import OWN_WORDS
from appliance.domain.people import Caller
from appliance.fairness.gate import Gate, GatedResponse
from appliance.fairness.purpose import Purpose
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.chat import Chat
from inference.errors import EngineStreamBroken, ModelNotFound
from inference.types import EngineRequest, EngineRoute

ROUTES: Mapping[str, EngineRoute] = {
    "/v1/chat/completions": "chat/completions",
    "/v1/completions": "completions",
    "/v1/embeddings": "embeddings",
    "/v1/rerank": "rerank",
}
RESPONSES = "/v1/responses"
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Identifies(Protocol):
    """How a request says who it is; api.identity.Identity does."""

    async def identify(self, scope: Scope) -> Caller: ...


class Answers(Protocol):
    """A route with a shape of its own; api.responses does."""

    async def answer(self, exchange: Exchange, caller: Caller, body: Mapping[str, object]) -> None: ...


class FastPath:
    """comment_after_s, shows_queue: how and whether streams see their place in the queue."""

    def __init__(
        self,
        identity: Identifies,
        live: LiveRequests,
        gate: Gate,
        chat: Chat,
        embeddings: EmbeddingAnswers,
        reranks: RerankAnswers,
        responses: Answers,
        *,
        comment_after_s: float = 1.0,
        shows_queue: bool = True,
    ) -> None:
        self._identity = identity
        self._live = live
        self._gate = gate
        self._chat = chat
        self._embeddings = embeddings
        self._reranks = reranks
        self._responses = responses
        self._comment_after_s = comment_after_s
        self._shows_queue = shows_queue

    @staticmethod
    def serves(scope: Scope) -> bool:
        """Whether this request is for the fast path; everything else is the application's."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return False
        return scope["path"] in ROUTES or scope["path"] == RESPONSES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for which `serves` is true."""
        exchange = Exchange(scope, receive, send, comment_after_s=self._comment_after_s)
        await answer_one(exchange, self._handle)

    async def _handle(self, exchange: Exchange) -> None:
        moment = self._live.moment
        caller = await self._identity.identify(exchange.scope)
        body = await read_body(exchange.scope, exchange.receive)
        answering = self._answering(exchange, caller, parse_object(body))
        del body
        await while_present(exchange, self._live, caller, answering, since=moment)

    def _answering(self, exchange: Exchange, caller: Caller, body: Mapping[str, Any]) -> Awaitable[None]:
        path = exchange.scope["path"]
        if path == RESPONSES:
            return self._responses.answer(exchange, caller, body)
        return self._answer_in_kind(exchange, caller, check_request(ROUTES[path], body))

    async def _answer_in_kind(self, exchange: Exchange, caller: Caller, request: WireRequest) -> None:
        if request.route == "embeddings" and self._embeddings.serves(request.model):
            await self._embeddings.answer(exchange, caller, request)
        elif request.route == "rerank" and self._reranks.serves(request.model):
            await self._reranks.answer(exchange, caller, request)
        elif request.route == "chat/completions" and request.model in self._chat.pipeline_names:
            await self._answer_by_pipeline(exchange, caller, request)
        else:
            if request.route == "embeddings":
                refuse_ids(request)
            await self._answer_by_engine(exchange, caller, request)

    # engines ------------------------------------------------------------------------------------------

    async def _answer_by_engine(self, exchange: Exchange, caller: Caller, request: WireRequest) -> None:
        tell = exchange.tell_waiting if request.is_stream and self._may_comment(exchange) else None
        is_batch = request.is_batch or request.route in ("embeddings", "rerank")  # nobody reads along
        purpose = Purpose(exchange.scope["path"], is_batch=is_batch)
        try:
            engine = self._gate.engine_for(caller, request.model, purpose, tell)
        except ModelNotFound as error:
            known = [*self._chat.pipelines_for(caller), *error.known, *self._reranks.names]
            raise ModelNotFound(request.model, known) from error
        call = EngineRequest(request.route, request.payload, exchange.request_id, origins=OWN_WORDS)
        async with engine.relay(call) as response:
            if response.content_type.startswith("text/event-stream"):
                more = [
                    *rate_limit_headers(response.limits),
                    *dropped_headers(response.dropped),
                    *changed_headers(response.notes),
                ]
                await exchange.begin_stream(response.served_by, more, response.rung)
                async with aclosing(response.frames) as frames:  # type: ignore[type-var]
                    async for frame in (
                        frames if response.dropped is None else in_stream(frames, response.dropped)
                    ):
                        await exchange.send_piece(frame)
            else:
                await self._pass_whole(exchange, response)
                return
        await exchange.end_stream()

    async def _pass_whole(self, exchange: Exchange, response: GatedResponse) -> None:
        """Held until it is complete, so that an engine that breaks off is a 502 and not half an answer."""
        pieces, size = [], 0
        async for frame in response.frames:
            pieces.append(frame)
            size += len(frame)
            if size > MAX_ANSWER_BYTES:
                raise EngineStreamBroken(f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB.")
        body = b"".join(pieces)
        if not (response.content_type.startswith("application/json") and _looks_whole(body)):
            raise EngineStreamBroken(
                f"It answered with something that is no JSON object ({response.content_type})."
            )
        if exchange.has_begun:
            raise EngineStreamBroken("It cannot stream; ask without `stream`.")
        headers = [
            *by_headers(response.served_by, response.rung),
            (b"x-queue-wait-ms", b"%d" % round(response.wait_ms)),
            *rate_limit_headers(response.limits),
            *dropped_headers(response.dropped),
            *changed_headers(response.notes),
        ]
        body = in_whole(body, response.dropped)
        await exchange.send_whole(response.status, response.content_type, body, headers)

    def _may_comment(self, exchange: Exchange) -> bool:
        return self._shows_queue and exchange.wants_comments

    # pipelines ----------------------------------------------------------------------------------------

    async def _answer_by_pipeline(self, exchange: Exchange, caller: Caller, request: WireRequest) -> None:
        asked = answer_request(request.payload, exchange.request_id)
        answer_id = f"chatcmpl-{exchange.request_id.removeprefix('req_')}"
        completion = Completion(answer_id, int(time.time()), request.model)
        started = time.perf_counter()
        async with aclosing(self._chat.answer(caller, asked, exchange.scope["path"])) as events:
            if not request.is_stream:
                wait_s = 0.0
                async for event in events:
                    if isinstance(event, Waiting):
                        wait_s = time.perf_counter() - started
                    completion.take(event)
                headers = [
                    *by_headers(completion.finished.served_by, completion.finished.rung),
                    (b"x-queue-wait-ms", b"%d" % round(wait_s * 1000)),
                    *_made_by(completion.finished.pipeline),
                ]
                await exchange.send_whole(200, "application/json", completion.whole(), headers)
                return
            made_by = _made_by(self._chat.signature(request.model))
            async for piece in as_pieces(completion, events, request.wants_usage):
                if isinstance(piece, bytes):
                    await exchange.begin_stream(None, made_by)
                    await exchange.send_piece(piece)
                elif not self._may_comment(exchange):
                    continue
                elif isinstance(piece, Waiting):
                    await exchange.tell_waiting(piece)
                else:
                    await exchange.begin_stream(None, made_by)
                    await exchange.send_piece(progress_comment(piece))
        await exchange.end_stream()


def _made_by(pipeline: str) -> list[tuple[bytes, bytes]]:
    """Which version of a declared pipeline answers."""
    return [(b"x-pipeline", pipeline.encode())] if pipeline else []


def _looks_whole(body: bytes) -> bool:
    """Whether it may be a JSON object: its ends tell a web page, and JSON that stops, without a parse."""
    return body.lstrip()[:1] == b"{" and body.rstrip()[-1:] == b"}"
