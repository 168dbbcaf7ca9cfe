"""What the official SDK does against a gateway; runs in an environment of its own. Prints what it saw as JSON.

python openai_sdk.py BASE_URL KEY CHAT_MODEL EMBEDDING_MODEL
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def look(base_url: str, key: str, model: str, embedding_model: str) -> dict[str, Any]:
    """Every call that the README promises."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    said: Any = [{"role": "user", "content": "How are you?"}]
    tool: Any = {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
    schema: Any = {
        "type": "json_schema",
        "json_schema": {
            "name": "person",
            "schema": {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]},
        },
    }
    whole = client.chat.completions.create(model=model, messages=said)
    chunks = list(
        client.chat.completions.create(
            model=model, messages=said, stream=True, stream_options={"include_usage": True}
        )
    )
    called = client.chat.completions.create(model=model, messages=said, tools=[tool], tool_choice="auto")
    shaped = client.chat.completions.create(model=model, messages=said, response_format=schema)
    legacy = client.completions.create(model=model, prompt="Once upon a time")
    vectors = client.embeddings.create(model=embedding_model, input=["one", "two"])
    floats = client.embeddings.create(model=embedding_model, input="one", encoding_format="float")
    calls = called.choices[0].message.tool_calls or []
    return {
        "version": openai.__version__,
        "models": [listed.id for listed in client.models.list()],
        "model": client.models.retrieve(model).id,
        "whole": whole.choices[0].message.content,
        "usage": whole.usage.total_tokens if whole.usage else None,
        "streamed": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "stream_usage": chunks[-1].usage.total_tokens if chunks[-1].usage else None,
        "tool": [(call.function.name, json.loads(call.function.arguments)) for call in calls],  # type: ignore[union-attr]
        "shaped": json.loads(shaped.choices[0].message.content or ""),
        "legacy": legacy.choices[0].text,
        "dimensions": [len(row.embedding) for row in vectors.data],
        "same_vector": max(
            abs(a - b) for a, b in zip(vectors.data[0].embedding, floats.data[0].embedding, strict=True)
        ),
        "errors": errors(client, base_url, model, embedding_model, said),
    }


def errors(
    client: openai.OpenAI, base_url: str, model: str, embedding_model: str, said: Any
) -> dict[str, list[Any]]:
    """Which exception each mistake becomes, with its field."""
    stranger = openai.OpenAI(base_url=base_url, api_key="nobody", max_retries=0)
    mistakes = {
        "unknown model": lambda: client.chat.completions.create(model="gpt-9", messages=said),
        "unknown model looked up": lambda: client.models.retrieve("gpt-9"),
        "unknown key": lambda: stranger.models.list(),
        "unknown key, chat": lambda: stranger.chat.completions.create(model=model, messages=said),
        "negative tokens": lambda: client.chat.completions.create(model=model, messages=said, max_tokens=-1),
        "no messages": lambda: client.chat.completions.create(model=model, messages=[]),
        "token ids": lambda: client.embeddings.create(model=embedding_model, input=[[1, 2], [3]]),
        "dimensions": lambda: client.embeddings.create(model=embedding_model, input="x", dimensions=3),
    }
    seen: dict[str, list[Any]] = {}
    for name, mistake in mistakes.items():
        try:
            mistake()
            seen[name] = ["no error", None]
        except openai.APIStatusError as error:
            seen[name] = [type(error).__name__, error.param]
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(*sys.argv[1:])))
