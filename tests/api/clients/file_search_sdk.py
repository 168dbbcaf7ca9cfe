"""What the official SDK does with the tool `file_search`, in an environment of its own. Prints what it saw as JSON.

python file_search_sdk.py BASE_URL KEY MODEL VECTOR_STORE
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from openai.types.responses import ResponseFileSearchToolCall, ResponseOutputMessage


def look(base_url: str, key: str, model: str, store: str) -> dict[str, Any]:
    """Whole, streamed, gone on from, and refused."""
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    tools: Any = [{"type": "file_search", "vector_store_ids": [store], "max_num_results": 5}]
    asked: Any = {"model": model, "input": "How many days of holiday?", "tools": tools}
    whole = client.responses.create(**asked, include=["file_search_call.results"])
    with client.responses.stream(**asked) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_response()
    further = client.responses.create(
        model=model, input="And in Spain?", tools=tools, previous_response_id=whole.id
    )
    again: Any = [{"role": "user", "content": "Before"}, *(item.to_dict() for item in whole.output)]
    again.append({"role": "user", "content": "How many days of holiday?"})
    stateless = client.responses.create(model=model, input=again, tools=tools, store=False)
    try:
        client.responses.create(
            model=model, input="Hi", tools=[{"type": "file_search", "vector_store_ids": ["vs_" + "0" * 32]}]
        )
        unseen = "no error"
    except openai.APIStatusError as error:
        unseen = type(error).__name__
    return {
        "whole": seen(whole),
        "streamed": seen(final),
        "events": events,
        "further": further.output_text,
        "stateless": [item.type for item in stateless.output],
        "kept": [item.type for item in client.responses.retrieve(whole.id).output],
        "unseen": unseen,
    }


def seen(response: Any) -> dict[str, Any]:
    """The two items by the SDK's own types."""
    call, message = response.output
    assert isinstance(call, ResponseFileSearchToolCall) and isinstance(message, ResponseOutputMessage)
    part: Any = message.content[0]
    return {
        "status": call.status,
        "queries": call.queries,
        "results": [[one.filename, bool(one.text), one.score] for one in call.results or []],
        "annotations": [[one.type, one.filename, one.file_id] for one in part.annotations],
        "text": response.output_text,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(*sys.argv[1:5])))
