"""Reading an HTTP answer without trusting its length."""

from __future__ import annotations

import aiohttp


async def read_at_most(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """The body, cut off after limit_bytes. (`content.read(n)` would return after its first piece.)"""
    body = bytearray()
    while len(body) < limit_bytes and (data := await response.content.readany()):
        body += data
    return bytes(body[:limit_bytes])
