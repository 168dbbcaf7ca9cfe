"""A whole request: every string of its messages, tool calls, names and what else it carries.

What cannot be read as text – pictures, recordings, files, tokens – is counted as unseen: nobody looked, so who decides
must hold the request back. So is personal data in the place of a name that must stay what it is, such as a function's.
JSON inside of a string (a tool call's arguments, a tool's answer) is looked at value by value: a placeholder never
breaks it, and its keys are the words that say what a value is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.personal_data.detector import Detector, Finding, Kind
from inference.personal_data.redacting import Placeholders, redacted

_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal", "thinking", "reasoning"})
_WORDS_OF_THE_PROTOCOL = frozenset({"model", "role", "type"})
_FIXED_NAMES = frozenset({"name", "id", "tool_call_id", "call_id"})
_DATA_ADDRESS = re.compile(r"data:[\w/+.\-]{0,80}[;,]base64,", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SHORT = 96  # characters of a value that its key is read together with
_DEEPEST = 100
MOST_CHARACTERS = 4_000_000
"""About a million tokens."""


class TooDeep(ValueError):
    """A request is nested so deeply that nobody writes it in earnest."""


class TooLong(ValueError):
    """A request has more text than is looked through: more than any cloud would read."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a request holds. kinds: findings by kind. unseen: what nobody can look into or change, such as `image_url`.

    payload: with placeholders in the place of every finding. placeholders: to put the values back into the answer.
    """

    payload: Mapping[str, Any]
    kinds: Mapping[Kind, int]
    unseen: frozenset[str]
    placeholders: Placeholders = field(repr=False)

    @property
    def count(self) -> int:
        """Findings in all."""
        return sum(self.kinds.values())


def inspect(payload: Mapping[str, Any], detector: Detector) -> Inspection:
    """Look at all of it, and redact. Takes processor time: a call for a thread when the payload is large.

    Raises TooDeep, TooLong, and what the detector raises; the request stays then.
    """
    texts = list(_strings(payload))
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise TooLong
    walk = _Walk(detector, Placeholders(texts))
    seen = {name: walk.field(name, value, payload, 0) for name, value in payload.items()}
    return Inspection(seen, walk.kinds, frozenset(walk.unseen), walk.placeholders)


class _Walk:
    def __init__(self, detector: Detector, placeholders: Placeholders) -> None:
        self._detector, self.placeholders = detector, placeholders
        self.kinds: dict[Kind, int] = {}
        self.unseen: set[str] = set()

    def field(self, name: str, value: Any, of: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 - JSON
        """One field of an object of the API."""
        if self._detector.find(name):
            self.unseen.add("name")
        if isinstance(value, str):
            if name in _WORDS_OF_THE_PROTOCOL:
                return value
            if name in _FIXED_NAMES:
                return self._name(value, is_speaker=name == "name" and "role" in of)
        elif name == "content" and isinstance(value, list):
            self.unseen.update(kind for kind in map(_kind_of_part, value) if kind not in _TEXT_PARTS)
        elif name in ("prompt", "input") and _has_tokens(value):
            self.unseen.add("tokens")
        return self._value(value, depth + 1)

    def _value(self, value: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
        if depth > _DEEPEST:
            raise TooDeep
        if isinstance(value, str):
            return self._string(value, depth)
        if isinstance(value, Mapping):
            return {name: self.field(name, inner, value, depth) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, depth + 1) for inner in value]
        return value

    def _name(self, value: str, *, is_speaker: bool) -> str:
        """A speaker's name may be another one; the name of a function, or an id, may not."""
        findings = self._detector.find(value)
        if findings and is_speaker:
            return self._replaced(value, findings).replace("[", "").replace("]", "")
        if findings:
            self.unseen.add("name")
        return value

    def _string(self, text: str, depth: int) -> str:
        if _DATA_ADDRESS.search(text):
            self.unseen.add("data")
        inner = _as_json(text)
        if inner is None:
            return self._replaced(text, self._detector.find(text))
        changed = self._json("", inner, depth + 1)
        return text if changed == inner else json.dumps(changed, ensure_ascii=False)

    def _json(self, key: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - JSON
        """A value of JSON that somebody wrote into a string; its numbers count, and its keys may be anything."""
        if depth > _DEEPEST:
            raise TooDeep
        if isinstance(value, dict):
            named = {self._replaced(name, self._detector.find(name)): name for name in value}
            if len(named) < len(value):
                self.unseen.add("name")
            return {new: self._json(old, value[old], depth + 1) for new, old in named.items()}
        if isinstance(value, list):
            return [self._json(key, inner, depth + 1) for inner in value]
        if isinstance(value, str):
            return self._string(value, depth + 1) if _as_json(value) is not None else self._keyed(key, value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            written = str(value)
            changed = self._keyed(key, written)
            return value if changed == written else changed
        return value

    def _keyed(self, key: str, value: str) -> str:
        """The value, read behind its key as a sentence would have it: `telefono: 912 345 678`."""
        before = f"{_CAMEL.sub(' ', key).replace('_', ' ')}: " if key and len(value) <= _SHORT else ""
        shift = len(before)
        findings = [
            Finding(one.kind, max(0, one.start - shift), one.end - shift, one.score)
            for one in self._detector.find(before + value)
            if one.end > shift
        ]
        return self._replaced(value, findings)

    def _replaced(self, text: str, findings: Sequence[Finding]) -> str:
        for finding in findings:
            self.kinds[finding.kind] = self.kinds.get(finding.kind, 0) + 1
        return redacted(text, findings, self.placeholders).text


def _kind_of_part(part: object) -> str:
    return str(part.get("type", "part")) if isinstance(part, Mapping) else "text"


def _has_tokens(value: object) -> bool:
    """A prompt of token numbers, or a list of such prompts."""
    while isinstance(value, list) and value:
        value = value[0]
        if isinstance(value, int):
            return True
    return False


def _as_json(text: str) -> Any:  # noqa: ANN401 - JSON
    """The object or list that the text is; None where it is none, or one whose reading would lose something."""
    start = text.lstrip()[:1]
    if start not in ("{", "[") or not start:
        return None
    try:
        return json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):
        return None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) < len(pairs):
        raise ValueError("a key stands there twice")
    return known


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every string of a payload; without recursion, so that depth is somebody else's question."""
    open_values = [value]
    while open_values:
        one = open_values.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            open_values += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            open_values += one
