"""What the official SDK does with /v1/responses; runs in an environment of its own. Prints what it saw as JSON.

python responses_sdk.py BASE_URL KEY MODEL ANY
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from pydantic import BaseModel


class Person(BaseModel):
    """Somebody."""

    age: int


WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def look(base_url: str, key: str, model: str) -> dict[str, Any]:
    """Every way to ask, and everything that can be done with what is kept."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    whole = client.responses.create(model=model, input="How are you?", metadata={"k": "v"})
    chunks = list(client.responses.create(model=model, input="How are you?", stream=True))
    with client.responses.stream(model=model, input="How are you?") as stream:
        for _ in stream:
            pass
        accumulated = stream.get_final_response()
    parsed = client.responses.parse(model=model, input="How old?", text_format=Person)
    further = client.responses.create(model=model, input="And now?", previous_response_id=whole.id)
    seen: Any = [{"role": "user", "content": [{"type": "input_image", "image_url": PIXEL, "detail": "auto"}]}]
    client.responses.create(model=model, input=seen)
    listed = client.responses.input_items.list(further.id, order="asc", limit=2)
    return {
        "whole": whole.output_text,
        "usage": whole.usage.total_tokens if whole.usage else None,
        "streamed": "".join(c.delta for c in chunks if c.type == "response.output_text.delta"),
        "last": chunks[-1].type,
        "accumulated": accumulated.output_text,
        "parsed": type(parsed.output_parsed).__name__,
        "further": further.output_text,
        "retrieved": client.responses.retrieve(whole.id) == whole,
        "items": [item.id for item in listed],
        "tools": tools(client, model),
        "stateless": stateless(client, model),
        "errors": errors(client, base_url, model, whole.id),
    }


def tools(client: openai.OpenAI, model: str) -> list[Any]:
    """The round trip of a function call, kept by the server."""
    called = client.responses.create(model=model, input="Weather?", tools=[WEATHER])
    call: Any = called.output[0]
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sun"}]
    told = client.responses.create(
        model=model, input=output, tools=[WEATHER], previous_response_id=called.id, stream=True
    )
    with client.responses.stream(model=model, input="Weather?", tools=[WEATHER]) as stream:
        events = [event.type for event in stream]
        again: Any = stream.get_final_response().output[0]
    return [
        call.name,
        json.loads(call.arguments),
        [event.type for event in told][-1],
        "response.function_call_arguments.delta" in events,
        json.loads(again.arguments) == json.loads(call.arguments),
    ]


def stateless(client: openai.OpenAI, model: str) -> list[Any]:
    """The round trip kept by the client: every output item goes back as it came."""
    asked: Any = [{"role": "user", "content": "Weather?"}]
    called = client.responses.create(model=model, input=asked, tools=[WEATHER], store=False)
    asked += [item.to_dict() for item in called.output]
    asked.append({"type": "function_call_output", "call_id": asked[-1]["call_id"], "output": "Sun"})
    told = client.responses.create(model=model, input=asked, tools=[WEATHER], store=False)
    return [told.output_text, called.store]  # type: ignore[attr-defined]


def errors(client: openai.OpenAI, base_url: str, model: str, response_id: str) -> dict[str, list[Any]]:
    """Which exception each mistake becomes, with its field."""
    other = openai.OpenAI(base_url=base_url, api_key="bea", max_retries=0)
    create: Any = client.responses.create
    mistakes: dict[str, Any] = {
        "unknown model": lambda: create(model="gpt-9", input="Hi"),
        "built-in tool": lambda: create(model=model, input="Hi", tools=[{"type": "web_search"}]),
        "background": lambda: create(model=model, input="Hi", background=True),
        "far picture": lambda: create(
            model=model,
            input=[{"role": "user", "content": [{"type": "input_image", "image_url": "http://10.0.0.1/"}]}],
        ),
        "somebody else's": lambda: other.responses.retrieve(response_id),
        "going on from somebody else's": lambda: other.responses.create(
            model=model, input="Hi", previous_response_id=response_id
        ),
        "deleting somebody else's": lambda: other.responses.delete(response_id),
        "cancelling a complete one": lambda: client.responses.cancel(response_id),
        "deleted": lambda: (client.responses.delete(response_id), client.responses.retrieve(response_id)),
        "going on from a deleted one": lambda: create(
            model=model, input="x", previous_response_id=response_id
        ),
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
    sys.stdout.write(json.dumps(look(*sys.argv[1:4])))
