"""Lines of JSON between the keeper and the gateway processes, on a unix socket in the appliance's private folder.

Gateway -> keeper
    {"report": {"worker", "seen", "running": {model: n}, "waiting": {model: n}}}
    {"ask": number, "do": "start" | "stop" | "restart", "model", ...}
Keeper -> gateway
    {"version", "models": [KeptModel …], "loads_on_use"}     at once, and at every change
    {"answer": number, "model": {…}} or {"answer": number, "refused": {"code", "detail"}}
"""

from __future__ import annotations

from asyncio import LimitOverrunError, StreamReader, StreamWriter
from typing import Any

import orjson

LONGEST_LINE = 1 << 20


async def read_line(reader: StreamReader) -> dict[str, Any] | None:
    """The next message; None: the other side is gone, or speaks something else."""
    try:
        line = await reader.readline()
        message = orjson.loads(line) if line.endswith(b"\n") else None
    except (ConnectionError, LimitOverrunError, ValueError):
        return None
    return message if isinstance(message, dict) else None


def write_line(writer: StreamWriter, message: dict[str, Any]) -> None:
    """Small and seldom: nobody waits until it has left."""
    if not writer.is_closing():
        writer.write(orjson.dumps(message) + b"\n")
