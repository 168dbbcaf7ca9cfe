"""Any model name that a person may ask, a pipeline or an engine, as one stream of events.

A pipeline's request has its own row in the ledger, begun before its first event; its engine calls pass the gate like
any other and are rows of their own, part of it. Knows nothing of HTTP or JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Dropped,
    Finished,
    Reached,
    Reasoned,
    Restarted,
    TextDelta,
    Waiting,
)
from appliance.domain.conversations import ContextUse, FittedChat
from appliance.domain.people import Caller
from appliance.errors import NotPermitted, PartUnavailable
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.gate import Gate, GatedEngine
from appliance.fairness.lease import OnWaiting
from appliance.fairness.purpose import Purpose
from appliance.ports import HistoryFitting, Pipeline, Search
from appliance.ports.pipelines import AsksModels
from appliance.ports.prompts import Prompts
from inference.continuing import go_on
from inference.errors import ModelNotFound
from inference.types import ChatMessage, EngineRequest

ROUTE = "/v1/chat/completions"
_AHEAD = 32  # events a slow reader may be behind before the pipeline waits for it


class Chat:
    """Fulfils ports.Answerer and ports.ContextMeter. default_model: the chat model pipelines use where it is served.

    for_files: answers wherever a chat has files of its own, with the model that was asked for. histories: cuts plain
    chats to what their model reads; None: they are sent as they are. prompts: may name a model for a pipeline.
    """

    def __init__(
        self,
        gate: Gate,
        pipelines: Mapping[str, Pipeline],
        search: Search,
        *,
        default_model: str = "",
        for_files: Pipeline | None = None,
        histories: HistoryFitting | None = None,
        prompts: Prompts | None = None,
    ) -> None:
        self._gate = gate
        self._pipelines = pipelines
        self._search = search
        self._default_model = default_model
        self._for_files = for_files
        self._histories = histories
        self._prompts = prompts

    @property
    def pipeline_names(self) -> tuple[str, ...]:
        """The pipelines offered as model names, as they are now."""
        return tuple(self._pipelines)

    def pipelines_for(self, caller: Caller) -> tuple[str, ...]:
        """Those that this person may ask."""
        return tuple(
            name
            for name, pipeline in self._pipelines.items()
            if not isinstance(pipeline, AsksModels) or pipeline.may_ask(caller)
        )

    def signature(self, model: str) -> str:
        """`NAME@VERSION` of a declared pipeline as it is now; empty for every other model."""
        pipeline = self._pipelines.get(model)
        return pipeline.signature if isinstance(pipeline, AsksModels) else ""

    async def answer(
        self, caller: Caller, request: AnswerRequest, route: str = ROUTE
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Raises NotPermitted, ModelNotFound, QueueFull and what pipelines and engines raise."""
        pipeline = self._pipelines.get(request.model)
        reads_files = bool(getattr(pipeline, "takes_files", False))
        if request.attached is not None and self._for_files is not None and not reads_files:
            pipeline = self._for_files
        if pipeline is None:
            steps = partial(self._by_engine, caller, request)
        else:
            steps = partial(self._by_pipeline, pipeline, caller, request)
        merged = _Merged()
        async with aclosing(merged.run(steps(route, merged.tell))) as events:
            async for event in events:
                yield event

    async def _by_engine(
        self, caller: Caller, request: AnswerRequest, route: str, tell: OnWaiting
    ) -> AsyncGenerator[AnswerEvent, None]:
        engine = self._gate.engine_for(caller, request.model, Purpose(route, on_used=request.on_used), tell)
        fitted = await self._fitted(engine, request)
        # what there is of the answer has its own way into the prompt
        sent = fitted.messages[:-1] if request.partial else fitted.messages
        messages = [{"role": message.role, "content": message.content} for message in sent]
        payload = {**request.options, "model": request.model, "messages": messages, "stream": True}
        payload["truncation"] = (
            "auto"  # what was fitted by its parts may still be a token too long as a whole
        )
        left_out = Dropped(fitted.dropped_messages, fitted.dropped_tokens)
        last = Finished("written", model=request.model)
        call = EngineRequest("chat/completions", payload, request.request_id, origins=request.origins)
        chunks = go_on(engine.stream, call, request.partial) if request.partial else engine.stream(call)
        async with aclosing(chunks):  # type: ignore[type-var]
            async for chunk in chunks:
                if engine.rung != last.rung:
                    last = engine.by.signed(last)
                    yield Reached(last.rung, last.served_by, last.answered_as)
                if chunk.begins_anew:
                    yield Restarted()
                if chunk.reasoning:
                    yield Reasoned(chunk.reasoning)
                if chunk.text:
                    yield TextDelta(chunk.text)
                last = replace(
                    last,
                    finish_reason=chunk.finish_reason or last.finish_reason,
                    usage=chunk.usage or last.usage,
                    served_by=engine.served_by or last.served_by,
                )
        if engine.dropped is not None:
            left_out += engine.dropped
        yield replace(
            last,
            notes=("history_cut",) if left_out.messages else (),
            dropped_messages=left_out.messages,
            dropped_tokens=left_out.tokens,
        )

    async def _fitted(self, engine: GatedEngine, request: AnswerRequest) -> FittedChat:
        if self._histories is not None:
            return await self._histories.fitted(engine, request)
        partial = [ChatMessage("assistant", request.partial)] if request.partial else []
        return FittedChat((*request.messages, *partial))

    async def context(self, caller: Caller, request: AnswerRequest) -> ContextUse:
        """How much of the model's context a conversation fills. Raises NotPermitted, ModelNotFound."""
        if self._histories is None:
            raise PartUnavailable("Contexts are not measured here.")
        if request.model not in self._pipelines:
            engine: GatedEngine | None = self._gate.engine_for(caller, request.model)
        elif not caller.scopes.allow_model(request.model):
            raise NotPermitted(f"This key is not for the model {request.model!r}.", param="model")
        else:
            model = self._gate.chat_model(self._default_model)
            within = Purpose(ROUTE, within=request.model)
            engine = None if model is None else self._gate.engine_for(caller, model, within)
        return await self._histories.measured(engine, request)

    async def _by_pipeline(
        self, pipeline: Pipeline, caller: Caller, request: AnswerRequest, route: str, tell: OnWaiting
    ) -> AsyncGenerator[AnswerEvent, None]:
        if not caller.scopes.allow_model(request.model):
            raise NotPermitted(f"This key is not for the model {request.model!r}.", param="model")
        entry = self._gate.ledger.begin(caller, request.model, route, request.request_id)
        try:
            engine = await self._engine_within(caller, request, route, entry, tell)
            events = pipeline.answer(caller, request, engine, self._search)
            await entry.committed()
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, Finished) and engine is not None:
                        event = engine.by.signed(event)
                    _note(entry, event)
                    yield event
        except BaseException as error:
            entry.note_failure(error)
            raise
        finally:
            self._gate.ledger.finish(entry)

    async def _engine_within(
        self, caller: Caller, request: AnswerRequest, route: str, entry: Entry, tell: OnWaiting
    ) -> GatedEngine | None:
        """The engine for a pipeline; None where none is up, so that the documents' own words remain.

        Raises ModelNotFound for a model asked by its own name.
        """
        purpose = Purpose(route, part_of=entry.start.id, on_used=request.on_used)
        if request.model not in self._pipelines:
            return self._gate.engine_for(caller, request.model, purpose, tell)
        preferred = await self._model_of(request.model) or self._default_model
        model = self._gate.chat_model(preferred, caller)
        if model is None:
            return None
        try:
            return self._gate.engine_for(caller, model, replace(purpose, within=request.model), tell)
        except ModelNotFound:
            return None  # it has just gone

    async def _model_of(self, pipeline: str) -> str:
        """Which model an administrator wants for it; empty: whichever the appliance uses by itself."""
        if self._prompts is None:
            return ""
        with suppress(KeyError):
            return (await self._prompts.in_force(pipeline, "en")).model
        return ""


