"""What a request is charged before an engine has counted cannot be made small, nor lost, by how it is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.fairness.answer_scan import WholeScan, estimated_prompt_tokens
from inference.types import Usage

TEXT = "word " * 4000  # 5,000 tokens by the rule of four bytes
PICTURE = "data:image/png;base64," + "A" * 4_000_000


@pytest.mark.parametrize(
    ("payload", "least", "most"),
    [
        ({"prompt": [1] * 5000}, 5000, 5000),
        ({"prompt": [[1] * 2500, [2] * 2500]}, 5000, 5000),
        ({"prompt": [TEXT, TEXT]}, 10_000, 10_000),
        ({"messages": [{"role": "user", "content": TEXT}]}, 5000, 5000),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]}, 5000, 5000),
        (
            {
                "messages": [{"role": "user", "content": "x"}],
                "tools": [{"type": "function", "function": {"name": TEXT}}],
            },
            5000,
            5002,
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": TEXT}}]}
                ]
            },
            5000,
            5002,
        ),
        (
            {"messages": [{"content": "x"}], "response_format": {"json_schema": {"schema": {"title": TEXT}}}},
            5000,
            5002,
        ),
        ({"messages": [{"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]}, 500, 4000),
        (
            {"messages": [{"content": [{"input_audio": {"data": "A" * 4_000_000, "format": "wav"}}]}]},
            500,
            4000,
        ),
        ({"messages": [{"role": "user", "content": "語" * 3000}]}, 2000, 3000),
        ({"messages": [{"content": "data:" + TEXT}]}, 5000, 5002),
        ({"tools": [{"type": "x", "image_url": TEXT}]}, 5000, 5000),
        ({}, 1, 1),
        ({"messages": None, "prompt": None}, 1, 1),
    ],
)
def test_all_that_an_engine_reads_is_estimated(payload: dict[str, Any], least: int, most: int) -> None:
    """Token ids, tools, calls, schemas and pictures count; a picture's base64 is not text."""
    assert least <= estimated_prompt_tokens(payload) <= most


@pytest.mark.parametrize("piece", [17, 4096, 65_536, 10_000_000])
def test_usage_in_the_middle_of_a_large_answer_is_found(piece: int) -> None:
    """`prompt_logprobs` and `return_token_ids` make engines write long lists behind it."""
    text = 'She said "usage": {"prompt_tokens": 1}. ' * 2000
    answer = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 70, "completion_tokens": 900},
        "prompt_token_ids": list(range(20_000)),
    }
    body = json.dumps(answer).encode()
    scan = WholeScan()

    out = b"".join(scan.feed(body[at : at + piece]) for at in range(0, len(body), piece))

    assert out == body
    assert scan.usage == Usage(70, 900)
