"""OpenTelemetry: one trace from whoever asks through the gateway and the search to the engine, and one for each job.

Off unless `tracing.endpoint` names a collector; then this module and its exporter are not loaded. Other parts of
OpenTelemetry are all the same: redis-py imports `opentelemetry.sdk.metrics` for its own use wherever the SDK is
installed, some sixty modules, 0.05 to 0.1 s of each process's start and 3 MB. Nothing is measured or sent by them.

Spans hold ids, names of models and engines, numbers and codes; never what was said, no address with an id or a word in
it, and no error's text. A job is a trace of its own, linked to the request that put it in and to the upload of its
file: one trace of five thousand documents could not be read.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aiohttp
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance import __version__, telemetry
from appliance.api.request_id import request_id_of
from appliance.domain.answers import AnswerEvent, AnswerRequest
from appliance.domain.data import Asking, OfferedSource, QueryRun
from appliance.domain.people import Caller
from appliance.fairness.accounting.ledger import Entry
from appliance.ports import Answerer, JobHandler
from appliance.ports.data import DataDesk
from appliance.services.knowledge.search import Retriever
from appliance.telemetry import TracingSettings
from inference.egress import Crossing
from querying.types import Value
from rag.documents import SearchResult
from rag.filters import Filter
from rag.ports import Scope as SearchScope

_EXPORT_S = 5.0
PURPOSE = "traces"
"""Under which they stand in the ledger of what left."""
_PROBES = ("/healthz", "/readyz", "/metrics")
_WORD = re.compile(r"(?:v1|[a-z_.-]{0,24})\Z")  # of a route; everything else may be somebody's
_W3C = TraceContextTextMapPropagator()


class Tracing:
    """Spans of one process. Await nothing; close() sends what waits. process: gateway, worker. door: keeps the ledger
    where the collector is not in the own network.
    """

    def __init__(self, process: str, settings: TracingSettings, door: Crossing) -> None:
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.share)),
            resource=Resource({"service.name": f"appliance-{process}", "service.version": __version__}),
        )
        exporter = OTLPSpanExporter(
            endpoint=settings.endpoint, timeout=_EXPORT_S, session=_through(door, process)
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("appliance")

    def close(self) -> None:
        """Send what waits; blocks for some seconds where the collector is away."""
        self._provider.shutdown()

    def app(self, inner: ASGIApp) -> ASGIApp:
        """The same application; each request is a span, below the caller's own where it names one."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in _PROBES:
                await inner(scope, receive, send)
                return
            carrier = {
                name.decode(): value.decode("latin-1")
                for name, value in scope["headers"]
                if name in (b"traceparent", b"tracestate")
            }
            name = f"{scope['method']} {_route(scope['path'])}"
            attributes = {
                "http.request.method": scope["method"],
                "appliance.request_id": request_id_of(scope),
            }
            with _Current(self._tracer, name, SpanKind.SERVER, attributes, carrier) as span:

                async def noted(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute("http.response.status_code", message["status"])
                    await send(message)

                await inner(scope, receive, noted)

        return traced

    def engine_calls(self) -> aiohttp.TraceConfig:
        """For the sessions to engines: a span until the engine begins to answer, which the engine is told of."""
        hooks = aiohttp.TraceConfig()

        async def begin(_: object, context: SimpleNamespace, call: aiohttp.TraceRequestStartParams) -> None:
            if call.method != "POST":  # the others ask how it is, every second
                return
            context.span = self._tracer.start_span(f"engine {_route(call.url.path)}", kind=SpanKind.CLIENT)
            _W3C.inject(call.headers, trace.set_span_in_context(context.span))

        async def answered(_: object, context: SimpleNamespace, call: aiohttp.TraceRequestEndParams) -> None:
            if span := getattr(context, "span", None):
                span.set_attribute("http.response.status_code", call.response.status)
                span.end()

        async def failed(
            _: object, context: SimpleNamespace, call: aiohttp.TraceRequestExceptionParams
        ) -> None:
            if span := getattr(context, "span", None):
                _note_error(span, call.exception)
                span.end()

        hooks.on_request_start.append(begin)
        hooks.on_request_end.append(answered)
        hooks.on_request_exception.append(failed)
        return hooks

    def ended(self, entry: Entry) -> None:
        """A request to an engine ended: its numbers become an event of what asked for it."""
        span, end = trace.get_current_span(), entry.end
        if span.is_recording():
            told = {
                "model": entry.start.model,
                "engine": end.engine,
                "status": end.status,
                "error_code": end.error_code,
                "wait_ms": end.wait_ms,
                "ttft_ms": end.ttft_ms,
                "total_ms": end.total_ms,
                "prompt_tokens": end.usage.prompt_tokens,
                "completion_tokens": end.usage.completion_tokens,
            }
            span.add_event("answer", {name: value for name, value in told.items() if value is not None})

    def retriever(self, inner: Retriever) -> Retriever:
        """The same answers, each search a span with the times of its steps."""
        return _TracedRetriever(inner, self._tracer)

    def answerer(self, inner: Answerer) -> Answerer:
        """The same answers, each a span below the request that asked, which has been answered long before."""
        return _TracedAnswerer(inner, self._tracer)

    def step(self, pipeline: str, name: str, kind: str) -> AbstractContextManager[object]:
        """A step of a declared pipeline, whose names are its author's; what it asks and finds stands below it."""
        attributes = {"pipeline": pipeline, "step": name, "kind": kind}
        return _Current(self._tracer, f"step {kind}", SpanKind.INTERNAL, attributes)

    def desk(self, inner: DataDesk) -> DataDesk:
        """The same desk; each query is a span: of which source, how many tables and rows, no word of it."""
        return _TracedDesk(inner, self._tracer)

    def handlers(self, handlers: Mapping[str, JobHandler]) -> dict[str, JobHandler]:
        """The same handlers, each job a trace of its own, linked to those that its payload names as `traces`."""

        def traced(name: str, handler: JobHandler) -> JobHandler:
            async def run(payload: Mapping[str, Any]) -> None:
                links = [link for told in payload.get("traces", ()) for link in _link(told)]
                with _Current(self._tracer, f"job {name}", SpanKind.CONSUMER, links=links):
                    await handler(payload)

            return run

        return {name: traced(name, handler) for name, handler in handlers.items()}


class _Adapter(HTTPAdapter):
    """Sends what the exporter gives it, through the door where it leads out."""

    def __init__(self, door: Crossing, process: str) -> None:
        super().__init__()
        self._door, self._process = door, process

    def send(self, request: PreparedRequest, *rest: Any, **told: Any) -> Response:  # noqa: ANN401 - the adapter's
        url = request.url or ""
        with self._door.watched(PURPOSE, request.method or "", url, self._process) as passing:
            passing.sent_bytes = int(request.headers.get("content-length", 0))
            response = super().send(request, *rest, **told)
            passing.status = response.status_code
            return response


def _through(door: Crossing, process: str) -> Session:
    session = Session()
    session.trust_env = False
    session.mount("http://", _Adapter(door, process))
    session.mount("https://", _Adapter(door, process))
    return session


class _TracedAnswerer:
    def __init__(self, inner: Answerer, tracer: trace.Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def answer(self, caller: Caller, request: AnswerRequest) -> AsyncGenerator[AnswerEvent, None]:
        """Begun and closed in the turn's own task, so the span is current there from first to last."""
        attributes = {"appliance.request_id": request.request_id, "model": request.model}
        with _Current(self._tracer, "answer", SpanKind.INTERNAL, attributes):
            async with aclosing(self._inner.answer(caller, request)) as events:  # type: ignore[type-var]
                async for event in events:
                    yield event


class _TracedRetriever:
    def __init__(self, inner: Retriever, tracer: trace.Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def search(
        self,
        question: str,
        scope: SearchScope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        with _Current(self._tracer, "search", SpanKind.INTERNAL) as span:
            result = await self._inner.search(question, scope, limit, only=only, also=also)
            span.set_attribute("passages", len(result.passages))
            span.set_attribute("is_relevant", result.is_relevant)
            for step in result.trace.steps if result.trace else ():
                span.set_attribute(f"step.{step.name.replace(' ', '_')}_ms", round(step.took_ms, 2))
            return result


class _TracedDesk:
    def __init__(self, inner: DataDesk, tracer: trace.Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def offered(
        self, caller: Caller, collection_ids: Sequence[UUID] | None = None
    ) -> Sequence[OfferedSource]:
        return await self._inner.offered(caller, collection_ids)

    async def run(
        self,
        caller: Caller,
        source_id: UUID,
        sql: str,
        asking: Asking,
        values: Mapping[str, Value] | None = None,
    ) -> QueryRun:
        attributes = {"source": str(source_id), "via": asking.via}
        with _Current(self._tracer, "query", SpanKind.INTERNAL, attributes) as span:
            found = await self._inner.run(caller, source_id, sql, asking, values)
            span.set_attribute("tables", len(found.tables))
            span.set_attribute("rows", len(found.rows.rows))
            return found


class _Current:
    """A span that is the current one inside; what breaks out of it is named by its kind, never by its text."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, str] | None = None,
        carrier: Mapping[str, str] | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        parent = _W3C.extract(carrier) if carrier else None
        self._span = tracer.start_span(
            name, parent, kind, attributes, links, start_time=time.time_ns(), record_exception=False
        )
        self._scope = trace.use_span(
            self._span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        )

    def __enter__(self) -> Span:
        span = self._scope.__enter__()
        carried: dict[str, str] = {}
        _W3C.inject(carried)
        self._token = telemetry.traceparent.set(carried.get("traceparent", ""))
        return span

    def __exit__(self, *raised: Any) -> None:  # noqa: ANN401 - as every context manager's
        telemetry.traceparent.reset(self._token)
        if isinstance(raised[1], Exception):
            _note_error(self._span, raised[1])
        self._scope.__exit__(*raised)


def _note_error(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", str(getattr(error, "code", "")) or type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))


def _link(traceparent: str) -> Iterator[Link]:
    context = trace.get_current_span(_W3C.extract({"traceparent": traceparent})).get_span_context()
    if context.is_valid:
        yield Link(context)


def _route(path: str) -> str:
    """Its first words; ids, names and links that open something are left out."""
    return "/".join(part if _WORD.match(part) else "*" for part in path.split("/")[:4])
