"""The words with which models are asked: what they are for, their versions, and how each version did. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from appliance.domain.people import Language

SHIPPED = 0
"""The version that comes with the appliance; those of administrators count from 1."""

Example = tuple[str, str]
"""What was asked, and how it is to be answered."""


@dataclass(frozen=True, slots=True)
class PromptWords:
    """One version's content. temperature None, model empty: as the request has it, or the appliance by itself."""

    texts: Mapping[Language, str]
    examples: Mapping[Language, tuple[Example, ...]] = field(default_factory=dict)
    temperature: float | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a prompt is for. must_hold: what its text needs, or answers cannot be read, such as `[1]`.

    takes_examples, takes_temperature, takes_model: whether those of a version would have an effect.
    """

    name: str
    shipped: PromptWords
    must_hold: tuple[str, ...] = ()
    takes_examples: bool = False
    takes_temperature: bool = True
    takes_model: bool = False


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A version as it was saved. author: the e-mail address, None for who is not there any more."""

    purpose: str
    number: int
    words: PromptWords
    note: str = ""
    author: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PromptFigures:
    """How a version did; version as people and the ledger write it. first_ms, total_ms: medians."""

    version: int
    answers: int = 0
    nothing_found: int = 0
    failed: int = 0
    up: int = 0
    down: int = 0
    first_ms: float | None = None
    total_ms: float | None = None
    completion_tokens: float | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangedLines:
    """What is different between two versions, by language: unified diff lines, without a head."""

    lines: Mapping[Language, tuple[str, ...]]
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
