"""What langchain-openai does against a gateway; runs in an environment of its own. Prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel


class Person(BaseModel):
    """Somebody."""

    age: int


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Sun in {city}"


def look(base_url: str, key: str, model: str, embedding_model: str) -> dict[str, Any]:
    """Chat, stream, tool, structured output, embeddings."""
    chat = ChatOpenAI(base_url=base_url, api_key=key, model=model, max_retries=0, stream_usage=True)  # type: ignore[arg-type]
    embeddings = OpenAIEmbeddings(
        base_url=base_url,
        api_key=key,  # type: ignore[arg-type]
        model=embedding_model,
        check_embedding_ctx_length=False,
        max_retries=0,
    )
    called: Any = chat.bind_tools([weather]).invoke("How are you?")
    return {
        "whole": chat.invoke("How are you?").content,
        "streamed": "".join(str(chunk.content) for chunk in chat.stream("How are you?")),
        "tool": [call["name"] for call in called.tool_calls],
        "shaped": type(chat.with_structured_output(Person).invoke("How old?")).__name__,
        "dimensions": [len(vector) for vector in embeddings.embed_documents(["one", "two"])],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(*sys.argv[1:])))
