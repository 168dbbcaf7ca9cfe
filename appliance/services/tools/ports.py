"""What tools of others need from outside; storage and `inference.mcp` fulfil these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, Viewer
from appliance.domain.tools import KeptConsent, ToolCall, ToolGrant, ToolServer, UsableTool, WholeToolServer
from appliance.fairness.leaving.decisions import Facts
from inference.mcp.types import OfferedTool, Outcome


class ToolServerRepository(Protocol):
    """`storage.tool_servers` fulfils it; each change is written together with its event."""

    async def listed(self, viewer: Viewer) -> Sequence[WholeToolServer]: ...

    async def server(self, viewer: Viewer, server_id: UUID) -> WholeToolServer: ...

    async def add(self, viewer: Viewer, new: ToolServer, event: AccountEvent) -> UUID: ...

    async def change(
        self,
        viewer: Viewer,
        server_id: UUID,
        event: AccountEvent,
        *,
        is_paused: bool | None = None,
        sees_documents: bool | None = None,
    ) -> None: ...

    async def remove(self, viewer: Viewer, server_id: UUID, event: AccountEvent) -> None: ...

    async def offered(
        self, viewer: Viewer, server_id: UUID, tools: Sequence[OfferedTool], left_out: Sequence[str]
    ) -> None: ...

    async def failed(self, viewer: Viewer, server_id: UUID, problem: str) -> None: ...

    async def approve(
        self,
        viewer: Viewer,
        server_id: UUID,
        tool: str,
        fingerprint: str,
        event: AccountEvent,
        *,
        is_preapproved: bool,
    ) -> None: ...

    async def withdraw(self, viewer: Viewer, server_id: UUID, tool: str, event: AccountEvent) -> None: ...

    async def grant(
        self, viewer: Viewer, server_id: UUID, grants: Sequence[ToolGrant], event: AccountEvent
    ) -> None: ...

    async def calls(self, viewer: Viewer, before: UUID | None, limit: int) -> Sequence[ToolCall]: ...


class ToolUse(Protocol):
    """`storage.tool_use` fulfils it."""

    async def usable(self, viewer: Viewer) -> Sequence[UsableTool]: ...

    async def remember(self, viewer: Viewer, tool: UsableTool, answer: str, event: AccountEvent) -> None: ...

    async def consents(self, viewer: Viewer) -> Sequence[KeptConsent]: ...

    async def forget(self, viewer: Viewer, server_id: UUID, tool: str, event: AccountEvent) -> None: ...

    async def note(self, viewer: Viewer, call: ToolCall) -> None: ...


class Strangers(Protocol):
    """MCP servers, by the ways out that they have. Raises what inference.mcp.client does."""

    async def lies_outside(self, url: str) -> bool:
        """Raises InvalidRequest for an address where no server may be."""
        ...

    async def listed(self, server: ToolServer, actor: str) -> tuple[list[OfferedTool], list[str]]: ...

    async def call(
        self, server: ToolServer, tool: str, arguments: Mapping[str, Any], actor: str, call_id: str
    ) -> Outcome: ...


class LeavingFacts(Protocol):
    """Which collections may leave, and whose requests stay; `storage.leaving` does."""

    async def facts(self, caller: Caller, collections: Sequence[UUID]) -> Facts: ...
