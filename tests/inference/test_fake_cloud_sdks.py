"""The providers' own SDKs, unchanged and in an environment of their own, take the stand-in for their cloud."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from inference.testing.clouds.dialects import ProviderName
from inference.testing.fake_cloud import FakeCloud
from tests.client_environment import client_python

pytestmark = pytest.mark.slow

# Apache-2.0 but for anthropic, which is MIT
SDKS = ("openai==3.54.0", "anthropic==2.12.0", "google-genai==3.4.0", "mistralai==3.7.0")
SCRIPT = Path(__file__).parent / "clients" / "cloud_sdks.py"
PROVIDERS: tuple[ProviderName, ...] = ("openai", "azure", "anthropic", "google", "mistral")


async def test_every_provider_s_own_sdk_takes_the_fake_for_its_cloud() -> None:
    """Whole answers, streams with usage, tool calls, lists of models, and the SDKs' own exceptions."""
    python = await asyncio.to_thread(client_python, *SDKS)
    async with AsyncExitStack() as stack:
        clouds = {name: await stack.enter_async_context(FakeCloud(name)) for name in PROVIDERS}
        told = {
            name: {"url": cloud.root_url, "key": cloud.api_key, "model": cloud.models[0]}
            for name, cloud in clouds.items()
        }
        seen = await _run(python, told)

    for name in PROVIDERS:
        assert seen[name]["text"] == "Echo: One two three", name
        assert seen[name]["used"] == 4, name
        assert seen[name]["tool"] == ["get_weather", {"city": "text"}], name
        assert seen[name].get("models", clouds[name].models)[0].endswith(clouds[name].models[0]), name
    cut = {name: seen[name]["whole"] for name in PROVIDERS}
    assert cut["openai"] == cut["azure"] == cut["mistral"] == ["Echo: One", "length", 2]
    assert cut["anthropic"] == ["Echo: One", "max_tokens", 2]
    assert cut["google"] == ["Echo: One", "MAX_TOKENS", 2]
    assert {name: seen[name]["errors"] for name in PROVIDERS} == {
        "openai": {"key": "AuthenticationError", "model": "NotFoundError"},
        "azure": {"key": "AuthenticationError", "model": "NotFoundError"},
        "anthropic": {"key": "AuthenticationError", "model": "NotFoundError"},
        "google": {"key": "400 INVALID_ARGUMENT", "model": "404 NOT_FOUND"},
        "mistral": {"key": "401", "model": "404"},
    }


async def _run(python: Path, told: dict[str, Any]) -> Any:
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(json.dumps(told).encode()), 300)
    assert process.returncode == 0, errors.decode()[-3000:]
    return json.loads(out)
