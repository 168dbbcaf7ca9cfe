"""MCP servers of others, as administrators add, look at, approve and share them; every change is audited."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller
from appliance.domain.tools import ToolCall, ToolGrant, ToolServer, WholeToolServer
from appliance.errors import InvalidRequest
from appliance.services.accounts.people import require_admin, require_reader
from appliance.services.tools.ports import Strangers, ToolServerRepository
from inference.errors import InferenceError

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# Ours to set, or of a meaning that could lead a request elsewhere.
_NOT_THESE = frozenset(
    {
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "cookie",
        "accept",
        "accept-encoding",
    }
)
_MOST_HEADERS = 8


class ToolDesk:
    """The use cases behind /api/tools/servers."""

    def __init__(self, repository: ToolServerRepository, strangers: Strangers) -> None:
        self._repository, self._strangers = repository, strangers

    async def listed(self, caller: Caller) -> Sequence[WholeToolServer]:
        """Raises NotPermitted."""
        require_admin(caller)
        return await self._repository.listed(caller.viewer)

    async def server(self, caller: Caller, server_id: UUID) -> WholeToolServer:
        """Raises NotPermitted, NotFound."""
        require_admin(caller)
        return await self._repository.server(caller.viewer, server_id)

    async def add(
        self, caller: Caller, name: str, url: str, header_files: Mapping[str, str], *, sees_documents: bool
    ) -> WholeToolServer:
        """It is looked at, nothing of it is approved, and nobody may have it called yet.

        Raises NotPermitted, InvalidRequest, Conflict.
        """
        require_admin(caller)
        new = await self._checked(name, url, header_files, sees_documents=sees_documents)
        event = AccountEvent("tools.server_added", caller.user_id, None, {"server": name, "url": url})
        server_id = await self._repository.add(caller.viewer, new, event)
        return await self.look(caller, server_id)

    async def look(self, caller: Caller, server_id: UUID) -> WholeToolServer:
        """What it offers now; where it does not answer, why. What changed waits for approval."""
        require_admin(caller)
        whole = await self._repository.server(caller.viewer, server_id)
        try:
            tools, left_out = await self._strangers.listed(whole.server, caller.email)
        except InferenceError as error:
            await self._repository.failed(caller.viewer, server_id, error.code)
        else:
            await self._repository.offered(caller.viewer, server_id, tools, left_out)
        return await self._repository.server(caller.viewer, server_id)

    async def change(
        self,
        caller: Caller,
        server_id: UUID,
        *,
        is_paused: bool | None = None,
        sees_documents: bool | None = None,
    ) -> WholeToolServer:
        """None: as it is. Raises NotPermitted, NotFound, InvalidRequest."""
        require_admin(caller)
        if sees_documents:
            _require_inside((await self._repository.server(caller.viewer, server_id)).server.is_outside)
        detail = {"is_paused": is_paused, "sees_documents": sees_documents}
        event = AccountEvent("tools.server_changed", caller.user_id, server_id, detail)
        await self._repository.change(
            caller.viewer, server_id, event, is_paused=is_paused, sees_documents=sees_documents
        )
        return await self._repository.server(caller.viewer, server_id)

    async def remove(self, caller: Caller, server_id: UUID) -> None:
        """With what people agreed to. Raises NotPermitted, NotFound."""
        require_admin(caller)
        event = AccountEvent("tools.server_removed", caller.user_id, server_id)
        await self._repository.remove(caller.viewer, server_id, event)

    async def approve(
        self, caller: Caller, server_id: UUID, tool: str, fingerprint: str, *, is_preapproved: bool
    ) -> WholeToolServer:
        """fingerprint: of what was looked at. is_preapproved: it changes nothing, so nobody is asked each time.

        Raises NotPermitted, Conflict.
        """
        require_admin(caller)
        detail = {"tool": tool, "fingerprint": fingerprint, "is_preapproved": is_preapproved}
        event = AccountEvent("tools.tool_approved", caller.user_id, server_id, detail)
        await self._repository.approve(
            caller.viewer, server_id, tool, fingerprint, event, is_preapproved=is_preapproved
        )
        return await self._repository.server(caller.viewer, server_id)

    async def withdraw(self, caller: Caller, server_id: UUID, tool: str) -> WholeToolServer:
        """From now on nobody can have it called. Raises NotPermitted, NotFound."""
        require_admin(caller)
        event = AccountEvent("tools.tool_withdrawn", caller.user_id, server_id, {"tool": tool})
        await self._repository.withdraw(caller.viewer, server_id, tool, event)
        return await self._repository.server(caller.viewer, server_id)

    async def grant(self, caller: Caller, server_id: UUID, grants: Sequence[ToolGrant]) -> WholeToolServer:
        """In place of whoever had it. Raises NotPermitted, NotFound."""
        require_admin(caller)
        subjects = [str(one.user_id or one.group_id or "everybody") for one in grants]
        event = AccountEvent("tools.server_shared", caller.user_id, server_id, {"with": subjects})
        await self._repository.grant(caller.viewer, server_id, grants, event)
        return await self._repository.server(caller.viewer, server_id)

    async def calls(self, caller: Caller, before: UUID | None, limit: int) -> Sequence[ToolCall]:
        """Everybody's, latest first. Raises NotPermitted."""
        require_reader(caller)
        return await self._repository.calls(caller.viewer, before, limit)

    async def _checked(
        self, name: str, url: str, header_files: Mapping[str, str], *, sees_documents: bool
    ) -> ToolServer:
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "`name` begins with a small letter and has small letters, digits and dashes, 32 at most.",
                param="name",
            )
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
            raise InvalidRequest("`url` must be an address such as https://mcp.example.com/mcp.", param="url")
        if len(header_files) > _MOST_HEADERS:
            raise InvalidRequest(f"At most {_MOST_HEADERS} headers.", param="header_files")
        for header, file in header_files.items():
            if (
                not _HEADER.fullmatch(header)
                or header.lower() in _NOT_THESE
                or header.lower().startswith("mcp-")
            ):
                raise InvalidRequest(f"{header[:64]!r} is no header that can be set.", param="header_files")
            if not _FILE.fullmatch(file):
                raise InvalidRequest(
                    "A header's file is named as it stands in tools.secrets_folder, without folders.",
                    param="header_files",
                )
        is_outside = await self._strangers.lies_outside(url)
        if sees_documents:
            _require_inside(is_outside)
        return ToolServer(UUID(int=0), name, url, is_outside, sees_documents, header_files)


def _require_inside(is_outside: bool) -> None:
    if is_outside:
        raise InvalidRequest(
            "A server outside of the own network is not let see documents; mark the collections that may leave.",
            param="sees_documents",
        )
