"""A tool that is called, or waits to be agreed to, as the events of a turn tell it. Pure."""

from __future__ import annotations

from typing import Any

from appliance.domain.answers import ConsentAsked, ToolCalled


def as_consent(asked: ConsentAsked) -> dict[str, Any]:
    """A status: the answer waits for its asker."""
    return {
        "state": "consent",
        "ask_id": asked.ask_id,
        "tool": asked.tool,
        "title": asked.title,
        "goes_to": asked.goes_to,
        "is_outside": asked.is_outside,
        "arguments": _plain(asked.arguments),
        "seconds_left": round(asked.seconds_left),
    }


def as_tool(called: ToolCalled) -> dict[str, Any]:
    """A call that has ended."""
    return {
        "tool": called.tool,
        "arguments": _plain(called.arguments),
        "outcome": called.outcome,
        "ms": called.ms,
    }


def _plain(text: str) -> str:
    """As PostgreSQL can hold it."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
