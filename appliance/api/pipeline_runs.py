"""The raw ASGI door of `POST /api/pipelines/NAME/run`: inputs in, the result and its steps out, whole or as it goes.

Whoever leaves ends the step that runs: the engine's request, the query, the wait for a recording.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import UUID

import orjson
from starlette.types import Receive, Scope, Send

from appliance.api.exchange import Exchange, by_headers
from appliance.api.fast_path import Identifies
from appliance.api.json_bodies import parse_object, read_body
from appliance.api.pipeline_answers import allowed_tools, annotation, usage_object
from appliance.api.presence import answer_one, while_present
from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Cited,
    Finished,
    Progressed,
    Restarted,
    Searched,
    Tabled,
    TextDelta,
    Waiting,
)
from appliance.domain.origins import OWN_WORDS
from appliance.domain.people import Caller
from appliance.domain.pipelines import Stepped
from appliance.errors import InvalidRequest
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.chat import Chat
from appliance.services.knowledge import identifiers
from appliance.services.pipelines import ManagedPipelines
from appliance.services.table_shapes import as_table
from inference.types import ChatMessage

_PATH = re.compile(r"/api/pipelines/([a-z][a-z0-9-]{0,62})/run\Z")
_ROUTE = "/api/pipelines/run"
_KEYS = frozenset(("inputs", "stream", "steps", "language", "vector_store_ids", "allow_tools"))


class PipelineRuns:
    """identity: of the gateway. pipelines: says which there are for whom."""

    def __init__(
        self, identity: Identifies, live: LiveRequests, chat: Chat, pipelines: ManagedPipelines
    ) -> None:
        self._identity = identity
        self._live = live
        self._chat = chat
        self._pipelines = pipelines

    @staticmethod
    def serves(scope: Scope) -> bool:
        """Whether this request is for the door."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        return is_post and _PATH.match(scope["path"]) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for which `serves` is true."""
        await answer_one(Exchange(scope, receive, send, comment_after_s=0.0), self._handle)

    async def _handle(self, exchange: Exchange) -> None:
        moment = self._live.moment
        caller = await self._identity.identify(exchange.scope)
        body = parse_object(await read_body(exchange.scope, exchange.receive))
        answering = self._run(exchange, caller, body)
        await while_present(exchange, self._live, caller, answering, since=moment)

    async def _run(self, exchange: Exchange, caller: Caller, body: Mapping[str, Any]) -> None:
        found = _PATH.match(exchange.scope["path"])
        assert found is not None
        name = found.group(1)
        self._pipelines.one(caller, name)
        request = run_request(name, body, exchange.request_id)
        run = _Run(name, shows_steps=bool(body.get("steps")))
        async with aclosing(self._chat.answer(caller, request, _ROUTE)) as events:
            if not body.get("stream"):
                async for event in events:
                    run.take(event)
                headers = [
                    *by_headers(run.finished.served_by, run.finished.rung),
                    (b"x-pipeline", run.finished.pipeline.encode()),
                ]
                await exchange.send_whole(200, "application/json", orjson.dumps(run.whole()), headers)
                return
            exchange.last_words = _failed
            await exchange.begin_stream(None, [(b"x-pipeline", self._chat.signature(name).encode())])
            async for piece in _as_events(run, events):
                await exchange.send_piece(piece)
        await exchange.end_stream()


def run_request(name: str, body: Mapping[str, Any], request_id: str) -> AnswerRequest:
    """Raises InvalidRequest."""
    for key in body:
        if key not in _KEYS:
            raise InvalidRequest(f"{key[:60]!r} is not known here.", param=key[:60])
    inputs = body.get("inputs", {})
    if not isinstance(inputs, dict):
        raise InvalidRequest("`inputs` must be an object.", param="inputs")
    for key in ("stream", "steps"):
        if not isinstance(body.get(key, False), bool):
            raise InvalidRequest(f"`{key}` must be true or false.", param=key)
    language = body.get("language")
    if language not in (None, "en", "es"):
        raise InvalidRequest("`language` must be `en` or `es`.", param="language")
    question = inputs.get("question")
    return AnswerRequest(
        [ChatMessage("user", question if isinstance(question, str) else "")],
        name,
        _collections(body.get("vector_store_ids")),
        language,
        request_id=request_id,
        origins=OWN_WORDS,
        inputs=inputs,
        allow_tools=allowed_tools(body.get("allow_tools")),
    )


def _collections(ids: object) -> tuple[UUID, ...] | None:
    if ids is None or ids == []:
        return None
    if not isinstance(ids, list) or len(ids) > 100 or not all(isinstance(one, str) for one in ids):
        raise InvalidRequest(
            "`vector_store_ids` must be a list of at most 100 ids.", param="vector_store_ids"
        )
    return tuple(identifiers.parse(identifiers.COLLECTION, one, "vector_store_ids") for one in ids)


class _Run:
    """A run being put together. shows_steps: what each step brought is told too, not only how it went."""

    def __init__(self, name: str, *, shows_steps: bool) -> None:
        self.finished = Finished("refused")
        self._name = name
        self._shows_steps = shows_steps
        self._text: list[str] = []
        self._cited = Cited(())
        self._tables: list[dict[str, Any]] = []
        self._steps: dict[int, dict[str, Any]] = {}

    def take(self, event: AnswerEvent) -> None:
        """Note an event."""
        if isinstance(event, TextDelta):
            self._text.append(event.text)
        elif isinstance(event, Restarted):
            self._text = []
        elif isinstance(event, Cited):
            self._cited = event
        elif isinstance(event, Tabled):
            self._tables.append(as_table(event))
        elif isinstance(event, Finished):
            self.finished = event
        elif isinstance(event, Stepped) and event.step.outcome != "running":
            self._steps[event.number] = self.step(event)

    def step(self, event: Stepped) -> dict[str, Any]:
        """A step as it is told."""
        told = {"number": event.number, "of": event.total, **event.step.as_json()}
        if self._shows_steps and event.step.outcome == "done":
            told["result"] = dict(event.result)
        return told

    def whole(self) -> dict[str, Any]:
        """The result of the run."""
        return {
            "object": "pipeline.run",
            "name": self._name,
            "pipeline": self.finished.pipeline,
            "kind": self.finished.kind,
            "text": "".join(self._text),
            "annotations": [annotation(one) for one in self._cited.citations],
            "unsupported": [list(span) for span in self._cited.unsupported],
            "data": self._tables,
            "steps": [self._steps[number] for number in sorted(self._steps)],
            "notes": list(self.finished.notes),
            "served_by": self.finished.served_by,
            "usage": usage_object(self.finished.usage),
        }


async def _as_events(run: _Run, events: AsyncIterator[AnswerEvent]) -> AsyncIterator[bytes]:
    async for event in events:
        run.take(event)
        if isinstance(event, Stepped):
            yield _event("step", run.step(event))
        elif isinstance(event, TextDelta) and event.text:
            yield _event("text", {"text": event.text})
        elif isinstance(event, Restarted):
            yield _event("restarted", {})
        elif isinstance(event, Waiting):
            yield _event("waiting", {"position": event.position, "eta_s": event.eta_s})
        elif isinstance(event, Searched):
            yield _event("searched", {"found": len(event.passages)})
        elif isinstance(event, Progressed):
            told = {"stage": event.stage, "done": event.done, "total": event.total, "name": event.name}
            yield _event("progress", told)
    yield _event("done", run.whole())


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))


def _failed(body: bytes) -> bytes:
    return b"event: error\ndata: %b\n\n" % body
