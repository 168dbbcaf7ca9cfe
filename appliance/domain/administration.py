"""What people and administrators are told about the place: usage, audit, feedback, work that failed. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

UsageBy = Literal["day", "model", "user", "group", "rung"]
AuditKind = Literal[
    "sign_in",
    "session",
    "password",
    "key",
    "user",
    "role",
    "group",
    "limit",
    "share",
    "deletion",
    "job",
    "question",
    "model",
    "leaving",
    "prompt",
    "data",
    "tools",
]
JobStatus = Literal["failed", "waiting", "running"]


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """first, last: days, both included, of that time zone. user_ids None: everybody that the viewer may see."""

    first: date
    last: date
    zone: ZoneInfo
    by: UsageBy
    user_ids: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """key: a day (ISO), a model's name, a rung of the ladder, or the id of a person or group; label: what people call
    it.

    asked: requests as people made them; calls: what engines were asked for that; failed: of all of these, those that
    were refused or broke. wait_s: in the queue, added up. cost: of what had a price when it ended; None: nothing had.
    audio_s: of recordings that were heard. engine_s: the share of engines' time. joules: the share of the GPUs' energy,
    energy_cost: what that cost. None: nothing of the kind, or nobody knows.
    """

    key: str
    label: str
    asked: int
    calls: int
    failed: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    wait_s: float
    cost: float | None = None
    audio_s: float | None = None
    engine_s: float | None = None
    joules: float | None = None
    energy_cost: float | None = None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """None: all. before: the last line of the page before, as (moment, its id)."""

    kind: AuditKind | None = None
    action: str | None = None
    person: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to whom. actor None: nobody signed in, or the operator at the machine."""

    id: str
    happened_at: datetime
    action: str
    actor_id: UUID | None
    actor: str | None
    subject_id: UUID | None
    subject: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackQuery:
    """None: all. before: the last row of the page before, as (moment, turn)."""

    rating: Literal["up", "down"] | None = None
    reason: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, UUID] | None = None


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """What somebody thought of an answer. question, answer: where they let administrators read them, else None."""

    turn_id: UUID
    rating: Literal["up", "down"]
    reason: str | None
    comment: str | None
    model: str
    served_by: str | None
    given_at: datetime
    question: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """Of everything that a query finds, not of one page."""

    up: int
    down: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Job:
    """Work of the background. name: of a document, where the asker may see it. reason: a code; message: for people.

    owner: whose it is.
    """

    id: str
    kind: str
    status: JobStatus
    name: str | None
    collection: str | None
    owner: str | None
    reason: str | None
    message: str | None
    attempts: int
    happened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and whether there are more behind them."""

    rows: Sequence[Any]
    has_more: bool
