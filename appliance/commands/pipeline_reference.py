"""The format of a pipeline's file as Markdown, made from its schema, as `docs/pipelines.md` holds it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appliance.pipelines.declared.references import RESULTS
from appliance.pipelines.declared.schema import KINDS, Case, Input, PipelineFile, Step, Words

_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", NoneType: ""}


def reference() -> str:
    """Every section with its keys, and what each kind of step brings."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield from _section("The file", PipelineFile)
    yield from _section("An input", Input)
    yield from _section("Every step", Step)
    for kind, model in KINDS.items():
        yield from _section(f"`{kind}`", model, shared=Step)
        if RESULTS[kind]:
            fields = ", ".join(f"`{name}` ({what})" for name, what in RESULTS[kind].items())
            yield f"Brings {fields}."
            yield ""
    yield from _section("A case of a branch", Case)
    yield from _section("Words in both languages", Words)


def _section(title: str, model: type[BaseModel], shared: type[BaseModel] | None = None) -> Iterator[str]:
    yield f"### {title}"
    yield inspect.cleandoc(model.__doc__ or "")
    yield ""
    known = set() if shared is None else set(shared.model_fields)
    rows = [(name, one) for name, one in model.model_fields.items() if name not in known and name != "kind"]
    yield "| key | value | without it | what it is |"
    yield "|---|---|---|---|"
    for name, one in rows:
        yield f"| `{name}` | {_type(one)} | {_default(one)} | {(one.description or '').replace('|', '&#124;')} |"
    yield ""


def _default(one: FieldInfo) -> str:
    if one.is_required():
        return "**must be there**"
    if one.default_factory is not None:
        return "empty" if one.annotation is not None and "Input" not in str(one.annotation) else "a question"
    if one.default is None:
        return "–"
    if isinstance(one.default, bool):
        return f"`{str(one.default).lower()}`"
    return f"`{one.default}`"


def _type(one: FieldInfo) -> str:
    return _named(one.annotation)


def _named(annotation: Any) -> str:  # noqa: ANN401 - any type
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{one}`" for one in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(name for one in arguments if (name := _named(one))))
    if origin is list:
        return f"list of {_named(arguments[0])}"
    if origin is dict:
        return "section" if arguments[1] is Any else f"section of {_named(arguments[1])}"
    if arguments and origin is not None:
        return _named(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {"Words": "both languages", "Input": "inputs", "Case": "cases"}.get(
            annotation.__name__, "steps"
        )
    return _NAMES.get(annotation, "value")
