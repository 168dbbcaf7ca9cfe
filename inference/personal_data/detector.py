"""What a detector of personal data says; who finds it, and how, is behind this port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal[
    "spanish_id",
    "company_id",
    "social_security",
    "passport",
    "number_plate",
    "iban",
    "card",
    "phone",
    "email",
    "ip_address",
    "secret",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data: text[start:end] as it was written.

    score: 0 to 1; a check digit that fits and words before it that name the kind raise it.
    """

    kind: Kind
    start: int
    end: int
    score: float


class Detector(Protocol):
    """Looks at one text; safe to be called in any thread, keeps nothing."""

    def find(self, text: str) -> Sequence[Finding]:
        """In order of their start, never overlapping. An exception means nobody looked: the request stays."""
        ...
