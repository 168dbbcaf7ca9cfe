"""`inputs.question` and `steps.found.text`: what they may name, of what type it is, and templates made of them. Pure.

A template is text with references in it and nothing else: no code, no calls, no loops. What a reference brings is put
in as it is and never read as a template again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from appliance.pipelines.declared.schema import BrokenStep, CallStep, Input, PromptStep, Step

ResultType = Literal["text", "number", "boolean", "list", "table", "object", "passages", "any"]

RESULTS: Mapping[str, Mapping[str, ResultType]] = {
    "retrieve": {
        "text": "text",
        "passages": "passages",
        "count": "number",
        "is_relevant": "boolean",
        "files": "list",
    },
    "rerank": {
        "text": "text",
        "passages": "passages",
        "count": "number",
        "is_relevant": "boolean",
        "files": "list",
    },
    "prompt": {"text": "text"},
    "sql": {"text": "text", "rows": "table", "count": "number", "value": "any", "sql": "text"},
    "transcribe": {"text": "text", "filename": "text", "duration_s": "number", "language": "text"},
    "branch": {},
    "call": {"text": "text"},
}
"""What the result of each kind of step has."""

_INPUT_TYPES: Mapping[str, ResultType] = {
    "text": "text",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "date": "text",
    "file": "text",
}
_JSON_TYPES: Mapping[str, ResultType] = {
    "string": "text",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
_GAP = re.compile(r"\{\{(.*?)\}\}", re.S)
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*\Z")
_MOST_GAPS = 100


@dataclass(frozen=True, slots=True)
class Reference:
    """root: `inputs` or `steps`. name: of the input or step. path: into its result, empty for an input."""

    root: Literal["inputs", "steps"]
    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.root, self.name, *self.path))


class TemplateWrong(Exception):
    """code, values: of a finding."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def parse_reference(words: str) -> Reference:
    """Raises TemplateWrong."""
    words = words.strip()
    if not _PATH.match(words):
        raise TemplateWrong("template_wrong", said=_short(words))
    root, *rest = words.split(".")
    if root == "inputs" and len(rest) == 1:
        return Reference("inputs", rest[0])
    if root == "steps" and len(rest) >= 2:
        return Reference("steps", rest[0], tuple(rest[1:]))
    raise TemplateWrong("template_wrong", said=_short(words))


def parse_template(text: str) -> tuple[str | Reference, ...]:
    """Pieces of text and references in their order. Raises TemplateWrong."""
    pieces: list[str | Reference] = []
    at = 0
    for gap in _GAP.finditer(text):
        if gap.start() > at:
            pieces.append(text[at : gap.start()])
        pieces.append(parse_reference(gap.group(1)))
        at = gap.end()
        if len(pieces) > 2 * _MOST_GAPS:
            raise TemplateWrong("template_many", most=_MOST_GAPS)
    rest = text[at:]
    if "{{" in rest:
        raise TemplateWrong("template_unclosed")
    return (*pieces, rest) if rest else tuple(pieces)


def references_in(text: str) -> list[Reference]:
    """The references of a template that can be read."""
    return [piece for piece in parse_template(text) if isinstance(piece, Reference)]


def input_type(one: Input) -> ResultType:
    """What a reference to it brings."""
    return _INPUT_TYPES[one.type]


def fields_of(step: Step) -> Mapping[str, ResultType]:
    """What the result of this step has."""
    kind: str = step.kind  # type: ignore[attr-defined]
    known = dict(RESULTS[kind])
    if isinstance(step, PromptStep) and step.answer_schema is not None:
        known["json"] = "object"
    if isinstance(step, CallStep) and step.tool is not None:
        known |= {"json": "any", "is_error": "boolean"}
    return known


def type_within(step: Step, path: tuple[str, ...]) -> ResultType | None:
    """Of what type `steps.NAME.PATH` is; None where there is nothing of the kind."""
    if isinstance(step, BrokenStep):
        return "any"
    found = fields_of(step).get(path[0])
    if found is None or len(path) == 1:
        return found
    if path[0] != "json":
        return None
    if isinstance(step, PromptStep) and step.answer_schema is not None:
        return _type_in_schema(step.answer_schema, path[1:])
    return "any"


def _type_in_schema(schema: Mapping[str, Any], path: tuple[str, ...]) -> ResultType | None:
    for name in path:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return "any"
        within = properties.get(name)
        if within is None:
            return None if schema.get("additionalProperties", True) is False else "any"
        if not isinstance(within, Mapping):
            return "any"
        schema = within
    declared = schema.get("type")
    return _JSON_TYPES.get(declared, "any") if isinstance(declared, str) else "any"


def _short(words: str) -> str:
    return words if len(words) <= 60 else f"{words[:60]}…"
