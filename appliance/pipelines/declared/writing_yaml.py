"""What a form holds as the text of a file, and back: keys in the schema's order, long texts as blocks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from appliance.pipelines.declared.located import read
from appliance.pipelines.declared.schema import KINDS, PipelineFile


def as_file(values: Mapping[str, Any]) -> str:
    """YAML 1.2 that reads back as the same values."""
    yaml = YAML()
    yaml.version = None
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    ordered = _ordered(values, PipelineFile)
    if isinstance(ordered.get("steps"), list):
        ordered["steps"] = [_step(step) for step in ordered["steps"]]
    written = StringIO()
    yaml.dump(_blocks(ordered), written)
    return written.getvalue()


def as_values(text: str) -> Mapping[str, Any] | None:
    """None for what is no YAML, or no section."""
    tree, _ = read(text)
    plain = None if tree is None else tree.plain()
    return plain if isinstance(plain, dict) else None


def _step(step: Any) -> Any:  # noqa: ANN401 - whatever a form sends
    if not isinstance(step, Mapping):
        return step
    ordered = _ordered(step, KINDS.get(str(step.get("kind")), BaseModel))
    first = {key: ordered.pop(key) for key in ("name", "kind") if key in ordered}
    return {**first, **ordered}


def _ordered(values: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    known = [name for name in model.model_fields if name in values]
    return {name: values[name] for name in [*known, *(name for name in values if name not in known)]}


def _blocks(value: Any) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(value, Mapping):
        return {str(key): _blocks(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_blocks(one) for one in value]
    if isinstance(value, str) and "\n" in value and _may_be_block(value):
        return LiteralScalarString(value)
    return value


def _may_be_block(text: str) -> bool:
    """A block keeps no spaces before line ends, and nothing that cannot be printed."""
    return not any(line != line.rstrip() for line in text.split("\n")) and all(
        character == "\n" or character.isprintable() for character in text
    )
