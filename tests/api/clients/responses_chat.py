"""Ask questions over /v1/responses with the official SDK, whole, streamed and with a tool; prints the answers as JSON.

python responses_chat.py BASE_URL KEY MODEL < {"questions": [...], "tool": {...}, "tool_questions": [...]}
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def ask(base_url: str, key: str, model: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Every answer by its question."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    create: Any = client.responses.create
    tool = {"type": "function", **asked["tool"]["function"]}
    whole, streamed, called = {}, {}, {}
    for question in asked["questions"]:
        whole[question] = create(model=model, input=question, temperature=0).output_text
        events = create(model=model, input=question, temperature=0, stream=True)
        streamed[question] = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    for question in asked["tool_questions"]:
        calls = []
        for event in create(model=model, input=question, temperature=0, tools=[tool], stream=True):
            if event.type == "response.function_call_arguments.done":
                calls.append(json.loads(event.arguments))
        (called[question],) = calls
    return {"whole": whole, "streamed": streamed, "called": called}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(sys.argv[1], sys.argv[2], sys.argv[3], json.load(sys.stdin))))
