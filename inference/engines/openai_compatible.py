"""Any server that speaks OpenAI's HTTP API; the other engines are this one plus their quirks.

Answers pass as bytes. Leaving `relay` early closes the connection, which is how every such server learns that
nobody waits any more and frees the GPU.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import orjson

from inference.bodies import read_at_most
from inference.chat_chunks import drain, error_message, parse_answer, read_chunks
from inference.continuing import in_words
from inference.egress.resolving import address_refused
from inference.engines.connections import Connections
from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.settings import EngineSettings, OpenAiCompatibleSettings
from inference.tokenizing.local import LocalTokenizer, texts_of
from inference.types import ChatChunk, EngineLoad, EngineRequest, EngineResponse, ModelInfo, PromptCount

logger = logging.getLogger(__name__)

MAX_ERROR_BYTES = 1024 * 1024
MAX_PROBE_BYTES = 8 * 1024 * 1024
# aiohttp warns about larger bodies given as bytes: it writes them without a pause
_LARGE_BODY_BYTES = 512 * 1024
# Where servers put the length of their context: vLLM, OpenRouter and LM Studio
_CONTEXT_FIELDS = ("max_model_len", "context_length", "max_context_length")


class OpenAiCompatibleEngine:
    """One running language-model server, spoken to over HTTP."""

    settings_type: ClassVar[type[EngineSettings]] = OpenAiCompatibleSettings
    refuses_long_answers: ClassVar[bool] = False
    """Whether it answers 400 to a `max_tokens` for which its context has no room; others stop there ("length")."""

    def __init__(self, name: str, settings: EngineSettings, connections: Connections) -> None:
        self.name = name
        self.kind = settings.engine
        self.base_url = self._base_url(settings)
        self.root_url = self.base_url.removesuffix("/v1")
        self.running = 0
        """Requests of this process that it is answering now."""
        self._settings = settings
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.first_byte_timeout_s
        )
        self._probe_timeout = aiohttp.ClientTimeout(total=settings.probe_timeout_s)
        self._tokenizer = LocalTokenizer(settings.tokenizer) if settings.tokenizer else None
        self._headers = {"Content-Type": "application/json"}
        try:
            key = settings.key()
        except OSError as error:
            raise EngineUnavailable(f"The key of engine {name!r} cannot be read: {error}.") from error
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    @property
    def fallback_only(self) -> bool:
        """Whether it is used only when no other engine has the model."""
        return self._settings.fallback_only

    def _base_url(self, settings: EngineSettings) -> str:
        return settings.base_url

    def _socket_path(self) -> Path | None:
        return None

    def _session(self, *, is_reusing: bool = True) -> aiohttp.ClientSession:
        return self._connections.session(self._socket_path(), is_reusing=is_reusing)

    def prepare(self, request: EngineRequest) -> Mapping[str, Any]:
        """The payload as this server wants it."""
        return in_words(request.payload) if request.is_continuing else request.payload

    @asynccontextmanager
    async def relay(self, request: EngineRequest) -> AsyncIterator[EngineResponse]:
        """Pass the request on and the answer's bytes back; leaving the context closes the engine's request.

        It is entered with the answer's first bytes in hand, so whatever fails before them is EngineUnavailable
        or EngineRefused. To stop a call that is not streamed, cancel the task that waits here.
        """
        url = f"{self.base_url}/{request.route}"
        async with self._exchange(url, self.prepare(request), request.request_id) as (response, frames):
            content_type = response.headers.get("Content-Type", "application/json")
            yield EngineResponse(response.status, content_type, frames, f"local:{self.name}")

    async def stream(self, request: EngineRequest) -> AsyncIterator[ChatChunk]:
        """The same, parsed: text as it comes. Close the iterator to stop the engine."""
        payload = {**request.payload, "stream": True, "stream_options": {"include_usage": True}}
        async with self.relay(replace(request, payload=payload)) as response:
            if response.content_type.startswith("application/json"):  # a server that cannot stream
                yield parse_answer(b"".join([frame async for frame in response.frames]))
                return
            async for chunk in read_chunks(response.frames):
                yield chunk
            await drain(response.frames)

    async def models(self) -> list[ModelInfo]:
        """Ask what it serves. Raises EngineUnavailable."""
        listed = await self._get_json(f"{self.base_url}/models")
        rows = listed.get("data")
        if not isinstance(rows, list):
            raise EngineUnavailable(f"{self.base_url}/models is no list of models: is base_url right?")
        contexts = {
            row["id"]: _context_tokens(row)
            for row in rows
            if isinstance(row, dict) and isinstance(row.get("id"), str)
        }
        settings = self._settings
        return [
            ModelInfo(model, settings.kind, settings.context_tokens or contexts.get(model))
            for model in settings.models or contexts
        ]

    async def load(self) -> EngineLoad:
        """How busy it is; such a server does not tell, so this counts what this process has running there."""
        return EngineLoad(running=self.running, slots=self._settings.max_running)

    async def count_tokens(self, model: str, text: str) -> int | None:
        """OpenAI's API has no way to ask: by the tokenizer that the settings name, if any."""
        return None if self._tokenizer is None else await self._tokenizer.count(text)

    async def count_prompt(self, request: EngineRequest) -> PromptCount | None:
        """The texts by the tokenizer that the settings name; without one nobody knows."""
        if self._tokenizer is None:
            return None
        try:
            counts = [
                sum([await self._tokenizer.count(text.strip()) for text in texts])  # as templates do
                for texts in texts_of(request.payload)
            ]
        except EngineUnavailable as error:
            logger.warning("%s", error)
            return None
        return PromptCount(tuple(counts), is_exact=False) if counts else None

    async def close(self) -> None:
        """Nothing of its own to close: the connections are shared, and whoever opened them closes them."""

    @asynccontextmanager
    async def _exchange(
        self, url: str, payload: Mapping[str, Any], request_id: str
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, AsyncIterator[bytes]]]:
        """Send, wait for the first bytes, and close the connection on the way out unless all was read."""
        self.running += 1
        try:
            response = await self._post(url, orjson.dumps(payload), request_id)
            try:
                await self._raise_for_status(response)
                first = await self._first_bytes(response)
                yield response, self._frames(response, first)
            finally:
                response.close()
        finally:
            self.running -= 1

    async def _post(self, url: str, body: bytes, request_id: str) -> aiohttp.ClientResponse:
        headers = {**self._headers, "X-Request-Id": request_id} if request_id else self._headers
        for is_second_try in (False, True):
            trace = {"is_reused": False}
            try:
                return await self._session(is_reusing=not is_second_try).post(
                    url,
                    data=BytesIO(body) if len(body) > _LARGE_BODY_BYTES else body,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                    trace_request_ctx=trace,
                )
            except TimeoutError as error:
                raise EngineUnavailable(f"{self.name!r} at {self.base_url} took too long.") from error
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # A server may close an idle connection just as it is used again (llama.cpp does so under load):
                # then it never saw the request, and gets it once more on a new one. That one dropping is a failure.
                if is_second_try or not trace["is_reused"]:
                    raise EngineUnavailable(f"{self.name!r} at {self.base_url}: {_why(error)}.") from error
            except aiohttp.ClientError as error:
                raise EngineUnavailable(f"{self.name!r} at {self.base_url}: {_why(error)}.") from error
        raise AssertionError("the second try returns or raises")

    async def _raise_for_status(self, response: aiohttp.ClientResponse) -> None:
        if 300 <= response.status < 400:
            raise EngineUnavailable(
                f"{self.name!r} redirects ({response.status}), which is never followed. "
                "Set base_url to the final address."
            )
        if response.status >= 400:
            body = await self._error_body(response)
            content_type = response.headers.get("Content-Type", "application/json")
            raise EngineRefused(response.status, body, content_type, _retry_after_s(response))

    async def _error_body(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await read_at_most(response, MAX_ERROR_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EngineUnavailable(f"{self.name!r} broke off in its error: {error}.") from error

    async def _first_bytes(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            first = await response.content.readany()
        except TimeoutError as error:
            raise EngineUnavailable(f"{self.name!r} at {self.base_url} took too long.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnavailable(f"{self.name!r} broke off before its answer: {error}.") from error
        connection = response.connection
        if connection is not None and connection.protocol is not None:
            # from here on silence is measured by the shorter limit
            connection.protocol.read_timeout = self._settings.chunk_timeout_s
            connection.protocol.start_timeout()
        return first

    async def _frames(self, response: aiohttp.ClientResponse, first: bytes) -> AsyncIterator[bytes]:
        if first:
            yield first
        try:
            async for data in response.content.iter_any():
                yield data
        except TimeoutError as error:
            raise EngineStreamBroken(
                f"{self.name!r} was silent for {self._settings.chunk_timeout_s:g} s."
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineStreamBroken(f"{self.name!r}: {error}.") from error

    async def _ask_tokenizer(
        self, payload: Mapping[str, Any], path: str = "/tokenize"
    ) -> dict[str, Any] | None:
        """The answer of the server's /tokenize, outside its queue; None where it has none or does not answer."""
        try:
            status, body = await self._send("POST", f"{self.root_url}{path}", orjson.dumps(payload))
            parsed = orjson.loads(body) if status == 200 else None
        except (EngineUnavailable, orjson.JSONDecodeError):
            return None
        return parsed if isinstance(parsed, dict) else None

    async def _get(self, url: str) -> tuple[int, bytes]:
        """Status and body of a small GET. Raises EngineUnavailable."""
        return await self._send("GET", url)

    async def _send(self, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            async with self._session().request(
                method,
                url,
                data=body,
                headers=self._headers,
                timeout=self._probe_timeout,
                allow_redirects=False,
                trace_request_ctx={},
            ) as response:
                return response.status, await read_at_most(response, MAX_PROBE_BYTES)
        except TimeoutError as error:
            limit = self._settings.probe_timeout_s
            raise EngineUnavailable(f"{url} did not answer within {limit:g} s.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnavailable(f"{url}: {_why(error)}.") from error

    async def _get_json(self, url: str) -> dict[str, Any]:
        status, body = await self._get(url)
        if status in (401, 403):
            raise EngineUnavailable(
                f"{url} wants another key ({status}): set api_key of engine {self.name!r}."
            )
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            parsed = None
        if status != 200 or not isinstance(parsed, dict):
            detail = error_message(parsed) if isinstance(parsed, dict) else "is base_url right?"
            raise EngineUnavailable(f"{url} answered {status}: {detail}")
        return parsed


def _why(error: Exception) -> str:
    """What a person can use of a network error."""
    if refused := address_refused(error):
        return str(refused)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "there is no machine of that name"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        return (
            "nothing listens there"
            if isinstance(cause, ConnectionRefusedError | FileNotFoundError)
            else str(cause)
        )
    return str(error) or type(error).__name__


def _context_tokens(row: Mapping[str, Any]) -> int | None:
    for field in _CONTEXT_FIELDS:
        if isinstance(row.get(field), int):
            return int(row[field])
    meta = row.get(
        "meta"
    )  # llama.cpp: n_ctx is what one request gets, n_ctx_train what the model was made for
    if isinstance(meta, dict):
        known = [
            meta[key] for key in ("n_ctx", "n_ctx_train") if isinstance(meta.get(key), int) and meta[key]
        ]
        return min(known) if known else None
    return None


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None
