"""A stand-in for an Ollama server, for its adapter's tests.

Written after Ollama's documentation and source, never compared with a running server. It keeps one habit that
matters: a prompt longer than options.num_ctx is cut without a word, and num_ctx is 4096 unless the request says so;
`truncate: false` makes it an error, unless the server is of before 0.12.4 (knows_truncate).
Its /v1 routes are missing on purpose: nothing here may use them for chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from inference.testing.answers import (
    JsonObject,
    echo,
    embedding_of,
    example_of,
    filler,
    prompt_tokens_of,
    tokens_of,
    tool_called,
)
from inference.testing.fake_engine import Behaviour, Fault
from inference.testing.fake_server import DroppedOnPurpose, FakeServer

DEFAULT_NUM_CTX = 4096
_CREATED_AT = "2026-01-01T00:00:00Z"
_SIZE_BYTES = 4_000_000_000


@dataclass(frozen=True)
class FakeOllamaModel:
    """A model as `ollama show` tells of it."""

    name: str = "llama3.1:8b"
    context_tokens: int = 131_072
    capabilities: Sequence[str] = ("completion", "tools")
    digest: str = field(default="sha256:0123")


class FakeOllama(FakeServer):
    """See the module. behaviour is what tests change; loaded maps a model in memory to its context size.

    gpu_share: of each model in memory, what lies on a GPU, 0 to 1.
    """

    def __init__(
        self,
        models: Sequence[FakeOllamaModel] = (FakeOllamaModel(),),
        *,
        slots: int = 1,
        behaviour: Behaviour | None = None,
        knows_truncate: bool = True,
    ) -> None:
        self.knows_truncate = knows_truncate
        super().__init__(slots=slots)
        self.models = {model.name: model for model in models}
        self.behaviour = behaviour or Behaviour()
        self.loaded: dict[str, int] = {}
        self.gpu_share = 0.5

    def routes(self) -> list[web.RouteDef]:
        """Ollama's own routes."""
        return [
            web.get("/", self._greet),
            web.get("/api/version", self._version),
            web.get("/api/tags", self._tags),
            web.get("/api/ps", self._ps),
            web.post("/api/show", self._show),
            web.post("/api/pull", self._pull),
            web.post("/api/chat", self._generate),
            web.post("/api/generate", self._generate),
            web.post("/api/embed", self._embed),
        ]

    def _find(self, name: object) -> FakeOllamaModel | None:
        return self.models.get(str(name)) or self.models.get(f"{name}:latest")

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        payload = await self.record(request)
        model = self._find(payload.get("model"))
        if model is None:
            return _error(404, f"model '{payload.get('model')}' not found")
        if self.behaviour.fault is Fault.HTTP_500:
            return _error(500, "llama runner process has terminated")
        is_too_long = len(prompt_tokens_of(payload)) > _num_ctx(payload)
        if is_too_long and self.knows_truncate and payload.get("truncate") is False:
            return _error(400, "the input length exceeds the context length")
        async with self.slot():
            if self.behaviour.fault is Fault.HANG:
                await asyncio.Event().wait()
            self.loaded[model.name] = _num_ctx(payload)
            await asyncio.sleep(self.behaviour.ttft_s)
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            await self._write_answer(request, response, payload)
            await response.write_eof()
            return response

    async def _write_answer(
        self, request: web.Request, response: web.StreamResponse, payload: JsonObject
    ) -> None:
        is_chat = request.path.endswith("chat")
        messages, reason = self._messages(payload)
        is_stream = payload.get("stream", True)  # Ollama streams unless told otherwise
        said = ""
        for number, message in enumerate(messages):
            await asyncio.sleep(self.behaviour.pace_s)
            said += message["content"]
            if number == self.behaviour.fault_after_tokens and self.behaviour.fault is Fault.DIE:
                if request.transport is not None:
                    request.transport.abort()
                raise DroppedOnPurpose
            if is_stream:
                await response.write(_line(payload, is_chat, message, {"done": False}))
        used = min(len(prompt_tokens_of(payload)), _num_ctx(payload))
        ending = {
            "done": True,
            "done_reason": reason,
            "prompt_eval_count": used,
            "eval_count": len(messages),
        }
        last: JsonObject = {"role": "assistant", "content": ""}
        if not is_stream:
            last = {**messages[-1], "content": said} if messages else last
        await response.write(_line(payload, is_chat, last, ending))

    def _messages(self, payload: JsonObject) -> tuple[list[JsonObject], str]:
        """The answer in pieces, and why it ends."""
        call = tool_called(payload)
        if call is not None:
            function = {"name": call[0], "arguments": call[1]}
            return [{"role": "assistant", "content": "", "tool_calls": [{"function": function}]}], "stop"
        tokens = tokens_of(self._text(payload))
        limit = (payload.get("options") or {}).get("num_predict", len(tokens))
        reason = "length" if limit < len(tokens) else "stop"
        return [{"role": "assistant", "content": token} for token in tokens[:limit]], reason

    def _text(self, payload: JsonObject) -> str:
        wanted = payload.get("format")
        if wanted:
            value = example_of(wanted) if isinstance(wanted, dict) else {"ok": True}
            return orjson.dumps(value).decode()
        if self.behaviour.tokens is not None:
            return filler(self.behaviour.tokens)
        reply = self.behaviour.reply
        if isinstance(reply, str):
            return reply
        return reply(payload) if reply is not echo else echo(payload)

    async def _embed(self, request: web.Request) -> web.Response:
        payload = await self.record(request)
        if self._find(payload.get("model")) is None:
            return _error(404, f"model '{payload.get('model')}' not found")
        given = payload.get("input")
        texts = given if isinstance(given, list) else [given]
        vectors = [embedding_of(str(text), 64) for text in texts]
        used = len(prompt_tokens_of(payload))
        return _json({"model": payload["model"], "embeddings": vectors, "prompt_eval_count": used})

    async def _pull(self, request: web.Request) -> web.StreamResponse:
        payload = await self.record(request)
        name = str(payload.get("model"))
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        if "missing" in name:
            await response.write(b'{"error": "pull model manifest: file does not exist"}\n')
            return response
        steps: list[JsonObject] = [{"status": "pulling manifest"}]
        steps += [
            {"status": "pulling 0123", "digest": "sha256:0123", "total": 100, "completed": completed}
            for completed in (0, 50, 100)
        ]
        for step in [*steps, {"status": "verifying sha256 digest"}, {"status": "success"}]:
            await response.write(orjson.dumps(step) + b"\n")
        self.models[name] = FakeOllamaModel(name)
        return response

    async def _greet(self, _request: web.Request) -> web.Response:
        return web.Response(text="Ollama is running")

    async def _version(self, _request: web.Request) -> web.Response:
        return _json({"version": "0.0.0-fake"})

    async def _tags(self, _request: web.Request) -> web.Response:
        return _json({"models": [_row(model) for model in self.models.values()]})

    async def _ps(self, _request: web.Request) -> web.Response:
        rows = [
            {
                **_row(self.models[name]),
                "size_vram": int(_SIZE_BYTES * self.gpu_share),
                "context_length": num_ctx,
            }
            for name, num_ctx in self.loaded.items()
        ]
        return _json({"models": rows})

    async def _show(self, request: web.Request) -> web.Response:
        payload = orjson.loads(await request.read())
        model = self._find(payload.get("model"))
        if model is None:
            return _error(404, f"model '{payload.get('model')}' not found")
        return _json(
            {
                "details": {"family": "llama"},
                "model_info": {"general.architecture": "llama", "llama.context_length": model.context_tokens},
                "capabilities": list(model.capabilities),
            }
        )


def _num_ctx(payload: Mapping[str, Any]) -> int:
    asked: int = (payload.get("options") or {}).get("num_ctx", DEFAULT_NUM_CTX)
    return asked


def _row(model: FakeOllamaModel) -> JsonObject:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": _CREATED_AT,
        "size": _SIZE_BYTES,
        "digest": model.digest,
        "details": {"family": "llama", "parameter_size": "8B"},
    }


def _line(payload: JsonObject, is_chat: bool, message: JsonObject, ending: JsonObject) -> bytes:
    said = {"message": message} if is_chat else {"response": message["content"]}
    base = {"model": payload["model"], "created_at": _CREATED_AT}
    return orjson.dumps({**base, **said, **ending}) + b"\n"


def _json(value: JsonObject) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    return web.Response(body=orjson.dumps({"error": message}), status=status, content_type="application/json")
