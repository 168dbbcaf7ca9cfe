"""What LlamaIndex does with /v1/responses; runs in an environment of its own. Prints what it saw as JSON.

python responses_llama_index.py BASE_URL KEY MODEL
"""

from __future__ import annotations

import json
import sys
from typing import Any

from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAIResponses


def weather(city: str) -> str:
    """The weather of a city."""
    return f"Sun in {city}"


def look(base_url: str, key: str, model: str) -> dict[str, Any]:
    """Whole, streamed, a tool."""
    llm = OpenAIResponses(model=model, api_base=base_url, api_key=key, max_retries=0)
    tool = FunctionTool.from_defaults(fn=weather)
    return {
        "whole": llm.complete("How are you?").text,
        "streamed": "".join(chunk.delta or "" for chunk in llm.stream_complete("How are you?")),
        "tool": str(llm.predict_and_call([tool], "Weather?")),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(*sys.argv[1:4])))
