"""A YAML file as plain values with the place of each: YAML 1.2, its core schema, no tags, bounded in every direction.

The library reads characters into events; what becomes of them is decided here, so that nothing in a file can make
an object, run code, or grow beyond its size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from appliance.domain.pipeline_findings import Finding

MOST_BYTES = 64 * 1024
MOST_DEPTH = 24
MOST_VALUES = 10_000

Path = tuple[str | int, ...]

_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_OTHER_BASE = re.compile(r"0(?:o[0-7]{1,18}|x[0-9a-fA-F]{1,14})\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?\Z")


@dataclass(slots=True)
class Located:
    """A value and where it stands, from 1. keys: where each key of a section stands. size: values in it, itself too."""

    value: Any
    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1

    def plain(self) -> Any:  # noqa: ANN401 - any YAML
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: one.plain() for key, one in self.value.items()}
        if isinstance(self.value, list):
            return [one.plain() for one in self.value]
        return self.value

    def place(self, path: Path) -> tuple[int, int]:
        """Where the value at path stands; of one that is missing, where its section does.

        Parts that are in nobody's way, such as the name of a union's branch, are passed over.
        """
        here, place = self, (self.line, self.column)
        for part in path:
            if isinstance(here.value, dict) and part in here.value:
                here, place = here.value[part], here.keys[str(part)]
            elif isinstance(here.value, list) and isinstance(part, int) and 0 <= part < len(here.value):
                here = here.value[part]
                place = (here.line, here.column)
        return place


class _Refused(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


def read(text: str) -> tuple[Located | None, list[Finding]]:
    """The file's only document, and what is wrong with its form; no document where nothing more can be said."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return None, [Finding(1, 1, "too_large", {"most": MOST_BYTES // 1024})]
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except _Refused as refused:
        return None, [*builder.findings, refused.finding]
    except YAMLError as error:
        return None, [*builder.findings, _not_yaml(error)]
    except (ValueError, AttributeError, AssertionError, IndexError, NotImplementedError, TypeError):
        # The library stumbles over some broken files instead of saying what is wrong with them.
        return None, [*builder.findings, Finding(builder.line, 1, "yaml", {"problem": "it cannot be read"})]
    if builder.root is None:
        return None, [Finding(1, 1, "empty")]
    return builder.root, builder.findings


def _events(text: str) -> Iterator[Event]:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = "1.2"
    yield from yaml.parse(text)


def _not_yaml(error: YAMLError) -> Finding:
    mark = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
    line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    problem = " ".join(str(said).split())[:200]
    return Finding(line, column, "yaml", {"problem": problem.rstrip(".") or "it cannot be read"})


@dataclass(slots=True)
class _Open:
    """A section or list that is being read. key: the one whose value comes next."""

    node: Located
    anchor: str | None
    key: str | None = None
    is_key_next: bool = True
    key_place: tuple[int, int] = (1, 1)
    first: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Events to values."""

    def __init__(self) -> None:
        self.root: Located | None = None
        self.findings: list[Finding] = []
        self.line = 1
        self._open: list[_Open] = []
        self._named: dict[str, Located] = {}
        self._size = 0
        self._documents = 0

    def take(self, event: Event) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self.line = line
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _Refused(Finding(line, column, "several_documents"))
        elif isinstance(event, AliasEvent):
            known = self._named.get(event.anchor)
            if known is None:
                raise _Refused(Finding(line, column, "alias_unknown", {"name": str(event.anchor)[:40]}))
            self._put(known, None, line, column, known.size)
        elif isinstance(event, ScalarEvent):
            self._refuse_tag(event)
            is_plain = event.style in (None, "") and event.implicit[0]
            value = _scalar(event.value) if is_plain else event.value
            self._put(Located(value, line, column), event.anchor, line, column)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._refuse_tag(event)
            self._refuse_as_key(line, column)
            if len(self._open) >= MOST_DEPTH:
                raise _Refused(Finding(line, column, "too_deep", {"most": MOST_DEPTH}))
            is_section = isinstance(event, MappingStartEvent)
            self._open.append(_Open(Located({} if is_section else [], line, column), event.anchor))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            ended = self._open.pop()
            self._put(ended.node, ended.anchor, ended.node.line, ended.node.column)

    def _put(self, node: Located, anchor: str | None, line: int, column: int, weight: int = 1) -> None:
        self._size += weight
        if self._size > MOST_VALUES:
            raise _Refused(Finding(line, column, "too_many_values", {"most": MOST_VALUES}))
        if anchor is not None:
            self._named[anchor] = node
        if not self._open:
            self.root = node
            return
        above = self._open[-1]
        if isinstance(above.node.value, list):
            above.node.value.append(node)
            above.node.size += node.size
        elif above.is_key_next:
            self._note_key(above, node, line, column)
        else:
            if above.key is not None:
                above.node.value[above.key] = node
                above.node.keys[above.key] = above.key_place
                above.node.size += node.size
            above.is_key_next = True

    def _note_key(self, above: _Open, node: Located, line: int, column: int) -> None:
        above.is_key_next = False
        above.key, above.key_place = None, (line, column)
        if not isinstance(node.value, str):
            self.findings.append(Finding(line, column, "key_not_text"))
        elif node.value in above.first:
            values = {"key": node.value[:60], "first": above.first[node.value]}
            self.findings.append(Finding(line, column, "key_twice", values))
        else:
            above.key = node.value
            above.first[node.value] = line

    def _refuse_as_key(self, line: int, column: int) -> None:
        if self._open and isinstance(self._open[-1].node.value, dict) and self._open[-1].is_key_next:
            raise _Refused(Finding(line, column, "key_not_text"))

    def _refuse_tag(self, event: Any) -> None:  # noqa: ANN401 - an event with a tag
        tag = getattr(event, "tag", None)
        if tag is not None:
            mark = event.start_mark
            raise _Refused(Finding(mark.line + 1, mark.column + 1, "tag", {"name": str(tag)[:60]}))


def _scalar(text: str) -> bool | int | float | str | None:
    """A plain scalar by YAML 1.2's core schema: `yes` and `2026-11-22` are words."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text):
        return True
    if _FALSE.match(text):
        return False
    if _INTEGER.match(text):
        return int(text)
    if _OTHER_BASE.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
