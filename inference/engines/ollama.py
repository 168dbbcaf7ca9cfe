"""Ollama beside the appliance.

Chat goes over the same client as every other engine's, but to Ollama's own routes, because only they take the size
of the context (see ollama_wire). List, show, pull and ps go over the `ollama` package.

Never run here against a real Ollama server, which could not be had where this was built: the tests use a stand-in
that speaks its wire format.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeVar, cast
from uuid import uuid4

import httpx
import ollama
import orjson

from inference.chat_chunks import error_message
from inference.engines.connections import Connections
from inference.engines.near_transport import NearTransport
from inference.engines.ollama_cuts import cut_error, least_tokens
from inference.engines.ollama_wire import AnswerWriter, embeddings_answer, event, native_path, to_native
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.settings import EngineSettings, OllamaSettings
from inference.tokenizing.bounds import text_bytes
from inference.types import EngineLoad, EngineRequest, EngineResponse, ModelInfo

T = TypeVar("T")
CutWatch = Callable[[Mapping[str, Any]], dict[str, Any] | None]
_MAX_LINE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a download is; the sizes are None while Ollama does not know them."""

    status: str
    completed_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory; gpu_share below 1 means that part of it runs on the processor, slowly."""

    id: str
    size_bytes: int
    gpu_share: float
    context_tokens: int | None


class OllamaEngine(OpenAiCompatibleEngine):
    """One Ollama server."""

    settings_type: ClassVar[type[EngineSettings]] = OllamaSettings

    def __init__(self, name: str, settings: EngineSettings, connections: Connections) -> None:
        super().__init__(name, settings, connections)
        self._ollama = cast(OllamaSettings, settings)
        self._known: dict[str, ModelInfo] = {}
        self._shown: dict[tuple[str, str], ModelInfo] = {}
        authorization = self._headers.get("Authorization")
        # `headers`: else the package would send OLLAMA_API_KEY of the environment to wherever base_url points
        self._client = ollama.AsyncClient(
            host=self.root_url,
            headers={"authorization": authorization} if authorization else {"authorization": "Bearer none"},
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(settings.probe_timeout_s),
            transport=NearTransport(connections.neighbours),
        )

    def _base_url(self, settings: EngineSettings) -> str:
        return settings.base_url.removesuffix("/v1") + "/v1"

    @asynccontextmanager
    async def relay(self, request: EngineRequest) -> AsyncIterator[EngineResponse]:
        """As OpenAI's server would answer, from Ollama's own routes."""
        if request.route == "rerank":
            raise EngineRefused(404, _error_body("Ollama cannot rerank; serve the model by vLLM."))
        num_ctx = await self._context_of(str(request.payload.get("model")))
        native = to_native(request.route, self.prepare(request), num_ctx, self._ollama.keep_alive)
        url = f"{self.root_url}{native_path(request.route)}"
        try:
            async with self._exchange(url, native, request.request_id) as (response, frames):
                is_stream = request.is_stream and request.route != "embeddings"
                watch = await self._watch(request, num_ctx)
                written = self._events if is_stream else self._answer
                rewritten = written(request, frames, watch)
                content_type = "text/event-stream" if is_stream else "application/json"
                yield EngineResponse(response.status, content_type, rewritten, f"local:{self.name}")
        except EngineRefused as refusal:
            raise _in_openai_shape(refusal) from refusal

    async def models(self) -> list[ModelInfo]:
        """Ask what it serves, and of each model what it is for. Raises EngineUnavailable."""
        listed = await self._ask(self._client.list())
        names = {(row.model or "", row.digest or "") for row in listed.models if row.model}
        shown = await asyncio.gather(*(self._show(name, digest) for name, digest in sorted(names)))
        self._known = {info.id: info for info in shown}
        offered = self._settings.models
        return [self._known.get(name, ModelInfo(name)) for name in offered] if offered else list(shown)

    async def load(self) -> EngineLoad:
        """It does not tell how busy it is, so this counts what this process has running there.

        Raises EngineUnavailable.
        """
        await self.loaded()
        return await super().load()

    async def loaded(self) -> list[LoadedModel]:
        """The models it has in memory just now. Raises EngineUnavailable."""
        return [
            LoadedModel(
                id=(row.model or row.name or "").removesuffix(":latest"),
                size_bytes=int(row.size or 0),
                gpu_share=int(row.size_vram or 0) / int(row.size) if row.size else 0.0,
                context_tokens=row.context_length,
            )
            for row in (await self._ask(self._client.ps())).models
        ]

    async def gpu_share(self) -> float | None:
        """How much lies on a GPU of the model of which the least does; None: nothing is in memory.

        Raises EngineUnavailable.
        """
        return min((one.gpu_share for one in await self.loaded()), default=None)

    async def pull(self, model: str) -> AsyncIterator[PullProgress]:
        """Have it download a model from its own registry, which takes as long as it takes.

        Raises EngineUnavailable; EngineRefused for a name it does not know.
        """
        patient = ollama.AsyncClient(
            host=self.root_url,
            headers={"authorization": self._headers.get("Authorization", "Bearer none")},
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(self._settings.connect_timeout_s, read=None),
        )
        try:
            async for progress in await self._ask(patient.pull(model, stream=True)):
                yield PullProgress(progress.status or "", progress.completed, progress.total)
        except ollama.ResponseError as error:  # raised while the stream is read
            raise EngineRefused(error.status_code or 502, _error_body(error.error)) from error
        except httpx.HTTPError as error:
            raise EngineUnavailable(f"{self.name!r} broke off the download: {error}.") from error
        finally:
            await patient.close()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close the package's own client."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _context_of(self, model: str) -> int:
        name = model.removesuffix(":latest")
        if name not in self._known:
            self._known[name] = await self._show(model, digest="")
        return self._known[name].context_tokens or 8192

    async def _show(self, model: str, digest: str) -> ModelInfo:
        """What it is for and its context: what we ask for, at most what it was made for."""
        if (model, digest) in self._shown:
            return self._shown[model, digest]
        described = await self._ask(self._client.show(model))
        sizes = [
            value
            for key, value in (described.modelinfo or {}).items()
            if key.endswith(".context_length") and isinstance(value, int)
        ]
        wanted = self._settings.context_tokens or 8192
        info = ModelInfo(
            id=model.removesuffix(":latest"),
            kind="embedding" if "embedding" in (described.capabilities or []) else self._settings.kind,
            context_tokens=min([wanted, *sizes]),
        )
        if digest:
            self._shown[model, digest] = info
        return info

    async def _ask(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except ollama.ResponseError as error:
            if error.status_code == 404:
                raise EngineRefused(404, _error_body(error.error)) from error
            raise EngineUnavailable(f"{self.root_url} answered {error.status_code}: {error.error}") from error
        except (httpx.HTTPError, ConnectionError, ValueError) as error:
            raise EngineUnavailable(
                f"{self.name!r} at {self.root_url}: {error or type(error).__name__}."
            ) from error

    async def _watch(self, request: EngineRequest, num_ctx: int) -> CutWatch | None:
        """Looks at how much it read; None: the prompt is so short that there is nothing to cut."""
        if request.route == "embeddings" or text_bytes(request.payload) < num_ctx:
            return None
        count = await self.count_prompt(request)
        return partial(
            cut_error, least=sum(count.tokens) if count else least_tokens(request.payload), num_ctx=num_ctx
        )

    def _writer(self, request: EngineRequest) -> AnswerWriter:
        options = request.payload.get("stream_options")
        prefix = "cmpl" if request.route == "completions" else "chatcmpl"
        return AnswerWriter(
            route=request.route,
            answer_id=f"{prefix}-{uuid4().hex[:24]}",
            created=int(time.time()),
            wants_usage=isinstance(options, dict) and bool(options.get("include_usage")),
        )

    async def _events(
        self, request: EngineRequest, frames: AsyncIterator[bytes], watch: CutWatch | None
    ) -> AsyncIterator[bytes]:
        writer = self._writer(request)
        pending = b""
        is_done = False
        async for frame in frames:
            *lines, pending = (pending + frame).split(b"\n")
            if len(pending) > _MAX_LINE_BYTES:
                raise EngineStreamBroken(f"{self.name!r} sent a line without end.")
            # one write for what came together, as the bytes of other engines would be
            written = b""
            for line in lines:
                if line.strip():
                    native = _native_object(line)
                    is_done = is_done or bool(native.get("done") or native.get("error"))
                    cut = watch(native) if watch else None
                    written += event({"error": cut}) if cut else writer.events(native)
            if written:
                yield written
        if not is_done:
            raise EngineStreamBroken(f"{self.name!r} ended its answer without saying so.")

    async def _answer(
        self, request: EngineRequest, frames: AsyncIterator[bytes], watch: CutWatch | None
    ) -> AsyncIterator[bytes]:
        native = _native_object(b"".join([frame async for frame in frames]))
        cut = watch(native) if watch else None
        if cut:
            raise EngineRefused(400, orjson.dumps({"error": cut}))
        if request.route == "embeddings":
            yield embeddings_answer(native, str(request.payload.get("encoding_format") or "float"))
        else:
            yield self._writer(request).answer(native)


def _native_object(line: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise EngineStreamBroken("Ollama sent something that is not JSON.") from error
    if not isinstance(parsed, dict):
        raise EngineStreamBroken("Ollama sent something that is not an answer.")
    return parsed


def _error_body(message: str) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": "invalid_request_error", "code": None}})


def _in_openai_shape(refusal: EngineRefused) -> EngineRefused:
    """Ollama's own routes say {"error": "sentence"}."""
    try:
        parsed = orjson.loads(refusal.body)
    except orjson.JSONDecodeError:
        parsed = {"error": refusal.body[:500].decode("utf-8", "replace")}
    if isinstance(parsed, dict) and isinstance(parsed.get("error"), dict):
        return refusal
    message = error_message(parsed if isinstance(parsed, dict) else {})
    return EngineRefused(refusal.status, _error_body(message), "application/json", refusal.retry_after_s)
