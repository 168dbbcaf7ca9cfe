"""A streamed question with the official SDK; prints what came of it as JSON. waiting_openai.py BASE_URL KEY MODEL"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def ask(base_url: str, key: str, model: str) -> dict[str, Any]:
    """The words, and the error that ended them."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    said: Any = [{"role": "user", "content": "How are you?"}]
    words, error = "", None
    try:
        for chunk in client.chat.completions.create(model=model, messages=said, stream=True):
            words += chunk.choices[0].delta.content or "" if chunk.choices else ""
    except openai.APIError as raised:
        error = [type(raised).__name__, str(raised.code), raised.message]
    return {"words": words, "error": error}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(*sys.argv[1:])))
