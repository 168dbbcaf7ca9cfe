"""`POST /v1/responses`: a request becomes a chat, what the engine says becomes events, and the response is kept.

Whoever leaves ends the engine's work, and the place in the queue is shown, as on the other routes of the fast path,
which calls this. Knows no engine's kind.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from appliance.api.exchange import Exchange
from appliance.api.pipeline_answers import answer_request
from appliance.api.responses.chat_deltas import Delta, from_chunk, from_whole
from appliance.api.responses.grounded import Grounded
from appliance.api.responses.ids import response_of_item
from appliance.api.responses.input_items import REFERENCE, Item
from appliance.api.responses.messages import chat_messages, check_calls
from appliance.api.responses.refusals import renamed_refusal
from appliance.api.responses.requests import ResponseRequest, own_name, read_request
from appliance.api.responses.writing import Writing
from appliance.domain.answers import (
    Cited,
    Dropped,
    Finished,
    Progressed,
    Searched,
    Tabled,
    TextDelta,
    Waiting,
)
from appliance.domain.origins import OWN_WORDS, Origins, of_passages, together
from appliance.domain.people import Caller
from appliance.domain.pipelines import Stepped
from appliance.domain.responses import KeptResponse
from appliance.errors import InvalidRequest, NotFound
from appliance.fairness.gate import Gate, GatedEngine
from appliance.fairness.purpose import Purpose
from appliance.ports import Grounding
from appliance.services.chat import Chat
from appliance.services.knowledge.identifiers import new_id
from appliance.services.responses import Earlier, Responses
from inference.chat_chunks import read_batches
from inference.errors import EngineRefused, EngineStreamBroken, ModelNotFound
from inference.types import EngineRequest

ROUTE = "/v1/responses"
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class ResponsesDoor:
    """shows_queue: whether streams see their place in the queue. clock: Unix time."""

    def __init__(
        self,
        gate: Gate,
        chat: Chat,
        responses: Responses,
        *,
        grounding: Grounding | None = None,
        shows_queue: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gate = gate
        self._chat = chat
        self._responses = responses
        self._grounding = grounding
        self._shows_queue = shows_queue
        self._clock = clock

    async def answer(self, exchange: Exchange, caller: Caller, body: Mapping[str, Any]) -> None:
        """Answer one request whose caller is known. Raises what is to be refused before the first byte left."""
        now = self._clock()
        request = read_request(body, new_id(int(now * 1000)))
        earlier = await self._earlier(caller, request)
        items, referred = await self._resolved(caller, request.items)
        request, origins = replace(request, items=items), together(earlier.origins, referred)
        check_calls(earlier.items, request.items)
        writing = Writing(exchange, request, int(now), shows_queue=self._shows_queue)
        said = [*earlier.items, *request.items]
        try:
            if request.model in self._chat.pipeline_names:
                origins = await self._by_pipeline(caller, request, said, writing, origins)
            else:
                origins = await self._by_engine(caller, request, said, writing, origins)
        except InvalidRequest as error:
            error.param = own_name(error.param)
            raise
        except EngineRefused as error:
            raise renamed_refusal(error) from error
        await self._finish(caller, request, earlier.thread_id, writing, origins)

    async def _earlier(self, caller: Caller, request: ResponseRequest) -> Earlier:
        if request.previous_id is None:
            return Earlier(request.id, (), OWN_WORDS)
        return await self._responses.earlier(caller, request.previous_id)

    async def _resolved(self, caller: Caller, items: Sequence[Item]) -> tuple[list[Item], Origins]:
        """The items with what references stand for, and what that was made from. Raises NotFound."""
        found: dict[UUID, tuple[dict[str, Item], Origins]] = {}
        resolved: list[Item] = []
        for index, item in enumerate(items):
            if item["type"] == REFERENCE:
                item = await self._referred(caller, item["id"], f"input[{index}].id", found)
            resolved.append(item)
        return resolved, together(*(origins for _, origins in found.values()))

    async def _referred(
        self, caller: Caller, item_id: str, param: str, found: dict[UUID, tuple[dict[str, Item], Origins]]
    ) -> Item:
        holder = response_of_item(item_id)
        if holder is not None and holder not in found:
            try:
                held, origins = await self._responses.items_of(caller, holder)
            except NotFound:
                held, origins = [], None
            found[holder] = {item["id"]: item for item in held}, origins
        if holder is None or item_id not in found[holder][0]:
            raise NotFound(
                f"No item has the id {item_id[:80]!r}; only items of stored responses can be referred to.",
                param=param,
            )
        return found[holder][0][item_id]

    # engines ------------------------------------------------------------------------------------------

    async def _by_engine(
        self,
        caller: Caller,
        request: ResponseRequest,
        said: Sequence[Item],
        writing: Writing,
        origins: Origins,
    ) -> Origins:
        """origins: of what was said; returns those of the answer."""
        engine = self._engine(caller, request.model, writing)
        payload = request.chat(chat_messages(request.instructions, said))
        if request.truncates:
            payload, writing.dropped = await _shortened(payload, engine)
        request_id = writing.exchange.request_id
        grounded = await self._grounded(caller, request, payload, engine, request_id, origins)
        call = EngineRequest("chat/completions", payload, request_id, origins=grounded.origins)
        async with engine.relay(call) as response:
            writing.served_by, writing.wait_ms = response.served_by, response.wait_ms
            writing.rung, writing.answered_as = response.rung, engine.by.answered_as
            writing.dropped = _together(writing.dropped, response.dropped)
            writing.limits = response.limits
            async with aclosing(response.frames) as frames:  # type: ignore[type-var]
                if response.content_type.startswith("text/event-stream"):
                    await writing.begin()
                    await grounded.tell(writing)
                    async for batch in read_batches(frames):
                        await grounded.take(writing, [from_chunk(chunk) for chunk in batch])
                else:
                    whole = from_whole(await _whole(frames))
                    await writing.begin()
                    await grounded.tell(writing)
                    await grounded.take(writing, [whole])
        await grounded.end(writing)
        return grounded.origins

    async def _grounded(
        self,
        caller: Caller,
        request: ResponseRequest,
        payload: dict[str, Any],
        engine: GatedEngine,
        request_id: str,
        origins: Origins,
    ) -> Grounded:
        """Search before the model is asked, and put what was found into the payload. Raises NotFound."""
        if request.file_search is None or self._grounding is None:
            return Grounded(None, caller, request, origins=origins)
        grounded = Grounded(self._grounding, caller, request, request_id, origins)
        await grounded.search(payload, engine)
        return grounded

    def _engine(self, caller: Caller, model: str, writing: Writing) -> GatedEngine:
        try:
            return self._gate.engine_for(caller, model, Purpose(ROUTE), writing.tell)
        except ModelNotFound as error:
            raise ModelNotFound(model, [*self._chat.pipeline_names, *error.known]) from error

    # pipelines ----------------------------------------------------------------------------------------

    async def _by_pipeline(
        self,
        caller: Caller,
        request: ResponseRequest,
        said: Sequence[Item],
        writing: Writing,
        origins: Origins,
    ) -> Origins:
        """origins: of what was said; returns those of the answer."""
        payload = request.chat(chat_messages(request.instructions, said))
        asked = replace(answer_request(payload, writing.exchange.request_id), origins=origins)
        searching = request.file_search
        if searching is not None:
            wanted = searching.wanted
            asked = replace(asked, collection_ids=wanted.collection_ids, only=wanted.only)
        started = time.perf_counter()
        async with aclosing(self._chat.answer(caller, asked, ROUTE)) as events:
            async for event in events:
                if isinstance(event, Waiting):
                    writing.wait_ms = (time.perf_counter() - started) * 1000
                    if writing.tell is not None:
                        await writing.tell(event)
                elif isinstance(event, Progressed):
                    origins = together(origins, event.origins)
                    await writing.progress(event)
                elif isinstance(event, Stepped):
                    origins = together(origins, event.origins)
                elif isinstance(event, Searched):
                    origins = together(origins, of_passages(event.passages), event.origins)
                    if searching is None:
                        continue
                    await writing.begin()
                    await writing.search(
                        asked.question, event.passages, shows_results=searching.shows_results
                    )
                elif isinstance(event, Tabled):
                    origins = together(origins, event.origins)
                    writing.table(event)
                elif isinstance(event, TextDelta):
                    await writing.begin()
                    await writing.take([Delta(text=event.text)])
                elif isinstance(event, Cited):
                    await writing.begin()
                    await writing.annotate(event)
                elif isinstance(event, Finished):
                    await writing.begin()
                    await writing.take([_last_delta(event)])
                    writing.note(event)
        return origins

    # the end ------------------------------------------------------------------------------------------

    async def _finish(
        self, caller: Caller, request: ResponseRequest, thread_id: UUID, writing: Writing, origins: Origins
    ) -> None:
        """Kept before the client hears that it is complete, so that it can go on from it at once."""
        await writing.close()
        now = self._clock()
        finished = writing.composer.finished(int(now), is_stored=request.store and self._responses.keeps)
        if finished["store"]:
            kept = KeptResponse(
                request.id,
                thread_id,
                request.previous_id,
                datetime.fromtimestamp(now, UTC),
                orjson.dumps(list(request.items)),
                orjson.dumps(finished),
                origins,
            )
            if not await self._responses.keep(caller, kept):
                finished["store"] = False
        await writing.end(finished)


async def _shortened(payload: dict[str, Any], engine: GatedEngine) -> tuple[dict[str, Any], Dropped | None]:
    """The chat without its oldest turns where it is too long: before a search fills what room is left."""
    wanted = {**payload, "truncation": "auto"}
    checked = await engine.fitted(EngineRequest("chat/completions", wanted))  # counted, not sent
    return {**checked.request.payload, "truncation": "auto"}, checked.dropped


def _together(one: Dropped | None, other: Dropped | None) -> Dropped | None:
    return one + other if one is not None and other is not None else one or other


async def _whole(frames: AsyncIterator[bytes]) -> bytes:
    pieces, size = [], 0
    async for frame in frames:
        pieces.append(frame)
        size += len(frame)
        if size > MAX_ANSWER_BYTES:
            raise EngineStreamBroken(f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB.")
    return b"".join(pieces)


def _last_delta(event: Finished) -> Delta:
    usage = {
        "prompt_tokens": event.usage.prompt_tokens,
        "completion_tokens": event.usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": event.usage.cached_tokens},
    }
    return Delta(finish_reason=event.finish_reason, usage=usage)
