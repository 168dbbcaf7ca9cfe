"""A stand-in for a provider elsewhere: OpenAI, Anthropic, Google, Mistral or Azure, at their own paths.

    async with FakeCloud("anthropic", api_key="sk-ant-fake") as cloud:
        client = anthropic.AsyncAnthropic(base_url=cloud.root_url, api_key="sk-ant-fake")

    python -m inference.testing.fake_cloud openai --port 8443 --tls --ca-file ca.pem --requests-left 20

Speaks OpenAI's chat/completions as each of them understands it, with the parameters they refuse, and Anthropic's and
Google's own APIs; their official SDKs take it for their own. Remembers every request to the byte (`requests`), says
no in each provider's shape (keys, limits with Retry-After, `behaviour.fault`) and misbehaves as only a machine
elsewhere can (`trouble`). With `tls` it proves itself by an authority of its own (`ca_pem`), for which the package
`trustme` is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import count
from pathlib import Path

import orjson
from aiohttp import web

from inference.testing.answers import JsonObject, echo
from inference.testing.behaviour import Behaviour, Fault, Reply
from inference.testing.clouds import anthropic_messages, google_generate
from inference.testing.clouds.dialects import (
    ProviderName,
    Refusal,
    bad_key,
    complaint,
    key_shown,
    models_offered,
    rate_limited,
    refused,
)
from inference.testing.fake_engine import FakeEngine
from inference.testing.openai_shapes import Choice

__all__ = ["Behaviour", "FakeCloud", "Fault", "ProviderName", "Trouble"]

_PIECE_BYTES = 256 * 1024
_BASE_PATHS: dict[ProviderName, str] = {
    "openai": "/v1",
    "anthropic": "/v1",
    "google": "/v1beta/openai",
    "mistral": "/v1",
    "azure": "/openai/v1",
}
_DEPLOYMENT = "/openai/deployments/{deployment}/chat/completions"
_GENERATE = "/{version:v1|v1beta}/models/{model}:{action}"


class Trouble(StrEnum):
    """What a machine elsewhere does to whoever asks it."""

    NONE = "none"
    REDIRECT = "redirect"
    """It answers 307 to `redirect_to`."""
    HUGE = "huge"
    """An answer of `huge_bytes`, without its length."""
    DRIP = "drip"
    """One byte every `drip_s` seconds, for ever."""
    PACKED = "packed"
    """Its answer is gzipped, asked or not."""
    NO_MONEY = "no_money"
    """The account there is empty."""
    OVERLOADED = "overloaded"
    """503, Anthropic's 529."""


