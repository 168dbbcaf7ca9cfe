"""Puts placeholders where personal data stood: the same value gets the same one all over a request.

A model can still tell that two sentences are about the same account. Whoever holds the Placeholders can put the values
back into the answer; nobody else can.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inference.personal_data.detector import Finding, Kind

_WRITTEN = re.compile(r"\[([A-Z_]{2,20})_([0-9]{1,6})\]")
MOST_PLACEHOLDER = 30
"""Characters of the longest one."""
_NAMES: Mapping[Kind, str] = {"ip_address": "IP", "spanish_id": "ID"}


@dataclass(frozen=True, slots=True)
class Redacted:
    """count: findings that were replaced."""

    text: str
    count: int


class Placeholders:
    """Those of one request, by kind and number: `[EMAIL_1]`.

    texts: all that the request says; a placeholder that somebody wrote by hand is nobody's, and is not given again.
    """

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._written = {found[0] for text in texts if "[" in text for found in _WRITTEN.finditer(text)}
        self._by_value: dict[tuple[Kind, str], str] = {}
        self._last: dict[Kind, int] = {}
        self.originals: dict[str, str] = {}

    def of(self, kind: Kind, value: str) -> str:
        """For a value; spaces and dashes in it make no difference."""
        bare = "".join(sign for sign in value.casefold() if sign.isalnum() or sign in "@_+/=")
        if known := self._by_value.get((kind, bare)):
            return known
        name = self._next(kind)
        self._by_value[kind, bare] = name
        self.originals[name] = value
        return name

    def _next(self, kind: Kind) -> str:
        while True:
            self._last[kind] = self._last.get(kind, 0) + 1
            name = f"[{_NAMES.get(kind, kind.upper())}_{self._last[kind]}]"
            if name not in self._written:
                return name


def redacted(text: str, findings: Sequence[Finding], placeholders: Placeholders) -> Redacted:
    """The text with a placeholder for each finding. findings: as a Detector gives them for this very text."""
    parts, at = [], 0
    for finding in findings:
        parts += [text[at : finding.start], placeholders.of(finding.kind, text[finding.start : finding.end])]
        at = finding.end
    return Redacted("".join([*parts, text[at:]]), len(findings))
