"""What licence a package or an image has, and whether it may be in the box: the rules of licences.toml.

Licences are SPDX expressions: of `A OR B` one has to be allowed, of `A AND B` both. What a package says is taken at its
word; nobody has read the files inside it here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, LicenseSymbol, get_spdx_licensing

RULES = Path(__file__).with_name("licences.toml")
_CLASSIFIER = "License :: "
_spdx = get_spdx_licensing()


@dataclass(frozen=True, slots=True)
class Verdict:
    """licence: SPDX, or what was written where that is none. reason: why it is allowed beyond the list, or why not."""

    licence: str
    is_allowed: bool
    reason: str = ""


class Licences:
    """The rules. table: of licences.toml."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self._allowed = frozenset(table["allowed"])

    @classmethod
    def read(cls, path: Path = RULES) -> Licences:
        """From the file."""
        return cls(tomllib.loads(path.read_text(encoding="utf-8")))

    def of_package(self, name: str, metadata: Message) -> Verdict:
        """name: in its canonical form. metadata: of the installed package or its wheel."""
        licence = self._table["stated"].get(name) or self._said(metadata)
        if licence is None:
            return Verdict(
                (metadata.get("License") or "nothing").splitlines()[0], False, "it names no licence"
            )
        return self._judged(licence, self._table["exceptions"].get(name, {}))

    def of_image(self, image: str) -> Verdict:
        """image: as a compose file names it, with its tag."""
        name = image.partition("@")[0].rpartition(":")[0] or image
        known = self._table["images"].get(name)
        if known is None:
            return Verdict("unknown", False, "it does not stand in licences.toml")
        return self._judged(known["licence"], known if "reason" in known else {})

    def inside(self, name: str) -> list[tuple[str, str]]:
        """Programs that the package carries: their names and licences."""
        return [(one["name"], one["licence"]) for one in self._table["inside"].get(name, [])]

    def _said(self, metadata: Message) -> str | None:
        for field in ("License-Expression", "License"):
            words = metadata.get(field, "").strip()
            words = self._table["written"].get(words, words)
            if words and is_spdx(words):
                return words
        classified = [
            self._table["written"].get(line.rpartition(" :: ")[2])
            for line in metadata.get_all("Classifier") or []
            if line.startswith(_CLASSIFIER)
        ]
        known = sorted({one for one in classified if one})
        return " AND ".join(known) if known and None not in classified else None

    def _judged(self, licence: str, exception: Mapping[str, str]) -> Verdict:
        if self._permits(_spdx.parse(licence)):
            return Verdict(licence, True)
        if exception.get("licence") == licence:
            return Verdict(licence, True, exception["reason"])
        return Verdict(licence, False, "it is not on the list of licences.toml")

    def _permits(self, expression: Any) -> bool:  # noqa: ANN401 - boolean.py has no types
        if isinstance(expression, LicenseSymbol):
            return expression.key in self._allowed
        if isinstance(expression, _spdx.OR):
            return any(self._permits(one) for one in expression.args)
        return isinstance(expression, _spdx.AND) and all(self._permits(one) for one in expression.args)


def is_spdx(words: str) -> bool:
    """Whether it is an expression of known licences."""
    try:
        _spdx.parse(words, validate=True)
    except ExpressionError:
        return False
    return True
