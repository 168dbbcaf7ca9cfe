"""Batch requests go behind the others inside vLLM too, where it was started to know priorities."""

from __future__ import annotations

import pytest

from inference.engines.connections import Connections
from inference.engines.vllm import VllmEngine
from inference.settings import VllmSettings
from inference.types import EngineRequest

PAYLOAD = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("knows_priorities", "is_batch", "priority"),
    [(True, True, 10), (True, False, None), (False, True, None)],
)
def test_only_batch_requests_to_a_server_that_knows_priorities_carry_one(
    knows_priorities: bool, is_batch: bool, priority: int | None
) -> None:
    """vLLM answers 400 to a priority under its default policy."""
    settings = VllmSettings(engine="vllm", priority_scheduling=knows_priorities)
    engine = VllmEngine("v", settings, Connections())

    sent = engine.prepare(EngineRequest("chat/completions", PAYLOAD, is_batch=is_batch))

    assert sent.get("priority") == priority
    assert "priority" not in PAYLOAD
