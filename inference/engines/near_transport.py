"""For a package that brings its own HTTP client: it reaches servers of the own network and no others."""

from __future__ import annotations

import asyncio

import httpx

from inference.egress import Neighbours


class NearTransport(httpx.AsyncBaseTransport):
    """Each request's host is looked at first. Its name is looked up once more for the connection itself: this finds a
    wrong address in the settings, and is no wall against a name service that lies.
    """

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours, self._inner = neighbours, httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if why := await asyncio.to_thread(self._neighbours.refusal, str(request.url)):
            raise httpx.ConnectError(f"{why}; see egress.inside", request=request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()