class FakeCloud(FakeEngine):
    """See the module. requests_left: answered before 429; None: no limit. Change trouble and behaviour as it runs."""

    def __init__(
        self,
        provider: ProviderName = "openai",
        models: Sequence[str] = (),
        *,
        api_key: str = "sk-fake-0123456789abcdefghij",
        reply: Reply = echo,
        slots: int = 64,
        behaviour: Behaviour | None = None,
        tls: bool = False,
        names: Sequence[str] = (),
    ) -> None:
        """names: hosts beside localhost for which its certificate is good."""
        super().__init__(models or models_offered(provider), reply=reply, slots=slots, behaviour=behaviour)
        self.provider: ProviderName = provider
        self.api_key = api_key
        self.requests_left: int | None = None
        self.retry_after_s = 20.0
        self.trouble = Trouble.NONE
        self.redirect_to = "http://169.254.169.254/latest/meta-data/"
        self.huge_bytes = 2**30
        self.drip_s = 60.0
        self.sent_bytes = 0
        """Of huge and dripping answers."""
        self.ca_pem = b""
        self._answers = count(1)
        if tls:
            self.tls, self.ca_pem = _certified(["localhost", "127.0.0.1", *names])

    @property
    def base_url(self) -> str:
        """Of its OpenAI-compatible routes."""
        return f"{self.root_url}{_BASE_PATHS[self.provider]}"

    def routes(self) -> list[web.RouteDef]:
        """Those of its provider; everything else is 404, and remembered."""
        base = _BASE_PATHS[self.provider]
        own = {
            "anthropic": [web.post("/v1/messages", self._messages)],
            "google": [
                web.post(_GENERATE, self._generate_content),
                web.get("/{version:v1|v1beta}/models", self._list_models),
            ],
            "azure": [web.post(_DEPLOYMENT, self._complete)],
        }.get(self.provider, [])
        return [
            web.post(f"{base}/chat/completions", self._complete),
            web.get(f"{base}/models", self._list_models),
            *own,
            web.route("*", "/{any:.*}", self._nothing_here),
        ]

    # saying no

    async def _stopped(self, request: web.Request, payload: JsonObject) -> web.StreamResponse | None:
        """Whatever keeps it from answering."""
        if self.trouble in (Trouble.REDIRECT, Trouble.HUGE, Trouble.DRIP, Trouble.PACKED):
            return await self._misbehave(request)
        provider = self.provider
        headers = {name.lower(): value for name, value in request.headers.items()}
        key = key_shown(provider, headers, request.query)
        if key != self.api_key:
            return _said(bad_key(provider, key))
        if self.trouble is Trouble.NO_MONEY:
            return _said(refused(provider, 429, "You exceeded your current quota.", "insufficient_quota"))
        if self.trouble is Trouble.OVERLOADED:
            return _said(refused(provider, 529 if provider == "anthropic" else 503, "Overloaded"))
        if self.requests_left == 0:
            return _said(rate_limited(provider, self.retry_after_s, 0))
        if self.requests_left is not None:
            self.requests_left -= 1
        return None

    def _unknown_model(self, payload: JsonObject) -> web.Response | None:
        if payload.get("model") in self.models:
            return None
        message = f"The model `{payload.get('model')}` does not exist or you do not have access to it."
        return _said(refused(self.provider, 404, message, "model_not_found"))

    def _faulty(self, fault: Fault) -> web.Response | None:
        if fault is Fault.HTTP_500:
            return _said(refused(self.provider, 500, "The server had an error."))
        if fault is Fault.HTTP_429:
            return _said(rate_limited(self.provider, self.behaviour.retry_after_s, 0))
        return None

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        if self.trouble is Trouble.REDIRECT:
            return web.Response(status=307, headers={"Location": self.redirect_to})
        if self.trouble is Trouble.PACKED:
            packed = web.Response(body=b'{"choices": []}', content_type="application/json")
            packed.enable_compression(web.ContentCoding.gzip)
            return packed
        is_huge = self.trouble is Trouble.HUGE
        piece, pause_s = (b" " * _PIECE_BYTES, 0.0) if is_huge else (b":", self.drip_s)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        async with self.slot():
            await response.prepare(request)
            while not is_huge or self.sent_bytes < self.huge_bytes:
                await response.write(piece)
                self.sent_bytes += len(piece)
                self._changed.set()
                await asyncio.sleep(pause_s)
            await response.write_eof()
        return response

    async def _nothing_here(self, request: web.Request) -> web.StreamResponse:
        await self.record(request)
        return _said(refused(self.provider, 404, f"Unknown request URL: {request.method} {request.path}."))

    async def _list_models(self, request: web.Request) -> web.Response:
        await self.record(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        key = key_shown(self.provider, headers, request.query)
        if key != self.api_key:
            return _said(bad_key(self.provider, key))
        if "version" in request.match_info:
            rows = [{"name": f"models/{name}", "displayName": name} for name in self.models]
            return _json({"models": rows})
        if self.provider == "anthropic":
            rows = [
                {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
                for name in self.models
            ]
            return _json(
                {"data": rows, "has_more": False, "first_id": self.models[0], "last_id": self.models[-1]}
            )
        more = (
            {"type": "base", "capabilities": {"completion_chat": True}} if self.provider == "mistral" else {}
        )
        listed = [
            {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": self.provider, **more}
            for name in self.models
        ]
        return _json({"object": "list", "data": listed})

    # OpenAI's words

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        payload = await self.record(request)
        if deployment := request.match_info.get("deployment"):
            payload = {**payload, "model": deployment}
            if not request.query.get("api-version"):
                return _said(refused("azure", 404, "Resource not found"))
        if (stopped := await self._stopped(request, payload)) is not None:
            return stopped
        fault = self._draw_fault()
        if (answer := self._faulty(fault)) is not None:
            return answer
        if (wrong := complaint(self.provider, payload)) is not None:
            return _said(wrong)
        if (unknown := self._unknown_model(payload)) is not None:
            return unknown
        if self.provider == "anthropic":
            payload.pop("response_format", None)  # ignored there
        async with self.slot():
            if fault is Fault.HANG:
                await asyncio.Event().wait()
            await asyncio.sleep(self.behaviour.ttft_s)
            if payload.get("stream"):
                return await self._answer_streamed(request, payload, fault)
            return await self._answer_whole(request, payload, fault)

    async def _events(self, request: web.Request, payload: JsonObject, fault: Fault) -> AsyncIterator[bytes]:
        if self.provider != "mistral":
            async for event in super()._events(request, payload, fault):
                yield event
            return
        # Mistral's last chunk carries reason and usage together, asked for or not
        asked = {**payload, "stream_options": {"include_usage": True}}
        last = b""
        async for event in super()._events(request, asked, fault):
            if b'"choices":[],"usage"' in event:
                usage = orjson.loads(event[5:])["usage"]
                last = b"data: " + orjson.dumps({**orjson.loads(last[5:]), "usage": usage}) + b"\n\n"
                continue
            if last:
                yield last
            last = event
        if last:
            yield last

    # their own words

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await self.record(request)
        payload = anthropic_messages.as_openai(body)
        if (stopped := await self._stopped(request, payload)) is not None:
            return stopped
        if (unknown := self._unknown_model(payload)) is not None:
            return unknown
        if not isinstance(body.get("max_tokens"), int):
            return _said(refused("anthropic", 400, "max_tokens: Field required"))
        if not request.headers.get("anthropic-version"):
            return _said(refused("anthropic", 400, "anthropic-version: header is required"))
        fault = self._draw_fault()
        if (answer := self._faulty(fault)) is not None:
            return answer
        choice, usage = self._made(payload)
        told = (f"{next(self._answers):04}", payload["model"], choice, usage)
        async with self.slot():
            if body.get("stream"):
                return await self._stream(request, anthropic_messages.events(*told))
            return _json(anthropic_messages.message(*told))

    async def _generate_content(self, request: web.Request) -> web.StreamResponse:
        body = await self.record(request)
        model, action = request.match_info["model"], request.match_info["action"]
        payload = google_generate.as_openai(model, body)
        if (stopped := await self._stopped(request, payload)) is not None:
            return stopped
        if (unknown := self._unknown_model(payload)) is not None:
            return unknown
        fault = self._draw_fault()
        if (answer := self._faulty(fault)) is not None:
            return answer
        choice, usage = self._made(payload)
        told = (f"answer-{next(self._answers)}", model, choice, usage)
        async with self.slot():
            if action == "streamGenerateContent":
                return await self._stream(request, google_generate.events(*told))
            return _json(google_generate.whole(*told))

    def _made(self, payload: JsonObject) -> tuple[Choice, JsonObject]:
        [choice] = self._choices(payload, True)
        return choice, self._usage(payload, [choice])

    async def _stream(self, request: web.Request, events: Iterator[bytes]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
            await asyncio.sleep(self.behaviour.pace_s)
        await response.write_eof()
        return response


def _certified(names: Sequence[str]) -> tuple[ssl.SSLContext, bytes]:
    import trustme  # needed by those alone who want TLS

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context, authority.cert_pem.bytes()


def _json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, content_type="application/json", headers=headers
    )


def _said(refusal: Refusal) -> web.Response:
    return _json(refusal.body, refusal.status, refusal.headers)


async def _serve(options: argparse.Namespace) -> None:
    behaviour = Behaviour(
        tokens=options.tokens,
        ttft_s=options.ttft_ms / 1000,
        pace_s=options.pace_ms / 1000,
        fault=Fault(options.fault),
    )
    cloud = FakeCloud(
        options.provider, options.model or (), api_key=options.api_key, behaviour=behaviour, tls=options.tls
    )
    cloud.requests_left, cloud.trouble = options.requests_left, Trouble(options.trouble)
    await cloud.start(options.host, options.port)
    if options.ca_file and cloud.ca_pem:
        await asyncio.to_thread(options.ca_file.write_bytes, cloud.ca_pem)
    sys.stdout.write(f"fake cloud on {cloud.base_url}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    await ended.wait()
    if options.requests_to:
        told = [{"path": one.path, "body": one.body.decode("utf-8", "replace")} for one in cloud.requests]
        await asyncio.to_thread(options.requests_to.write_bytes, orjson.dumps(told))
    await cloud.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m inference.testing.fake_cloud",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("provider", nargs="?", default="openai", choices=list(_BASE_PATHS))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 chooses one")
    parser.add_argument(
        "--model", action="append", help="a model's name, repeatable (default: some of theirs)"
    )
    parser.add_argument("--api-key", default="sk-fake-0123456789abcdefghij", help="the key it accepts")
    parser.add_argument("--tls", action="store_true", help="speak https, with an authority of its own")
    parser.add_argument("--ca-file", type=Path, help="where to write that authority's certificate")
    parser.add_argument("--requests-to", type=Path, help="where to write at the end what was asked, as JSON")
    parser.add_argument("--requests-left", type=int, help="answer so many, then 429")
    parser.add_argument("--tokens", type=int, help="answer with so many tokens of filler instead of an echo")
    parser.add_argument("--ttft-ms", type=float, default=0.0, help="milliseconds to the first token")
    parser.add_argument("--pace-ms", type=float, default=0.0, help="milliseconds from token to token")
    parser.add_argument("--fault", choices=[str(fault) for fault in Fault], default="none")
    parser.add_argument("--trouble", choices=[str(trouble) for trouble in Trouble], default="none")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
