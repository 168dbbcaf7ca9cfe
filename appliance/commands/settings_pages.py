"""The settings as an example file, as a page of the handbook, and as they stand now: all three from the models.

Pure: models in, text out. A knob that is not described by its model is described nowhere.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_WIDTH = 110
_ENVIRONMENT_EXAMPLE = "APPLIANCE_SERVER__PORT=8081"
_SECRET_NAMES = ("password", "secret", "api_key", "token")
HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Section:
    """One table of appliance.toml. keys_of: the model that describes its keys."""

    name: str
    about: str
    keys_of: type[BaseModel]


def sections(settings: type[BaseModel], engines: Mapping[str, type[BaseModel]]) -> list[Section]:
    """In the order of the models; engines: kind → the model of its [engines.NAME] sections."""
    found: list[Section] = []
    for name, field in settings.model_fields.items():
        if _is_section(field):
            found += _with_inner(name, field.annotation)
    found += [
        Section(f"engines.my-{kind}", _first_paragraph(model), model) for kind, model in engines.items()
    ]
    return found


def _with_inner(name: str, model: Any) -> Iterator[Section]:  # noqa: ANN401 - a model's class
    """A section, unless it only holds others; then those."""
    inner = {key: field for key, field in model.model_fields.items() if _is_section(field)}
    if len(inner) < len(model.model_fields):
        yield Section(name, _first_paragraph(model), model)
    for key, field in inner.items():
        yield from _with_inner(f"{name}.{key}", field.annotation)


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _keys(part: Section) -> Iterator[tuple[str, FieldInfo]]:
    return ((name, field) for name, field in part.keys_of.model_fields.items() if not _is_section(field))


def example_toml(parts: list[Section]) -> str:
    """An appliance.toml in which everything is a comment and says its default."""
    lines = [
        "# Settings of the appliance. Everything is optional; what stands here are the defaults.",
        f"# Each can be an environment variable too: {_ENVIRONMENT_EXAMPLE}; a secret can come from a file:",
        "# APPLIANCE_DATABASE__URL_FILE=/run/secrets/database_url. Made by `appliance settings --toml`.",
    ]
    for part in parts:
        is_engine = part.name.startswith("engines.")
        lines += ["", *_comment(part.about), f"# [{part.name}]" if is_engine else f"[{part.name}]"]
        for name, field in _keys(part):
            lines += _comment(field.description or "")
            lines.append(_toml_line(part, name, field))
    return "\n".join(lines) + "\n"


def handbook_page(parts: list[Section]) -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Made by `appliance settings --markdown`; change the models, not this page.",
        "Every setting stands in `DATA/appliance.toml` or in the file named by `--config`,",
        f"and can be an environment variable, which counts more: `{_ENVIRONMENT_EXAMPLE}`.",
        "A value can be read from a file by the suffix `_FILE`: `APPLIANCE_DATABASE__URL_FILE=/run/secrets/url`.",
        "A key that is not known is an error that names the nearest right one.",
    ]
    for part in parts:
        lines += [
            "",
            f"## [{part.name}]",
            "",
            part.about,
            "",
            "| key | default | what it does |",
            "|---|---|---|",
        ]
        for name, field in _keys(part):
            about = (field.description or "").replace("|", "\\|")
            lines.append(f"| `{name}` | {_markdown_default(part, name, field)} | {about} |")
    return "\n".join(lines) + "\n"


def current_toml(values: Mapping[str, Any]) -> str:
    """The settings in force, secrets hidden. values: what Settings.model_dump(mode="json") gives."""
    lines: list[str] = []
    for name, table in values.items():
        if name == "engines":
            for engine, keys in table.items():
                lines += [f"[engines.{json.dumps(engine)}]", *_toml_table(keys), ""]
        else:
            lines += [f"[{name}]", *_toml_table(table), ""]
    return "\n".join(lines)


def hide_secrets(values: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same values without passwords, keys, and addresses that carry a password."""
    if isinstance(values, Mapping):
        return {
            name: HIDDEN if value and _is_secret(str(name), value) else hide_secrets(value)
            for name, value in values.items()
        }
    return values


def _is_secret(name: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    return name.endswith(_SECRET_NAMES) or (name == "url" and "@" in value)


def _toml_table(keys: Mapping[str, Any]) -> Iterator[str]:
    for name, value in keys.items():
        if value is not None:
            yield f"{name} = {_toml(value)}"


def _toml_line(part: Section, name: str, field: FieldInfo) -> str:
    if name == "engine" and part.name.startswith("engines."):
        return f'# engine = "{part.name.removeprefix("engines.my-")}"'
    default = _default(field)
    return f"# {name} =" if default is None else f"# {name} = {_toml(default)}"


def _markdown_default(part: Section, name: str, field: FieldInfo) -> str:
    if name == "engine" and part.name.startswith("engines."):
        return f'`"{part.name.removeprefix("engines.my-")}"`'
    default = _default(field)
    return ("needed" if field.is_required() else "–") if default is None else f"`{_toml(default)}`"


def _default(field: FieldInfo) -> Any:  # noqa: ANN401 - any default
    value = field.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else value


def _toml(value: Any) -> str:  # noqa: ANN401 - any default
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, Path):
        return json.dumps(str(value))
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(str(key))} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2)]


def _first_paragraph(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())
