"""How a stand-in answers and what goes wrong with it; changed while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inference.testing.answers import echo

Reply = str | Callable[[Mapping[str, Any]], str]


class Fault(StrEnum):
    """What goes wrong."""

    NONE = "none"
    HTTP_500 = "http500"
    HTTP_429 = "http429"
    HANG = "hang"
    """Takes the request and never answers."""
    DIE = "die"
    """Drops the connection after `fault_after_tokens`; a call without streaming has had no byte then."""
    MALFORMED = "malformed"
    """One chunk after `fault_after_tokens` is broken JSON."""
    ERROR_EVENT = "error_event"
    """An error event after `fault_after_tokens`, and no [DONE]."""
    NO_DONE = "no_done"
    """The stream ends properly but for its [DONE]."""
    SLOW = "slow"
    """A silence of `slow_s` after `fault_after_tokens`."""


@dataclass
class Behaviour:
    """How it answers; may be changed between requests. Times in seconds."""

    reply: Reply = echo
    tool_calls: Callable[[Mapping[str, Any]], list[tuple[str, str]]] | None = None
    """(name, arguments as written) of the tools to call; none: it answers. None: the first tool that it is given."""
    tokens: int | None = None
    """Answer with so many tokens of filler instead of the reply."""
    ttft_s: float = 0.0
    """From the request to the first token."""
    pace_s: float = 0.0
    """From token to token."""
    go_on: asyncio.Event | None = None
    """No answer is ended before this is set: what has to happen while it is made may take as long as it likes."""
    fault: Fault = Fault.NONE
    fault_times: int | None = None
    """How many requests the fault hits; None: all."""
    fault_after_tokens: int = 2
    slow_s: float = 30.0
    retry_after_s: float = 2.0
