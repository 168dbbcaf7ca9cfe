"""What administrators and auditors are shown of what may leave. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.fairness.leaving.decisions import Decision

Effect = Literal["stays", "only"]
SubjectKind = Literal["user", "group", "model"]


@dataclass(frozen=True, slots=True)
class NamedRule:
    """One line of what is narrowed. subject: an id, or a model's name; name: an e-mail, a group's or model's name."""

    effect: Effect
    kind: SubjectKind
    subject: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class MarkableCollection:
    """A collection that may be marked. owner_name: an e-mail, a group's name, or empty where it is everybody's."""

    id: UUID
    name: str
    owner_kind: Literal["user", "group", "everybody"]
    owner_name: str
    may_leave: bool


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions; None: any. before: behind the last one of the page before, as (when, its id)."""

    leaves: bool | None = None
    code: str | None = None
    user_id: UUID | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, UUID] | None = None


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """With the names of today: None where nobody has that id any more."""

    decision: Decision
    email: str | None
    key_prefix: str | None


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """Newest first."""

    rows: Sequence[KeptDecision]
    has_more: bool
