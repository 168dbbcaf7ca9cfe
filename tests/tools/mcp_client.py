"""The official SDK as a client of a gateway's `/mcp`, in both generations of the protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def connected(url: str, key: str, mode: str = "auto", **more: Any) -> AsyncIterator[Client]:
    """mode: `auto` finds the newest generation, `legacy` begins with a handshake. more: headers to send."""
    headers = {"authorization": f"Bearer {key}", **more}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60.0) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client
