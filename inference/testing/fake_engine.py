"""A stand-in for vLLM: OpenAI's wire format, no model behind it.

    async with FakeEngine(reply="Hello.") as engine:
        client = openai.AsyncOpenAI(base_url=engine.base_url, api_key="any")

    python -m inference.testing.fake_engine --port 8000 --pace-ms 20 --tokens 200

Says back what it was told, calls the first tool it is given, fills in any JSON schema; remembers what arrived
(`requests`) and who went away (`running`, `aborted`); fails in the ways real servers do (`behaviour.fault`). Its
metrics page tells the truth, or what a test makes it tell (`metrics`), and may fail while answers go on.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count

import orjson
from aiohttp import web

from inference.testing.answers import (
    JsonObject,
    echo,
    embedding_of,
    example_of,
    filler,
    prompt_tokens_of,
    schema_asked,
    shared_prefix,
    tokens_of,
    tool_called,
)
from inference.testing.behaviour import Behaviour, Fault, Reply
from inference.testing.fake_server import DroppedOnPurpose, FakeServer
from inference.testing.openai_shapes import (
    Choice,
    carries_a_token,
    chunk_choice,
    packed,
    several_call_deltas,
    tool_call_deltas,
    whole_choice,
)
from inference.testing.vllm_metrics import MetricsFault, VllmMetrics

__all__ = ["Behaviour", "FakeEngine", "Fault", "MetricsFault", "Reply"]


class FakeEngine(FakeServer):
    """See the module. behaviour and metrics are what tests change; slots: requests that run at once, the rest wait."""

    def __init__(
        self,
        models: Sequence[str] = ("fake",),
        *,
        reply: Reply = echo,
        context_tokens: int = 32_768,
        slots: int = 64,
        api_key: str = "",
        embedding_dimension: int = 384,
        behaviour: Behaviour | None = None,
    ) -> None:
        super().__init__(slots=slots)
        self.models = list(models)
        self.behaviour = behaviour or Behaviour(reply=reply)
        self.context_tokens = context_tokens
        self.embedding_dimension = embedding_dimension
        self._api_key = api_key
        self._numbers = count(1)
        self._last_prompt: list[str] = []
        self._prompt_tokens = self._tokens_made = 0
        self.metrics = VllmMetrics(self.models[0] if self.models else "")

    @property
    def base_url(self) -> str:
        """What clients are given."""
        return f"{self.root_url}/v1"

    def routes(self) -> list[web.RouteDef]:
        """OpenAI's routes, vLLM's /health, /version, /metrics and /tokenize."""
        return [
            web.get("/v1/models", self._list_models),
            web.post("/v1/chat/completions", self._complete),
            web.post("/v1/completions", self._complete),
            web.post("/v1/embeddings", self._embed),
            web.post("/v1/rerank", self._rerank),
            web.get("/health", self._health),
            web.get("/version", self._version),
            web.get("/metrics", self._metrics),
            web.post("/tokenize", self._tokenize),
        ]

    # answering

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        payload = await self.record(request)
        if refusal := self._refusal(request, payload):
            return refusal
        fault = self._draw_fault()
        if fault is Fault.HTTP_500:
            return _error(500, "The engine failed.", "server_error")
        if fault is Fault.HTTP_429:
            retry_after = {"Retry-After": f"{self.behaviour.retry_after_s:g}"}
            return _error(429, "Too many requests.", "rate_limit_error", headers=retry_after)
        async with self.slot():
            if fault is Fault.HANG:
                await asyncio.Event().wait()
            await asyncio.sleep(self.behaviour.ttft_s)
            if payload.get("stream"):
                return await self._answer_streamed(request, payload, fault)
            return await self._answer_whole(request, payload, fault)

    def _refusal(self, request: web.Request, payload: JsonObject) -> web.Response | None:
        if self._api_key and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return _error(401, "Unauthorized", "authentication_error")
        if payload.get("model") not in self.models:
            return _error(404, f"The model `{payload.get('model')}` does not exist.", "NotFoundError")
        field_name = "messages" if request.path.endswith("chat/completions") else "prompt"
        if request.path.endswith("embeddings"):
            field_name = "input"
        if request.path.endswith("rerank"):
            field_name = "documents"
        if not isinstance(payload.get(field_name), list | str):
            return _error(400, f"{field_name} is missing or of the wrong type.", "BadRequestError")
        return None

    def _draw_fault(self) -> Fault:
        behaviour = self.behaviour
        if behaviour.fault_times is not None:
            if behaviour.fault_times <= 0:
                return Fault.NONE
            behaviour.fault_times -= 1
        return behaviour.fault

    async def _answer_streamed(
        self, request: web.Request, payload: JsonObject, fault: Fault
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        async for event in self._events(request, payload, fault):
            await response.write(event)
        if fault is Fault.DIE:
            _drop(request)
        await response.write_eof()
        return response

    async def _events(self, request: web.Request, payload: JsonObject, fault: Fault) -> AsyncIterator[bytes]:
        is_chat = request.path.endswith("chat/completions")
        choices = self._choices(payload, is_chat)
        usage = self._usage(payload, choices)
        base = self._base(payload, "chat.completion.chunk" if is_chat else "text_completion")
        written = 0
        for position in range(max(len(choice.pieces) for choice in choices)):
            for choice in (each for each in choices if position < len(each.pieces)):
                if written == self.behaviour.fault_after_tokens:
                    if fault is Fault.MALFORMED:
                        yield b'data: {"id": "broken", "choices": [{"delta": {"con\n\n'
                    if fault is Fault.ERROR_EVENT:
                        yield _event({"error": {"message": "The engine failed.", "type": "server_error"}})
                    if fault in (Fault.DIE, Fault.ERROR_EVENT):
                        return
                    if fault is Fault.SLOW:
                        await asyncio.sleep(self.behaviour.slow_s)
                yield _event({**base, "choices": [chunk_choice(choice, choice.pieces[position], None)]})
                written += 1
                self._tokens_made += 1
            await asyncio.sleep(self.behaviour.pace_s)
        await self._may_end()
        for choice in choices:
            empty: JsonObject = {"delta": {}} if is_chat else {"text": ""}
            yield _event({**base, "choices": [chunk_choice(choice, empty, choice.finish_reason)]})
        if (payload.get("stream_options") or {}).get("include_usage"):
            yield _event({**base, "choices": [], "usage": usage})
        if fault is not Fault.NO_DONE:
            yield b"data: [DONE]\n\n"

    async def _answer_whole(self, request: web.Request, payload: JsonObject, fault: Fault) -> web.Response:
        is_chat = request.path.endswith("chat/completions")
        choices = self._choices(payload, is_chat)
        await self._generate(max(len(choice.pieces) for choice in choices))
        await self._may_end()
        if fault is Fault.DIE:
            _drop(request)
        if fault is Fault.SLOW:
            await asyncio.sleep(self.behaviour.slow_s)
        if fault is Fault.MALFORMED:
            return web.Response(body=b'{"choices": [', content_type="application/json")
        base = self._base(payload, "chat.completion" if is_chat else "text_completion")
        whole = [whole_choice(choice, is_chat) for choice in choices]
        return _json({**base, "choices": whole, "usage": self._usage(payload, choices)})

    async def _may_end(self) -> None:
        if self.behaviour.go_on is not None:
            await self.behaviour.go_on.wait()

    async def _generate(self, length: int) -> None:
        """So many tokens that nobody sees coming; counted about once a second, as they are made."""
        at_once = max(1, int(1 / self.behaviour.pace_s)) if self.behaviour.pace_s > 0 else max(1, length)
        for made in range(0, length, at_once):
            count_now = min(at_once, length - made)
            await asyncio.sleep(self.behaviour.pace_s * count_now)
            self._tokens_made += count_now

    def _choices(self, payload: JsonObject, is_chat: bool) -> list[Choice]:
        prompt = payload.get("prompt")
        prompts = len(prompt) if isinstance(prompt, list) and prompt and isinstance(prompt[0], str) else 1
        wanted = prompts * (payload.get("n") or 1)
        return [self._choice(payload, is_chat, index) for index in range(wanted)]

    def _choice(self, payload: JsonObject, is_chat: bool, index: int) -> Choice:
        if is_chat and self.behaviour.tool_calls is not None:
            if calls := self.behaviour.tool_calls(payload):
                return Choice(index, several_call_deltas(self._numbers, calls), "tool_calls")
            payload = {**payload, "tools": []}
        call = tool_called(payload) if is_chat else None
        if call is not None:
            return Choice(index, tool_call_deltas(f"call_{next(self._numbers)}", *call), "tool_calls")
        schema = schema_asked(payload)
        if schema is not None:
            text = orjson.dumps(example_of(schema) if schema else {"ok": True}).decode()
        elif self.behaviour.tokens is not None:
            text = filler(self.behaviour.tokens)
        else:
            reply = self.behaviour.reply
            text = reply if isinstance(reply, str) else reply(payload)
        tokens = tokens_of(text)
        limit = payload.get("max_completion_tokens") or payload.get("max_tokens") or len(tokens)
        key = "content" if is_chat else "text"
        pieces: list[JsonObject] = [{key: token} for token in tokens[:limit]]
        if is_chat:
            pieces = [{"delta": piece} for piece in [{"role": "assistant", "content": ""}, *pieces]]
        return Choice(index, pieces, "length" if limit < len(tokens) else "stop")

    def _usage(self, payload: JsonObject, choices: Sequence[Choice]) -> JsonObject:
        prompt = prompt_tokens_of(payload)
        self._prompt_tokens += len(prompt)
        cached, self._last_prompt = shared_prefix(prompt, self._last_prompt), prompt
        made = sum(1 for choice in choices for piece in choice.pieces if carries_a_token(piece))
        return {
            "prompt_tokens": len(prompt),
            "completion_tokens": made,
            "total_tokens": len(prompt) + made,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def _base(self, payload: JsonObject, kind: str) -> JsonObject:
        prefix = "chatcmpl" if kind.startswith("chat") else "cmpl"
        # a fixed date: the same request gets the same bytes but for its number
        return {
            "id": f"{prefix}-{next(self._numbers)}",
            "object": kind,
            "created": 1_700_000_000,
            "model": payload["model"],
        }

    async def _embed(self, request: web.Request) -> web.Response:
        payload = await self.record(request)
        if refusal := self._refusal(request, payload):
            return refusal
        given = payload["input"]
        is_one = isinstance(given, str) or (given and isinstance(given[0], int))
        texts = [given] if is_one else given
        dimension = payload.get("dimensions") or self.embedding_dimension
        async with self.slot():
            await asyncio.sleep(self.behaviour.ttft_s)
            vectors = [embedding_of(str(text), dimension) for text in texts]
        is_base64 = payload.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": packed(vector) if is_base64 else vector}
            for index, vector in enumerate(vectors)
        ]
        used = len(prompt_tokens_of(payload))
        usage = {"prompt_tokens": used, "total_tokens": used}
        return _json({"object": "list", "data": data, "model": payload["model"], "usage": usage})

    # looking

    async def _list_models(self, request: web.Request) -> web.Response:
        if self._api_key and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return _error(401, "Unauthorized", "authentication_error")
        rows = [
            {
                "id": model,
                "object": "model",
                "created": 1_700_000_000,
                "owned_by": "vllm",
                "max_model_len": self.context_tokens,
            }
            for model in self.models
        ]
        return _json({"object": "list", "data": rows})

    async def _rerank(self, request: web.Request) -> web.Response:
        """Jina's shape as vLLM has it: the share of the question's words that a document has."""
        payload = await self.record(request)
        if refusal := self._refusal(request, payload):
            return refusal
        texts = [one if isinstance(one, str) else one["text"] for one in payload["documents"]]
        asked = set(payload["query"].split())
        scores = [len(asked & set(text.split())) / max(1, len(asked)) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: -scores[place])[: payload.get("top_n")]
        results = [
            {"index": place, "relevance_score": scores[place], "document": {"text": texts[place]}}
            for place in order
        ]
        tokens = sum(len(tokens_of(text)) for text in [payload["query"], *texts])
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _json({"id": "rerank-1", "model": payload["model"], "usage": usage, "results": results})

    async def _tokenize(self, request: web.Request) -> web.Response:
        tokens = prompt_tokens_of(await request.json())
        return _json(
            {"count": len(tokens), "max_model_len": self.context_tokens, "tokens": [*range(len(tokens))]}
        )

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _version(self, _request: web.Request) -> web.Response:
        return _json({"version": "0.0.0-fake"})

    async def _metrics(self, _request: web.Request) -> web.Response:
        page = await self.metrics.page(self.running, self.waiting, self._prompt_tokens, self._tokens_made)
        return web.Response(text=page, content_type="text/plain") if page else web.Response(status=500)


def _event(value: JsonObject) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _json(value: JsonObject, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", headers=headers
    )


def _error(status: int, message: str, kind: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return _json(
        {"error": {"message": message, "type": kind, "param": None, "code": status}}, status, headers
    )


def _drop(request: web.Request) -> None:
    """Cut the connection as a killed process would."""
    if request.transport is not None:
        request.transport.abort()
    raise DroppedOnPurpose


async def _serve(options: argparse.Namespace) -> None:
    behaviour = Behaviour(
        tokens=options.tokens,
        ttft_s=options.ttft_ms / 1000,
        pace_s=options.pace_ms / 1000,
        fault=Fault(options.fault),
        fault_after_tokens=options.fault_after_tokens,
    )
    engine = FakeEngine(options.model or ["fake"], slots=options.slots, behaviour=behaviour)
    await engine.start(options.host, options.port)
    sys.stdout.write(f"fake engine on {engine.base_url}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    await ended.wait()
    await engine.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m inference.testing.fake_engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses one")
    parser.add_argument("--model", action="append", help="a model's name, repeatable (default: fake)")
    parser.add_argument("--slots", type=int, default=64, help="requests that run at once; the rest wait")
    parser.add_argument("--tokens", type=int, help="answer with so many tokens of filler instead of an echo")
    parser.add_argument("--ttft-ms", type=float, default=0.0, help="milliseconds to the first token")
    parser.add_argument("--pace-ms", type=float, default=0.0, help="milliseconds from token to token")
    parser.add_argument("--fault", choices=[str(fault) for fault in Fault], default="none")
    parser.add_argument("--fault-after-tokens", type=int, default=2)
    asyncio.run(_serve(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
