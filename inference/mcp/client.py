"""Lists the tools of an MCP server and calls them, with the official SDK over our own ways out.

Each operation is a connection of its own: nothing is kept of a server between two calls, and nobody listens to what it
says by itself. Loads the SDK, which takes a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from inference.errors import InferenceError, ToolServerBroken, ToolServerUnavailable
from inference.mcp.door_transport import DoorTransport
from inference.mcp.schemas import harmless, plain
from inference.mcp.types import Bounds, Endpoint, OfferedTool, Outcome

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_TOOLS, _MOST_PAGES = 100, 5
_MOST_CHARACTERS = 32_000  # of a result
_MOST_BLOCKS = 200
_USUAL = Bounds()

Posts = Callable[[Endpoint, bytes, Mapping[str, str]], AbstractAsyncContextManager[aiohttp.ClientResponse]]
"""How a body goes to a server: by the door where it lies outside, as to a neighbour where it does not."""


class ToolServers:
    """post: see Posts."""

    def __init__(self, post: Posts) -> None:
        self._post = post

    async def listed(
        self, endpoint: Endpoint, bounds: Bounds = _USUAL
    ) -> tuple[list[OfferedTool], list[str]]:
        """Its tools by name, and why others were left out.

        Raises ToolServerUnavailable, ToolServerBroken, EgressRefused.
        """
        async with self._session(endpoint, bounds) as session:
            told: list[types.Tool] = []
            cursor: str | None = None
            for _ in range(_MOST_PAGES):
                params = types.PaginatedRequestParams(cursor=cursor)
                page = await session.send_request(
                    types.ListToolsRequest(params=params), types.ListToolsResult
                )
                told += page.tools
                cursor = page.next_cursor
                if not cursor or len(told) > _MOST_TOOLS:
                    break
        tools: dict[str, OfferedTool] = {}
        left_out: list[str] = []
        for one in told:
            if len(tools) >= _MOST_TOOLS:
                left_out.append(f"more than {_MOST_TOOLS} tools")
                break
            try:
                offered = _offered(one)
            except ValueError as error:
                left_out.append(f"{plain(one.name, 64)}: {error}")
                continue
            tools.setdefault(offered.name, offered)
        return sorted(tools.values(), key=lambda tool: tool.name), left_out[:20]

    async def call(
        self, endpoint: Endpoint, name: str, arguments: Mapping[str, Any], bounds: Bounds = _USUAL
    ) -> Outcome:
        """Raises ToolServerUnavailable, ToolServerBroken, EgressRefused."""
        async with self._session(endpoint, bounds) as session:
            params = types.CallToolRequestParams(name=name, arguments=dict(arguments))
            # Not session.call_tool: it would list the tools again and hold the result against a stranger's schema.
            result = await session.send_request(types.CallToolRequest(params=params), types.CallToolResult)
        return _outcome(result)

    @asynccontextmanager
    async def _session(self, endpoint: Endpoint, bounds: Bounds) -> AsyncIterator[ClientSession]:
        def post(
            body: bytes, headers: Mapping[str, str]
        ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
            return self._post(endpoint, body, headers)

        transport = DoorTransport(endpoint.url, post, bounds)
        try:
            async with (
                asyncio.timeout(bounds.seconds),
                httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None) as http,
                Client(
                    streamable_http_client(
                        endpoint.url,
                        http_client=http,
                        terminate_on_close=False,
                        max_sse_event_size=bounds.most_bytes,
                    ),
                    read_timeout_seconds=bounds.seconds,
                    client_info=types.Implementation(name="llm-appliance", version=""),
                    cache=None,
                ) as client,
            ):
                yield client.session
        except TimeoutError as error:
            failure = transport.failure or ToolServerUnavailable(
                f"It took longer than {bounds.seconds:.0f} s."
            )
            raise failure from error
        except Exception as error:
            raise _understood(error, transport.failure) from error


def _understood(error: BaseException, failure: InferenceError | None) -> BaseException:
    """What the transport knows counts first; the SDK wraps what happens in groups."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if failure is not None:
        return failure
    if isinstance(error, InferenceError):
        return error
    if isinstance(error, MCPError):
        return ToolServerBroken(f"It says: {plain(error.error.message, 200)} ({error.error.code})")
    if isinstance(error, ValidationError):
        return ToolServerBroken("It answers in a shape that MCP does not have, or wants something of us.")
    return ToolServerBroken(f"({type(error).__name__})")


def _offered(tool: types.Tool) -> OfferedTool:
    """Raises ValueError."""
    if not _NAME.fullmatch(tool.name):
        raise ValueError("its name may have letters, digits, dots, dashes and underscores, 64 at most")
    told = tool.model_dump(mode="json", by_alias=True, exclude_none=True)
    fingerprint = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    hints = tool.annotations
    return OfferedTool(
        tool.name,
        plain(tool.title or (hints.title if hints else "") or "", 100),
        plain(tool.description or ""),
        harmless(tool.input_schema),
        fingerprint,
        bool(hints and hints.read_only_hint),
    )


def _outcome(result: types.CallToolResult) -> Outcome:
    pieces: list[str] = []
    dropped: list[str] = []
    for block in result.content[:_MOST_BLOCKS]:
        if isinstance(block, types.TextContent):
            pieces.append(block.text)
        elif isinstance(block, types.EmbeddedResource) and isinstance(
            block.resource, types.TextResourceContents
        ):
            pieces.append(block.resource.text)
        else:
            dropped.append(str(block.type))
    if len(result.content) > _MOST_BLOCKS:
        dropped.append("more")
    text = "\n\n".join(pieces)
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    clean = _readable(text[: _MOST_CHARACTERS + 1])
    return Outcome(
        clean[:_MOST_CHARACTERS], result.is_error, len(text) > _MOST_CHARACTERS, tuple(dict.fromkeys(dropped))
    )


def _readable(text: str) -> str:
    """Without control characters but line ends."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
