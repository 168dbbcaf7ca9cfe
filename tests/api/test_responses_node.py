"""openai-node, unchanged, at /v1/responses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.client_environment import client_node
from tests.gateway_harness import Gateway

SCRIPT = Path(__file__).parent / "clients" / "responses_openai.mjs"


async def test_openai_node_works_unchanged(gateway: Gateway) -> None:
    """Whole, streamed, parsed, with tools, going on, reading again, deleting."""
    node = await asyncio.to_thread(client_node, "openai@7.57.0", "zod@4")
    process = await asyncio.create_subprocess_exec(
        *(*node.words, "--input-type=module", "-", f"{gateway.base_url}/v1", "ana", "gpt-4o-mini"),
        cwd=node.folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    out, err = await process.communicate(SCRIPT.read_bytes())

    assert process.returncode == 0, err.decode()[-3000:]
    assert json.loads(out) == {
        "whole": "Echo: How are you?",
        "streamed": "Echo: How are you?",
        "last": "response.completed",
        "accumulated": "Echo: How are you?",
        "parsed": "number",
        "called": "weather",
        "told": "completed",
        "items": 3,
        "kept": "Echo: How are you?",
        "gone": 404,
    }
