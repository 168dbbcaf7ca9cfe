"""`input` of a Responses request as items in one shape: each with a type, an id and a list of parts. Pure.

Refusals name the field, such as `input[0].content[1].image_url`. What belongs to tools that the appliance does not run
is refused by its name, never dropped: the model would answer as if it had not been said.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from appliance.api.responses import ids
from appliance.errors import InvalidRequest

Item = dict[str, Any]

MOST_ITEMS = 10_000
LONGEST_NAME = 256
REFERENCE = "item_reference"
_ROLES = ("user", "assistant", "system", "developer")
_STATUSES = ("in_progress", "completed", "incomplete")
_DETAILS = ("auto", "low", "high", "original")
_OPAQUE = b"reasoning:"


def wrong(param: str, wanted: str) -> InvalidRequest:
    """The refusal of one field."""
    return InvalidRequest(f"`{param}` must be {wanted}.", param=param)


def read_items(value: object, response: UUID) -> list[Item]:
    """`input` of the request that becomes this response; references are left to be resolved.

    Raises InvalidRequest with `param`.
    """
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise wrong("input", "a text, or a list of at least one item")
    if len(value) > MOST_ITEMS:
        raise wrong("input", f"at most {MOST_ITEMS} items")
    return [_read_item(item, f"input[{index}]", response, index) for index, item in enumerate(value)]


def _read_item(item: object, param: str, response: UUID, number: int) -> Item:
    if not isinstance(item, dict):
        raise wrong(param, "an object")
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else REFERENCE if "id" in item else None
    if not isinstance(kind, str):
        raise wrong(f"{param}.type", "the type of an item, such as `message`")
    reader = _READERS.get(kind)
    if reader is None:
        raise InvalidRequest(
            f"`{param}` is of type {kind[:80]!r}, which this appliance does not know; it takes "
            f"{', '.join(sorted(_READERS))}.",
            param=f"{param}.type",
            code="unsupported_item",
        )
    return reader(item, param, response, number)


def _message(item: Mapping[str, Any], param: str, response: UUID, number: int) -> Item:
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        raise wrong(f"{param}.role", f"one of {', '.join(_ROLES)}")
    is_own = role == "assistant"
    if isinstance(content, str):
        content = [{"type": "output_text" if is_own else "input_text", "text": content}]
    if not isinstance(content, list) or (not content and not is_own):
        raise wrong(f"{param}.content", "a text or a list of parts")
    read = _output_part if is_own else input_part
    parts = [read(part, f"{param}.content[{index}]") for index, part in enumerate(content)]
    phase = {"phase": item["phase"]} if item.get("phase") in ("commentary", "final_answer") else {}
    return {
        "id": _own_id(item, ids.MESSAGE, response, number),
        "type": "message",
        "status": _status(item),
        "role": role,
        "content": parts,
        **phase,
    }


def input_part(part: object, param: str) -> Item:
    """One part of what a person or a tool said."""
    kind = _part_type(part, param)
    assert isinstance(part, dict)
    if kind == "input_text":
        return {"type": kind, "text": _text(part, "text", param)}
    if kind == "input_image":
        return _image(part, param)
    if kind == "input_audio":
        if not isinstance(part.get("input_audio"), dict):
            raise wrong(f"{param}.input_audio", "an object with `data` and `format`")
        return {"type": kind, "input_audio": part["input_audio"]}
    if kind == "input_file":
        raise InvalidRequest(
            f"`{param}`: files cannot be put into a prompt here. Upload it to /v1/files, add it to a vector store and "
            "ask the model `answer-with-sources`, or send its text as `input_text`.",
            param=param,
            code="unsupported_content",
        )
    raise wrong(f"{param}.type", "`input_text`, `input_image` or `input_audio` here")


def _image(part: Mapping[str, Any], param: str) -> Item:
    if part.get("file_id") is not None:
        raise InvalidRequest(
            f"`{param}.file_id`: send the picture itself in `image_url`, as a `data:` URL.",
            param=f"{param}.file_id",
            code="unsupported_content",
        )
    url = part.get("image_url")
    # Anything else would be fetched by the engine, from inside our network.
    if not isinstance(url, str) or not url.startswith("data:"):
        raise wrong(f"{param}.image_url", "a `data:` URL; the appliance fetches nothing from elsewhere")
    detail = part.get("detail")
    if detail is not None and detail not in _DETAILS:
        raise wrong(f"{param}.detail", f"one of {', '.join(_DETAILS)}")
    return {"type": "input_image", "detail": detail or "auto", "image_url": url, "file_id": None}


def _output_part(part: object, param: str) -> Item:
    kind = _part_type(part, param)
    assert isinstance(part, dict)
    if kind == "output_text":
        annotations = part.get("annotations")
        return {
            "type": kind,
            "text": _text(part, "text", param),
            "annotations": annotations if isinstance(annotations, list) else [],
        }
    if kind == "refusal":
        return {"type": kind, "refusal": _text(part, "refusal", param)}
    raise wrong(f"{param}.type", "`output_text` or `refusal` in what the assistant said")


def _call(item: Mapping[str, Any], param: str, response: UUID, number: int) -> Item:
    return {
        "id": _own_id(item, ids.CALL, response, number),
        "type": "function_call",
        "status": _status(item),
        "call_id": _name(item, "call_id", param),
        "name": _name(item, "name", param),
        "arguments": _text(item, "arguments", param),
    }


def _call_output(item: Mapping[str, Any], param: str, response: UUID, number: int) -> Item:
    output = item.get("output")
    if isinstance(output, list):
        output = [input_part(part, f"{param}.output[{index}]") for index, part in enumerate(output)]
    elif not isinstance(output, str):
        raise wrong(f"{param}.output", "a text or a list of parts")
    return {
        "id": _own_id(item, ids.CALL_OUTPUT, response, number),
        "type": "function_call_output",
        "status": _status(item),
        "call_id": _name(item, "call_id", param),
        "output": output,
    }


def _reasoning(item: Mapping[str, Any], param: str, response: UUID, number: int) -> Item:
    content, sealed = item.get("content"), item.get("encrypted_content")
    if content is not None and not isinstance(content, list):
        raise wrong(f"{param}.content", "a list of parts")
    parts = []
    for index, part in enumerate(content or ()):
        where = f"{param}.content[{index}]"
        if _part_type(part, where) != "reasoning_text":
            raise wrong(f"{where}.type", "`reasoning_text`")
        parts.append({"type": "reasoning_text", "text": _text(part, "text", where)})
    if not parts and isinstance(sealed, str):
        parts = [{"type": "reasoning_text", "text": _unsealed(sealed, f"{param}.encrypted_content")}]
    summary = item.get("summary")
    return {
        "id": _own_id(item, ids.REASONING, response, number),
        "type": "reasoning",
        "status": _status(item),
        "summary": summary if isinstance(summary, list) else [],
        "content": parts,
    }


def _search(item: Mapping[str, Any], param: str, response: UUID, number: int) -> Item:
    queries, found = item.get("queries"), item.get("results")
    if not isinstance(queries, list) or not all(isinstance(one, str) for one in queries):
        raise wrong(f"{param}.queries", "a list of texts")
    return {
        "id": _own_id(item, ids.SEARCH, response, number),
        "type": "file_search_call",
        "status": _status(item),
        "queries": queries,
        "results": found if isinstance(found, list) else None,
    }


def _reference(item: Mapping[str, Any], param: str, response: UUID, number: int) -> Item:
    return {"type": REFERENCE, "id": _name(item, "id", param)}


_READERS: Mapping[str, Callable[[Mapping[str, Any], str, UUID, int], Item]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _call_output,
    "reasoning": _reasoning,
    "file_search_call": _search,
    REFERENCE: _reference,
}


def sealed(text: str) -> str:
    """Reasoning for clients that keep their conversations themselves and hand it back unread. It hides nothing."""
    return base64.b64encode(_OPAQUE + text.encode("utf-8", "replace")).decode()


def _unsealed(text: str, param: str) -> str:
    try:
        data = base64.b64decode(text, validate=True)
        if not data.startswith(_OPAQUE):
            raise wrong(param, "what this appliance gave out; another service's cannot be read here")
        return data.removeprefix(_OPAQUE).decode()
    except (binascii.Error, ValueError) as error:
        raise wrong(param, "what this appliance gave out; another service's cannot be read here") from error


def _own_id(item: Mapping[str, Any], kind: str, response: UUID, number: int) -> str:
    given = item.get("id")
    if isinstance(given, str) and 0 < len(given) <= LONGEST_NAME:
        return given
    return ids.item_id(kind, response, number)


def _status(item: Mapping[str, Any]) -> str:
    given = item.get("status")
    return given if given in _STATUSES else "completed"


def _part_type(part: object, param: str) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise wrong(param, "an object with a `type`")
    return str(part["type"])


def _text(item: Mapping[str, Any], name: str, param: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise wrong(f"{param}.{name}", "a string")
    return value


def _name(item: Mapping[str, Any], name: str, param: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise wrong(f"{param}.{name}", f"a string of 1 to {LONGEST_NAME} characters")
    return value
