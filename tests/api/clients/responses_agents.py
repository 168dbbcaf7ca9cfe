"""What the OpenAI Agents SDK does, which asks /v1/responses unless told otherwise. Prints what it saw as JSON.

python responses_agents.py BASE_URL KEY MODEL
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from agents import Agent, Runner, function_tool, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI
from pydantic import BaseModel


class Person(BaseModel):
    """Somebody."""

    age: int


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Sun in {city}"


async def look(base_url: str, key: str, model: str) -> dict[str, Any]:
    """An agent with a tool, whole and streamed, and one that answers in a shape."""
    set_default_openai_client(AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0))
    set_tracing_disabled(True)
    agent = Agent(name="A", instructions="Be brief.", model=model, tools=[weather])
    whole = await Runner.run(agent, "Weather?")
    streamed = Runner.run_streamed(agent, "Weather?")
    kinds = [
        event.data.type async for event in streamed.stream_events() if event.type == "raw_response_event"
    ]
    shaped = await Runner.run(Agent(name="B", model=model, output_type=Person), "How old?")
    return {
        "whole": whole.final_output,
        "streamed": streamed.final_output,
        "completed": kinds.count("response.completed"),
        "shaped": type(shaped.final_output).__name__,
        "items": [item.type for item in whole.new_items],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(look(*sys.argv[1:4]))))
