"""What langchain-openai does with /v1/responses; runs in an environment of its own. Prints what it saw as JSON.

python responses_langchain.py BASE_URL KEY MODEL ANY
"""

from __future__ import annotations

import json
import sys
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Person(BaseModel):
    """Somebody."""

    age: int


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Sun in {city}"


def look(base_url: str, key: str, model: str) -> dict[str, Any]:
    """Whole, streamed, tool round trips (kept here and there), structured."""
    chat = ChatOpenAI(base_url=base_url, api_key=key, model=model, max_retries=0, use_responses_api=True)  # type: ignore[arg-type]
    going_on = chat.model_copy(update={"use_previous_response_id": True})
    first = going_on.invoke([HumanMessage("One")])
    second = going_on.invoke([HumanMessage("One"), first, HumanMessage("Two")])
    with_tools: Any = chat.bind_tools([weather])
    asked: list[Any] = [HumanMessage("Weather?")]
    called = with_tools.invoke(asked)
    call = called.tool_calls[0]
    told = with_tools.invoke([*asked, called, ToolMessage("Sun", tool_call_id=call["id"])])
    streamed = None
    for chunk in with_tools.stream(asked):
        streamed = chunk if streamed is None else streamed + chunk
    return {
        "whole": chat.invoke("How are you?").text,
        "usage": (chat.invoke("How are you?").usage_metadata or {}).get("total_tokens"),
        "streamed": "".join(chunk.text for chunk in chat.stream("How are you?")),
        "further": second.text,
        "previous": second.response_metadata["id"] != first.response_metadata["id"],
        "tool": call["name"],
        "told": told.text,
        "streamed tool": [one["name"] for one in streamed.tool_calls] if streamed else None,
        "shaped": type(chat.with_structured_output(Person).invoke("How old?")).__name__,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(*sys.argv[1:4])))
