"""A streamed question with LlamaIndex; prints what came of it as JSON. waiting_llama_index.py BASE_URL KEY MODEL"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike


def ask(base_url: str, key: str, model: str) -> dict[str, Any]:
    """The words, and the error that ended them."""
    llm = OpenAILike(model=model, api_base=base_url, api_key=key, is_chat_model=True, max_retries=0)
    words, error = "", None
    try:
        for piece in llm.stream_chat([ChatMessage(role="user", content="How are you?")]):
            words += piece.delta or ""
    except openai.APIError as raised:
        error = [type(raised).__name__, str(raised.code), raised.message]
    return {"words": words, "error": error}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(*sys.argv[1:])))
