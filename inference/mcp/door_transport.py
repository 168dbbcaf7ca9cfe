"""What the SDK sends, by our own ways out: POST to one address, without redirects, cookies or proxies, and bounded.

Whatever else the SDK would like to do – listen for what a server says by itself, end a session, follow a redirect –
is answered here without a byte leaving.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import aiohttp
import httpx2

from inference.errors import EgressRefused, InferenceError, ToolServerBroken, ToolServerUnavailable
from inference.mcp.types import Bounds

Post = Callable[[bytes, Mapping[str, str]], AbstractAsyncContextManager[aiohttp.ClientResponse]]
"""Sends a body with these headers to the server; raises EgressRefused, aiohttp.ClientError, TimeoutError."""

_SENT = frozenset(
    {"accept", "content-type", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name"}
)
_KEPT = ("content-type", "mcp-session-id")
_LONGEST_HEADER = 1024
_PIECE = 16_384


class DoorTransport(httpx2.AsyncBaseTransport):
    """Of one operation. failure: why it ended, where the SDK only knows that it did."""

    def __init__(self, url: str, post: Post, bounds: Bounds) -> None:
        self._url, self._post, self._bounds = httpx2.URL(url), post, bounds
        self._requests = 0
        self.received = 0
        self.failure: InferenceError | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "POST" or request.url != self._url:
            return httpx2.Response(405, request=request)
        self._requests += 1
        if self._requests > self._bounds.most_requests:
            raise self._failed(ToolServerBroken("It asks for more requests than are allowed."))
        headers = {name: value for name, value in request.headers.items() if name.lower() in _SENT}
        stack = AsyncExitStack()
        try:
            response = await stack.enter_async_context(self._post(await request.aread(), headers))
        except EgressRefused as error:
            raise self._failed(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed(ToolServerUnavailable(f"({type(error).__name__})")) from error
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            await stack.aclose()
            raise self._failed(ToolServerBroken("It packs its answers though it was asked not to."))
        kept = [
            (name, response.headers[name][:_LONGEST_HEADER]) for name in _KEPT if name in response.headers
        ]
        return httpx2.Response(
            response.status, headers=kept, stream=_Bounded(self, response, stack), request=request
        )

    def count(self, size: int) -> None:
        """Raises httpx2.ReadError once it is too much."""
        self.received += size
        if self.received > self._bounds.most_bytes:
            raise self._failed(ToolServerBroken(f"It sent more than {self._bounds.most_bytes // 1024} KiB."))

    def broke(self, error: Exception) -> httpx2.TransportError:
        """In the middle of an answer."""
        if isinstance(error, EgressRefused):
            return self._failed(error)
        return self._failed(ToolServerUnavailable(f"({type(error).__name__})"))

    def _failed(self, failure: InferenceError) -> httpx2.TransportError:
        self.failure = self.failure or failure
        return httpx2.ReadError(str(failure))


class _Bounded(httpx2.AsyncByteStream):
    def __init__(
        self, transport: DoorTransport, response: aiohttp.ClientResponse, stack: AsyncExitStack
    ) -> None:
        self._transport, self._response, self._stack = transport, response, stack

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_chunked(_PIECE):
                self._transport.count(len(piece))
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError, EgressRefused) as error:
            raise self._transport.broke(error) from error

    async def aclose(self) -> None:
        await self._stack.aclose()
