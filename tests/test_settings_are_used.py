"""A knob that turns nothing is a promise broken: each setting is read somewhere outside its declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from appliance.settings import Settings
from inference.engines import ENGINES, load_engine_class

ROOT = Path(__file__).resolve().parent.parent
_DECLARATION = re.compile(r"^    \w+: [^=\n]+= Field\(", re.MULTILINE)


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _fields(inner)
        else:
            yield name


def test_every_setting_is_read() -> None:
    """As an attribute, or by its name where a section is still a raw table."""
    code = "\n".join(
        _DECLARATION.sub("", path.read_text(encoding="utf-8"))
        for room in ("appliance", "inference", "querying", "rag")
        for path in (ROOT / room).rglob("*.py")
    )
    names = set(_fields(Settings))
    for kind in ENGINES:
        names |= set(_fields(load_engine_class(kind).settings_type))

    unread = {name for name in names if not re.search(rf"\.{name}\b|\"{name}\"", code)}

    assert len(names) > 40
    assert unread == set()