class _Engines:
    """The engines of one answer, each model's made once. last: the one that was asked for last."""

    def __init__(self, make: Callable[[str], GatedEngine | None]) -> None:
        self._make = make
        self._made: dict[str, GatedEngine | None] = {}
        self.last: GatedEngine | None = None

    def of(self, model: str) -> GatedEngine | None:
        """Empty: the one pipelines use. None: it is not up."""
        if model not in self._made:
            self._made[model] = self._make(model)
        self.last = self._made[model] or self.last
        return self._made[model]


def _note(entry: Entry, event: AnswerEvent) -> None:
    """Tokens stay zero in a pipeline's own row: its engine calls have them in theirs."""
    if isinstance(event, TextDelta) and entry.end.ttft_ms is None:
        entry.end.ttft_ms = entry.elapsed_ms()
    elif isinstance(event, Finished):
        entry.end.status, entry.end.prompts = "completed", event.prompts
        entry.end.engine, entry.end.rung = event.served_by.partition(":")[2] or None, event.rung
        # the ledger keeps no words, but that nothing was found is told to administrators
        entry.end.finish_reason = "nothing_found" if event.kind == "refused" else event.finish_reason


class _Merged:
    """The events of an answer and, between them, its places in the queue, which come from another task."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[AnswerEvent | BaseException | None] = asyncio.Queue(_AHEAD)

    async def tell(self, waiting: Waiting) -> None:
        await self._events.put(waiting)

    async def run(self, steps: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[AnswerEvent, None]:
        """Closing it ends the steps, and with them the engine's request, before it returns."""
        task = asyncio.create_task(self._pump(steps))
        try:
            while True:
                event = await self._events.get()
                if isinstance(event, BaseException):
                    raise event
                if event is None:
                    return
                yield event
        except asyncio.CancelledError as error:
            task.cancel(*error.args)  # with its reason
            raise
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _pump(self, steps: AsyncGenerator[AnswerEvent, None]) -> None:
        try:
            async with aclosing(steps):
                async for event in steps:
                    await self._events.put(event)
        except Exception as error:
            await self._events.put(error)
        else:
            await self._events.put(None)
