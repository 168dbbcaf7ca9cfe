"""Reads streams of /v1/responses and checks them with the official SDK's own types and its own accumulator.

stdin: {"streams": [[event, …], …], "responses": […], "items": […]}. Runs in an environment of its own; prints what does
not fit.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseItem, ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)


def problems(given: dict[str, Any]) -> list[str]:
    """One sentence for each misfit."""
    found: list[str] = []
    for stream in given["streams"]:
        state: Any = ResponseStreamState(input_tools=omit, text_format=omit)
        for event in stream:
            try:
                state.handle_event(_EVENT.validate_python(event, strict=True))
            except (ValidationError, RuntimeError, AssertionError) as error:
                found.append(f"{event['type']}: {error}")
    for adapter, name in ((TypeAdapter(Response), "responses"), (_ITEM, "items")):
        for one in given[name]:
            try:
                adapter.validate_python(one, strict=True)
            except ValidationError as error:
                found.append(f"{name}: {error}")
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(problems(json.load(sys.stdin))))
