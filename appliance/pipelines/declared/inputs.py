"""The values that whoever asks gives, held against what the file declares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from appliance.errors import InvalidRequest
from appliance.pipelines.declared.schema import Input, PipelineFile

_MOST_CHARACTERS = 200_000
_WANTED = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-11-22",
    "file": "the id of a file, `file-…`",
}


def filled_in(
    file: PipelineFile, given: Mapping[str, Any], question: str, attached: str | None
) -> dict[str, Any]:
    """Every input with its value. question: what was asked in a chat. attached: the chat's newest file.

    Raises InvalidRequest naming the input.
    """
    for name in given:
        if name not in file.inputs:
            raise InvalidRequest(
                f"The pipeline {file.name} has no input {name[:60]!r}.", param=f"inputs.{name[:60]}"
            )
    values: dict[str, Any] = {}
    for name, one in file.inputs.items():
        value = given.get(name)
        if value is None and name == "question" and question:
            value = question
        if value is None and one.type == "file":
            value = attached
        if value is None:
            value = one.default
        if value is None:
            raise InvalidRequest(f"{name!r} is missing: {_WANTED[one.type]}.", param=f"inputs.{name}")
        values[name] = _fitting(name, one, value)
    return values


def _fitting(name: str, one: Input, value: Any) -> Any:  # noqa: ANN401 - any JSON
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if one.type == "boolean":
        fits = isinstance(value, bool)
    elif one.type == "integer":
        fits = isinstance(value, int) and is_number
    elif one.type == "number":
        fits = is_number
    else:
        fits = isinstance(value, str) and len(value) <= _MOST_CHARACTERS
        if fits and one.type == "date":
            fits = is_date(value)
        if fits and one.choices and value not in one.choices:
            raise InvalidRequest(f"{name!r} must be one of {', '.join(one.choices)}.", param=f"inputs.{name}")
    if not fits:
        raise InvalidRequest(f"{name!r} must be {_WANTED[one.type]}.", param=f"inputs.{name}")
    return value


def is_date(value: str) -> bool:
    """As ISO 8601 writes a day."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def default_problem(one: Input) -> str:
    """What the default should be, where it is something else; empty where it fits."""
    value = one.default
    if value is None:
        return ""
    if one.type == "boolean":
        return "" if isinstance(value, bool) else "boolean"
    if one.type in ("integer", "number"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number and (one.type == "number" or isinstance(value, int))
        return "" if fits else "whole_number" if one.type == "integer" else "number"
    if not isinstance(value, str):
        return "text"
    if one.type == "date" and not is_date(value):
        return "date"
    return "choice" if one.choices and value not in one.choices else ""
