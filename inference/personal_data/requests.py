"""A whole request: every string of its messages, tool calls, names and what else it carries.

What cannot be read as text – pictures, recordings, files – is counted as unseen: nobody looked, so who decides must
hold the request back. Text inside of JSON inside of a string (a tool call's arguments) is looked at value by value, so
that a placeholder never breaks the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.personal_data.detector import Detector, Kind
from inference.personal_data.redacting import Placeholders, redacted


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a request holds. kinds: findings by kind. unseen: kinds of parts nobody can look into, such as `image_url`.

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

    Raises what the detector raises; the request stays then.
    """
    walk = _Walk(detector, Placeholders())
    seen = {key: value if key == "model" else walk.value(value) for key, value in payload.items()}
    return Inspection(seen, walk.kinds, frozenset(walk.unseen), walk.placeholders)


class _Walk:
    def __init__(self, detector: Detector, placeholders: Placeholders) -> None:
        self._detector, self.placeholders = detector, placeholders
        self.kinds: dict[Kind, int] = {}
        self.unseen: set[str] = set()

    def value(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        return value

    def _text(self, text: str) -> str:
        findings = self._detector.find(text)
        for finding in findings:
            self.kinds[finding.kind] = self.kinds.get(finding.kind, 0) + 1
        return redacted(text, findings, self.placeholders).text
