"""What goes wrong here, grouped, for a day, a week or a month, against the time before.

Conversations stay their people's own. Counts and codes are told to administrators and auditors; words to administrators
only where who wrote them let them be read – with a rating, or, where `insights.shows_questions` is on, because the
answer that found nothing said so. Each reading of such questions is written to the audit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, get_args

from appliance.domain.administration import FeedbackQuery, Page
from appliance.domain.insights import (
    AskedQuestion,
    Disliked,
    ErrorGroup,
    InsightPart,
    InsightPeriod,
    Insights,
    Measure,
    ModelTimes,
    RatingCount,
    Slow,
    SlowAnswer,
    Span,
    Unanswered,
    UnansweredCount,
    UnansweredTotal,
)
from appliance.domain.people import Caller, Viewer
from appliance.services.accounts.people import require_reader
from appliance.services.insights.grouping import Words, grouped
from appliance.services.insights.times import by_model, collected

DAYS: Mapping[InsightPeriod, int] = {"day": 1, "week": 7, "month": 30}
PARTS: tuple[InsightPart, ...] = get_args(InsightPart)
_MOST_QUESTIONS = 2000  # that are grouped
_MOST_GROUPS = 50
_MOST_ERRORS = 100
_MOST_SLOW = 25
_MOST_GIVEN = 25
_BUCKET = 1.03  # a time may be counted as that much longer than it was


class InsightsRepository(Protocol):
    """`storage.insights` fulfils it. Everything raises PartUnavailable."""

    async def errors(self, viewer: Viewer, span: Span) -> Sequence[ErrorGroup]: ...

    async def unanswered(self, viewer: Viewer, span: Span, *, shows_told: bool) -> UnansweredTotal:
        """shows_told: questions whose askers were told in the answer count as readable too."""
        ...

    async def places(self, viewer: Viewer, span: Span) -> Sequence[UnansweredCount]: ...

    async def questions(
        self, viewer: Viewer, span: Span, most: int, *, shows_told: bool
    ) -> Sequence[AskedQuestion]:
        """Newest first."""
        ...

    async def times(self, viewer: Viewer, span: Span) -> Sequence[tuple[str, Measure, int, int]]:
        """(model, measure, bucket, count)."""
        ...

    async def slowest(self, viewer: Viewer, span: Span, most: int) -> Sequence[SlowAnswer]:
        """Of each model the slowest by either time."""
        ...

    async def ratings(self, viewer: Viewer, span: Span) -> Sequence[RatingCount]: ...

    async def note_read(self, viewer: Viewer, span: Span, count: int) -> None:
        """Questions of people who were only told that this may happen have been read."""
        ...


class GivenRepository(Protocol):
    """`storage.feedback` fulfils it. Raises PartUnavailable."""

    async def given(self, viewer: Viewer, query: FeedbackQuery, limit: int) -> Page: ...


class InsightsReport:
    """The use case behind `/api/insights`. sentences: of each error's code, in English."""

    def __init__(
        self,
        repository: InsightsRepository,
        feedback: GivenRepository,
        words: Words,
        *,
        shows_questions: bool = False,
        sentences: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._feedback = feedback
        self._words = words
        self._shows_questions = shows_questions
        self._sentences = sentences or {}
        self._now = now

    async def report(
        self, caller: Caller, period: InsightPeriod, parts: Sequence[InsightPart] = PARTS
    ) -> Insights:
        """Raises NotPermitted for people who are neither administrators nor auditors."""
        require_reader(caller)
        viewer, now = caller.viewer, self._now()
        span = Span(now - timedelta(days=DAYS[period]), now)
        told = Insights(period, span, sentences=self._sentences)
        if "errors" in parts:
            errors, before = await self._errors(viewer, span)
            told = replace(told, errors=errors, errors_before=before)
        if "unanswered" in parts:
            told = replace(told, unanswered=await self._unanswered(caller, span))
        if "slow" in parts:
            told = replace(told, slow=await self._slow(viewer, span))
        if "disliked" in parts:
            told = replace(told, disliked=await self._disliked(caller, span))
        return told

    async def _errors(self, viewer: Viewer, span: Span) -> tuple[list[ErrorGroup], int]:
        """Most first; and how many there were in the span before, those among them that came no more."""
        old = {one.key: one.count for one in await self._repository.errors(viewer, span.before)}
        groups = [
            replace(one, before=old.get(one.key, 0)) for one in await self._repository.errors(viewer, span)
        ]
        groups.sort(key=lambda one: (-one.count, -one.last_at.timestamp()))
        return groups[:_MOST_ERRORS], sum(old.values())

    async def _unanswered(self, caller: Caller, span: Span) -> Unanswered:
        viewer, shows = caller.viewer, self._shows_questions
        questions = None
        if caller.is_admin:
            asked = await self._repository.questions(viewer, span, _MOST_QUESTIONS, shows_told=shows)
            if only_told := sum(not one.is_shared for one in asked):
                await self._repository.note_read(viewer, span, only_told)
            questions = grouped(asked, self._words)[:_MOST_GROUPS]
        return Unanswered(
            total=await self._repository.unanswered(viewer, span, shows_told=shows),
            before=await self._repository.unanswered(viewer, span.before, shows_told=shows),
            places=await self._repository.places(viewer, span),
            questions=questions,
            shows_questions=shows,
        )

    async def _slow(self, viewer: Viewer, span: Span) -> Slow:
        now = collected(await self._repository.times(viewer, span))
        models = by_model(now, collected(await self._repository.times(viewer, span.before)))
        limits = {one.model: one for one in models}
        found = await self._repository.slowest(viewer, span, _MOST_SLOW)
        return Slow(models, [one for one in found if _is_beyond(one, limits.get(one.model))][:_MOST_SLOW])

    async def _disliked(self, caller: Caller, span: Span) -> Disliked:
        ratings = await self._repository.ratings(caller.viewer, span)
        before = await self._repository.ratings(caller.viewer, span.before)
        given = None
        if caller.is_admin:
            query = FeedbackQuery(rating="down", since=span.since, until=span.until)
            given = (await self._feedback.given(caller.viewer, query, _MOST_GIVEN)).rows
        down = [one for one in ratings if one.rating == "down"]
        return Disliked(
            down=sum(one.count for one in down),
            up=sum(one.count for one in ratings if one.rating == "up"),
            before_down=sum(one.count for one in before if one.rating == "down"),
            before_up=sum(one.count for one in before if one.rating == "up"),
            reasons=_most_first((one.reason or "", one.count) for one in down),
            models=_most_first((one.model, one.count) for one in down),
            given=given,
        )


def _is_beyond(answer: SlowAnswer, times: ModelTimes | None) -> bool:
    if times is None:
        return True
    is_long = times.total_p95 is None or answer.total_ms * _BUCKET >= times.total_p95
    if is_long or answer.first_ms is None or times.first_p95 is None:
        return is_long
    return answer.first_ms * _BUCKET >= times.first_p95


def _most_first(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, count in counts:
        total[name] += count
    return dict(total.most_common())
