"""The official SDK asking a gateway everything the small model was taught."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.client_environment import client_python
from tests.contracts.engines.rows import TAUGHT

__all__ = ["TAUGHT_CALLS", "sdk_answers"]

_CLIENTS = Path(__file__).parent / "api" / "clients"
TAUGHT_CALLS = 2 * len(TAUGHT["chat"]) + len(TAUGHT["tool_calls"])
"""Requests that one asking takes: each question whole and streamed, and each question for the tool."""


async def sdk_answers(
    base_url: str, key: str, model: str, client: str = "openai_sdk_chat.py"
) -> dict[str, Any]:
    """`whole` and `streamed` answers by their question, and what the tool was `called` with.

    base_url: of the gateway, without /v1. client: which of tests/api/clients asks. Skips the test where the SDK
    cannot be installed.
    """
    python = await asyncio.to_thread(client_python, "openai>=3,<4")
    asked = {
        "questions": list(TAUGHT["chat"]),
        "tool": TAUGHT["tool"],
        "tool_questions": list(TAUGHT["tool_calls"]),
    }
    process = await asyncio.create_subprocess_exec(
        *(str(python), str(_CLIENTS / client), f"{base_url}/v1", key, model),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(asked).encode())
    assert process.returncode == 0, err.decode()[-3000:]
    answers: dict[str, Any] = json.loads(out)
    return answers
