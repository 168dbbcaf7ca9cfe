"""Ask questions with the official SDK, whole, streamed and with a tool; prints the answers as JSON.

python openai_sdk_chat.py BASE_URL KEY MODEL < {"questions": [...], "tool": {...}, "tool_questions": [...]}
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def ask(base_url: str, key: str, model: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Every answer by its question."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    whole, streamed, called = {}, {}, {}
    for question in asked["questions"]:
        said: Any = [{"role": "user", "content": question}]
        answer = client.chat.completions.create(model=model, messages=said, temperature=0)
        whole[question] = answer.choices[0].message.content
        chunks = client.chat.completions.create(model=model, messages=said, temperature=0, stream=True)
        streamed[question] = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    for question in asked["tool_questions"]:
        said = [{"role": "user", "content": question}]
        answer = client.chat.completions.create(
            model=model, messages=said, temperature=0, tools=[asked["tool"]]
        )
        (call,) = answer.choices[0].message.tool_calls or []
        called[question] = json.loads(call.function.arguments)  # type: ignore[union-attr]
    return {"whole": whole, "streamed": streamed, "called": called}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(sys.argv[1], sys.argv[2], sys.argv[3], json.load(sys.stdin))))
