"""A streamed question with langchain; prints what came of it as JSON. waiting_langchain.py BASE_URL KEY MODEL"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from langchain_openai import ChatOpenAI


def ask(base_url: str, key: str, model: str) -> dict[str, Any]:
    """The words, and the error that ended them."""
    chat = ChatOpenAI(base_url=base_url, api_key=key, model=model, max_retries=0)  # type: ignore[arg-type]
    words, error = "", None
    try:
        for chunk in chat.stream("How are you?"):
            words += str(chunk.content)
    except openai.APIError as raised:
        error = [type(raised).__name__, str(raised.code), raised.message]
    return {"words": words, "error": error}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(*sys.argv[1:])))
