"""What a model or a pipeline may call beside answering: our own tools, and those of MCP servers that were let in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from appliance.domain.origins import Origins
from appliance.domain.people import Caller


@dataclass(frozen=True, slots=True)
class Tool:
    """name: `search_documents`, or `SERVER.NAME` of an MCP server. input_schema: JSON Schema of the arguments.

    server: whose it is; empty: our own. needs_consent: the asker has not yet agreed that it is called for them.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    server: str = ""
    needs_consent: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call brought, as text for a model. origins: what it was made from; None, unknown, stays on the box."""

    text: str
    is_error: bool = False
    origins: Origins = None
    structured: Mapping[str, Any] = field(default_factory=dict)


class Tools(Protocol):
    """Every call runs with the caller's own permissions."""

    async def listed(self, caller: Caller) -> Sequence[Tool]: ...

    async def call(
        self, caller: Caller, name: str, arguments: Mapping[str, Any], request_id: str, origins: Origins
    ) -> ToolResult:
        """origins: of the arguments, which a foreign server would be told.

        Raises NotFound, NotPermitted, InvalidRequest.
        """
        ...
