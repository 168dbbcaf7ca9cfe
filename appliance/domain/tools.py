"""MCP servers of others as this box knows them, and what people agreed to. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

ConsentAnswer = Literal["once", "always", "never"]
ToolState = Literal["approved", "new", "changed", "gone"]
CallOutcome = Literal["done", "failed", "refused", "no_consent", "stayed", "given_up"]


@dataclass(frozen=True, slots=True)
class ToolGrant:
    """Who may have a server called; neither a person nor a group: everybody."""

    user_id: UUID | None = None
    group_id: UUID | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolServer:
    """is_outside: in the internet. sees_documents: what is made from documents or data may be told to it.

    header_files: headers and the files on the box that hold their values. problem: the code of what the last look at
    it failed with; left_out: tools that it offers and that cannot be used, and why.
    """

    id: UUID
    name: str
    url: str
    is_outside: bool
    sees_documents: bool = False
    header_files: Mapping[str, str] = field(default_factory=dict)
    is_paused: bool = False
    problem: str = ""
    left_out: tuple[str, ...] = ()
    looked_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool of a server. approved: the fingerprint an administrator agreed to. is_preapproved: nobody is asked."""

    name: str
    title: str
    description: str
    input_schema: Mapping[str, Any]
    fingerprint: str
    says_read_only: bool = False
    approved: str = ""
    is_preapproved: bool = False
    is_gone: bool = False

    @property
    def state(self) -> ToolState:
        if self.is_gone:
            return "gone"
        if self.approved == self.fingerprint:
            return "approved"
        return "changed" if self.approved else "new"


@dataclass(frozen=True, slots=True)
class WholeToolServer:
    """As administrators see it."""

    server: ToolServer
    tools: tuple[ServerTool, ...] = ()
    grants: tuple[ToolGrant, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptConsent:
    """What somebody said for good. fingerprint: of the tool as it was then."""

    server: str
    server_id: UUID
    tool: str
    answer: Literal["always", "never"]
    fingerprint: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class UsableTool:
    """A tool that somebody may have called, and what they said about it; None: nothing that still counts."""

    server: ToolServer
    tool: ServerTool
    consent: Literal["always", "never"] | None = None

    @property
    def full_name(self) -> str:
        return f"{self.server.name}.{self.tool.name}"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A line of the audit of calls. server: empty for one of our own. consent: how it was agreed to."""

    via: str
    server: str
    tool: str
    outcome: CallOutcome
    ms: int
    argument_bytes: int
    arguments_sha256: str
    result_bytes: int
    request_id: str
    consent: str = ""
    happened_at: datetime | None = None
    id: UUID | None = None
    email: str = ""
