"""How it goes, for who looks after it: errors, questions that found nothing, slow and bad answers. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.domain.administration import GivenFeedback

InsightPeriod = Literal["day", "week", "month"]
InsightPart = Literal["errors", "unanswered", "slow", "disliked"]
ErrorSource = Literal["request", "turn", "document", "job", "account"]
Measure = Literal["first", "total", "queue"]
Rating = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Span:
    """since included, until not."""

    since: datetime
    until: datetime

    @property
    def before(self) -> Span:
        """As long, and just before it."""
        return Span(self.since - (self.until - self.since), self.since)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The same code at the same place. lookup: of the latest one, as the logs name it: a request's, turn's or job's id.

    before: how many in the span before. people: how many had it; 0 where nobody in particular did.
    """

    source: ErrorSource
    code: str
    route: str
    count: int
    people: int
    first_at: datetime
    last_at: datetime
    lookup: str
    models: tuple[str, ...] = ()
    before: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two errors the same."""
        return self.source, self.code, self.route


@dataclass(frozen=True, slots=True)
class UnansweredCount:
    """Questions that found nothing in one place. name None and is_private: collections that the reader does not see.

    collection_id None: all that the asker may see was searched. wordings: how many different questions they were.
    language: an ISO code, or empty.
    """

    collection_id: UUID | None
    name: str | None
    is_private: bool
    language: str
    count: int
    people: int
    wordings: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """One that may be read. asker: a number that tells people apart. is_shared: they let it be read with a rating."""

    question: str
    language: str
    asked_at: datetime
    asker: int
    is_shared: bool
    collections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionGroup:
    """Questions in similar words, the newest one's first."""

    question: str
    others: tuple[str, ...]
    count: int
    people: int
    languages: tuple[str, ...]
    collections: tuple[str, ...]
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class UnansweredTotal:
    """count: asked in the page; readable: how many of these may be read. by_programs: through `/v1`, without a text."""

    count: int = 0
    people: int = 0
    readable: int = 0
    by_programs: int = 0

    @property
    def all(self) -> int:
        return self.count + self.by_programs


@dataclass(frozen=True, slots=True)
class Unanswered:
    """questions None: the reader may not read any."""

    total: UnansweredTotal
    before: UnansweredTotal
    places: Sequence[UnansweredCount]
    questions: Sequence[QuestionGroup] | None
    shows_questions: bool


@dataclass(frozen=True, slots=True)
class ModelTimes:
    """Milliseconds, to within three per cent. answers: those that people asked for. before: the span before.

    queue_p95: of the calls of this model, those on behalf of a pipeline among them. None: there were none.
    """

    model: str
    answers: int
    first_p50: float | None
    first_p95: float | None
    total_p50: float | None
    total_p95: float | None
    queue_p95: float | None
    before_answers: int
    before_first_p95: float | None
    before_total_p95: float | None


@dataclass(frozen=True, slots=True)
class SlowAnswer:
    """One beyond the 95th percentile. Milliseconds; documents: searching, reading and checking, of a pipeline."""

    request_id: str
    model: str
    engine: str | None
    started_at: datetime
    first_ms: float | None
    total_ms: float
    queue_ms: float
    documents_ms: float
    engine_ms: float
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Slow:
    """By model, most used first; and the slowest answers of all."""

    models: Sequence[ModelTimes]
    answers: Sequence[SlowAnswer]


@dataclass(frozen=True, slots=True)
class RatingCount:
    """How many of one rating, for one reason, of one model's answers."""

    rating: Rating
    reason: str | None
    model: str
    count: int
    people: int


@dataclass(frozen=True, slots=True)
class Disliked:
    """given None: the reader may not read what people wrote."""

    down: int
    up: int
    before_down: int
    before_up: int
    reasons: Mapping[str, int]
    models: Mapping[str, int]
    given: Sequence[GivenFeedback] | None


@dataclass(frozen=True, slots=True)
class Insights:
    """What was asked for; None: that part was not."""

    period: InsightPeriod
    span: Span
    errors: Sequence[ErrorGroup] | None = None
    errors_before: int = 0
    unanswered: Unanswered | None = None
    slow: Slow | None = None
    disliked: Disliked | None = None
    sentences: Mapping[str, str] = field(default_factory=dict)
