"""A provider elsewhere, through its OpenAI-compatible routes: the one engine whose requests leave the box.

Every byte goes through the door that keeps the ledger, with the permit of the request; without one nothing is opened.
It never calls out on its own account: its models are those of its section, and how it fares is known from the answers
that people got. Knows nothing of who may send what; see `inference.cloud` for what is known of providers.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar, cast
from urllib.parse import quote

import aiohttp
import orjson

from inference.bodies import read_at_most
from inference.cloud.answers import mended_stream, mended_whole
from inference.cloud.pace import AnswerTooLarge, AnswerTooSlow, Pace, PaceLimits
from inference.cloud.refusals import refusal
from inference.cloud.rules import CannotBeSaid, Draft, Drop, translate
from inference.cloud.settings import CloudSettings
from inference.egress import EgressSession
from inference.engines.connections import Connections
from inference.engines.openai_compatible import MAX_ERROR_BYTES, OpenAiCompatibleEngine
from inference.errors import (
    CloudCannot,
    CloudKeyRefused,
    CloudNotPermitted,
    CloudRefused,
    CloudUnreachable,
    EgressRefused,
    EngineStreamBroken,
    EngineUnavailable,
)
from inference.personal_data.restoring import restored
from inference.settings import EngineSettings
from inference.types import EngineRequest, EngineResponse, LeavePermit, ModelInfo

PURPOSE = "cloud"
"""Under which its requests stand in the ledger."""
_ROUTES = {"chat": "chat/completions", "embedding": "embeddings"}


class CloudEngine(OpenAiCompatibleEngine):
    """One provider, or one resource there."""

    settings_type: ClassVar[type[EngineSettings]] = CloudSettings

    def __init__(self, name: str, settings: EngineSettings, connections: Connections) -> None:
        super().__init__(name, settings, connections)
        self._cloud = cast(CloudSettings, settings)
        self._title = self._cloud.preset.title
        self._where = f"{self._title} at {self.base_url}"
        self._key = settings.key()
        header = self._cloud.preset.key_header
        shown = f"Bearer {self._key}" if header == "authorization" else self._key
        self._headers = {"content-type": "application/json"} | ({header: shown} if self._key else {})
        self._trust = _trust(name, self._cloud)
        self._out: EgressSession | None = None
        self._trouble = ""

    @property
    def title(self) -> str:
        """What people call the provider."""
        return self._title

    async def models(self) -> list[ModelInfo]:
        """Those of its section, at once: nobody is asked. Raises EngineUnavailable while its key is known to be bad."""
        if not self._key and self._cloud.provider != "custom":
            raise EngineUnavailable(f"{self._title} wants a key: set api_key_file of [engines.{self.name}].")
        if self._trouble:
            raise EngineUnavailable(self._trouble)
        settings = self._cloud
        return [ModelInfo(name, settings.kind, settings.context_tokens) for name in settings.own_names]

    @asynccontextmanager
    async def relay(self, request: EngineRequest) -> AsyncIterator[EngineResponse]:
        """Send it with its permit, and pass the answer's bytes; leaving the context closes the connection.

        Raises CloudNotPermitted, CloudCannot, CloudUnreachable, CloudRefused, CloudKeyRefused, all of them
        EngineUnavailable; EngineRefused for what is wrong with the request itself; while reading EngineStreamBroken.
        """
        if request.permit is None:
            raise CloudNotPermitted(f"It would have gone to {self._title}.")
        draft = self._draft(request)
        self.running += 1
        began_s = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                response, first = await self._opened(stack, draft, request.permit)
                stack.callback(response.close)
                frames = self._paced(response, first, began_s)
                content_type = response.headers.get("Content-Type", "application/json")
                if self._cloud.preset.has_odd_answers:
                    is_stream = content_type.startswith("text/event-stream")
                    frames = mended_stream(frames) if is_stream else mended_whole(frames)
                if request.originals:
                    frames = restored(frames, request.originals, content_type)
                yield EngineResponse(
                    response.status, content_type, frames, f"cloud:{self.name}", tuple(draft.notes)
                )
        finally:
            self.running -= 1

    async def close(self) -> None:
        """Close its connections; what runs breaks off."""
        if self._out is not None:
            await self._out.close()
            self._out = None

    def _draft(self, request: EngineRequest) -> Draft:
        settings, theirs = self._cloud, str(request.payload.get("model"))
        if request.route != _ROUTES.get(settings.kind):
            raise CloudCannot(f"{self._title} is not asked by the route {request.route}.")
        try:
            return translate(
                self.prepare(request),
                settings.model_behind(theirs),
                [*settings.preset.rules, Drop(tuple(settings.drop_parameters))],
                settings.preset.known | frozenset(settings.keep_parameters),
                settings.parameters,
            )
        except CannotBeSaid as why:
            raise CloudCannot(f"{self._title}: {why}") from why

    def _url(self, draft: Draft) -> str:
        settings, route = self._cloud, _ROUTES[self._cloud.kind]
        if not settings.api_version:
            return f"{settings.base_url}/{route}"
        root = settings.base_url.removesuffix("/v1").removesuffix("/openai")
        deployment = quote(str(draft.payload["model"]), safe="")
        return f"{root}/openai/deployments/{deployment}/{route}?api-version={quote(settings.api_version)}"

    async def _opened(
        self, stack: AsyncExitStack, draft: Draft, permit: LeavePermit
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """The answer with its first bytes, or why there is none."""
        settings = self._cloud
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.first_byte_timeout_s
        )
        body = orjson.dumps(draft.payload)
        try:
            async with asyncio.timeout(settings.first_byte_timeout_s):
                response = await stack.enter_async_context(
                    self._session_out().post(
                        self._url(draft),
                        body,
                        headers=self._headers,
                        permit=permit,
                        engine=self.name,
                        timeout=timeout,
                    )
                )
                await self._look_at(response)
                first = await response.content.readany()
        except TimeoutError as error:
            raise CloudUnreachable(
                f"{self._where} sent nothing within {settings.first_byte_timeout_s:g} s."
            ) from error
        except EgressRefused as error:
            raise CloudUnreachable(str(error)) from error
        except aiohttp.ClientSSLError as error:
            raise CloudUnreachable(_untrusted(self.name, error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise CloudUnreachable(f"{self._where}: {_why(error)}.") from error
        self._trouble = ""
        return response, first

    async def _look_at(self, response: aiohttp.ClientResponse) -> None:
        """Raises CloudUnreachable, CloudRefused, CloudKeyRefused, EngineRefused."""
        if 300 <= response.status < 400:
            raise CloudUnreachable(
                f"{self._title} redirects ({response.status}), which is never followed: set base_url of "
                f"[engines.{self.name}] to the final address."
            )
        if response.status >= 400:
            body = await read_at_most(response, MAX_ERROR_BYTES)
            now = datetime.now(UTC)
            error = refusal(self.name, self._title, response.status, body, response.headers, self._key, now)
            if isinstance(error, CloudKeyRefused):
                self._trouble = str(error)
            raise error
        most = self._cloud.most_answer_mib << 20
        if (response.content_length or 0) > most:
            raise CloudRefused(f"{self._title} wants to send more than {most >> 20} MiB.", 502)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise CloudRefused(f"{self._title} sent its answer packed, which it was not asked for.", 502)

    async def _paced(
        self, response: aiohttp.ClientResponse, data: bytes, began_s: float
    ) -> AsyncIterator[bytes]:
        settings = self._cloud
        limits = PaceLimits(
            settings.most_answer_mib << 20, settings.least_bytes_per_minute, settings.answer_timeout_s
        )
        pace = Pace(limits, began_s)
        try:
            while data:
                pace.took(len(data), time.monotonic())
                yield data
                patience_s = min(settings.chunk_timeout_s, pace.left_s(time.monotonic()))
                async with asyncio.timeout(patience_s):
                    data = await response.content.readany()
        except (AnswerTooLarge, AnswerTooSlow) as error:
            raise EngineStreamBroken(f"{self._title}: {error}") from error
        except TimeoutError as error:
            if pace.left_s(time.monotonic()) > 0:
                raise EngineStreamBroken(f"{self._title} was silent for {patience_s:g} s.") from error
            raise EngineStreamBroken(
                f"{self._title}: it was not complete after {settings.answer_timeout_s:g} s."
            ) from error
        except EgressRefused as error:
            raise EngineStreamBroken(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineStreamBroken(f"{self._title}: {error}.") from error

    def _session(self, *, is_reusing: bool = True) -> aiohttp.ClientSession:
        """The connections of engines nearby: whatever is not `relay` stays here. Raises CloudUnreachable."""
        raise CloudUnreachable(f"{self._title} is asked with a permit and not otherwise.")

    def _session_out(self) -> EgressSession:
        """Opened on first use, inside the running event loop."""
        if self._out is None:
            if self._connections.egress is None:
                raise CloudUnreachable("This process has no way out of the box.")
            self._out = self._connections.egress.open(PURPOSE, ssl=self._trust)
        return self._out


def _trust(name: str, settings: CloudSettings) -> ssl.SSLContext | None:
    if settings.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise EngineUnavailable(
            f"ca_file of [engines.{name}] cannot be used: {error}. Give it a certificate in PEM."
        ) from error


def _untrusted(name: str, error: aiohttp.ClientSSLError) -> str:
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    why = getattr(cause, "verify_message", "") or str(cause)
    return (
        f"Whoever answers at {error.host} cannot prove to be that host ({why.rstrip('.')}). If a proxy of the company "
        f"stands between, set ca_file of [engines.{name}] to its certificate authority."
    )


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no machine of that name"
    if isinstance(error, aiohttp.ClientConnectorError):
        return (
            "nobody listens there"
            if isinstance(error.os_error, ConnectionRefusedError)
            else str(error.os_error)
        )
    return str(error) or type(error).__name__
