"""What is known of somebody's MCP server, its tools and what they gave back. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.types import LeavePermit


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server. is_outside: it lies in the internet, so that what goes there passes the door and its ledger.

    headers: secret ones, such as a key; they go to this address alone. permit: why something may go outside.
    """

    url: str
    is_outside: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    actor: str = ""
    permit: LeavePermit | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one operation: a list of tools, or a call. most_bytes: of all answers to it together."""

    seconds: float = 30.0
    most_bytes: int = 1024 * 1024
    most_requests: int = 12


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as its server tells it, cut and cleaned; hostile text. fingerprint: of all that it told, in hexadecimal.

    input_schema: without what could cost us time or lead elsewhere. says_read_only: its own word.
    """

    name: str
    title: str
    description: str
    input_schema: Mapping[str, Any]
    fingerprint: str
    says_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave back: its text alone, cut where was_cut. dropped: kinds of content that were thrown away."""

    text: str
    is_error: bool = False
    was_cut: bool = False
    dropped: tuple[str, ...] = ()
