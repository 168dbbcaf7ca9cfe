"""OpenAI's own clients, for Python and for node, hear with this box as they would with theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.test_audio_routes import gateway, speech
from tests.client_environment import client_node, client_python
from tests.gateway_harness import Gateway
from tests.speech_process import BY_NAME

__all__ = ["gateway", "speech"]

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).parent / "clients"
SAID = BY_NAME["luces"]


def python_words() -> tuple[list[str], Path, bytes]:
    """Command, folder, what it reads."""
    return [str(client_python("openai>=3,<4")), str(CLIENTS / "hear_openai.py")], CLIENTS, b""


def node_words() -> tuple[list[str], Path, bytes]:
    """The same for node."""
    node = client_node("openai@7.57.0")
    return [*node.words, "--input-type=module", "-"], node.folder, (CLIENTS / "hear_openai.mjs").read_bytes()


@pytest.mark.parametrize("prepare", [python_words, node_words], ids=["python", "node"])
async def test_the_official_client_hears_in_every_way(
    gateway: Gateway,
    prepare: Callable[[], tuple[list[str], Path, bytes]],
) -> None:
    """Its types read our answers: text, subtitles, times of words, a translation, a stream."""
    words, folder, script = await asyncio.to_thread(prepare)
    process = await asyncio.create_subprocess_exec(
        *(*words, str(SAID.clip), f"{gateway.base_url}/v1"),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate(script)
    assert process.returncode == 0, errors.decode()[-2000:]
    told = json.loads(out)

    assert told["json"] == told["text"].strip() == SAID.text
    assert told["srt"].startswith("1\n00:00:00,") and SAID.text in told["srt"]
    assert told["verbose"] == [SAID.text, "spanish", 1, len(SAID.text.split())]
    assert told["english"] == SAID.english
    assert told["events"] == [["transcript.text.delta", SAID.text], ["transcript.text.done", SAID.text]]
