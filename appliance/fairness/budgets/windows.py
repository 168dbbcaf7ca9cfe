"""The days and months in which money is counted: the calendar's, in the box's time zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from appliance.fairness.budgets.caps import AppliedCap, CapWindow


@dataclass(frozen=True, slots=True)
class Span:
    """From start_ms on, before end_ms; Unix time."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Window:
    """What is counted: the spending of a cap's scope in one span. most: micros that it may reach."""

    cap: AppliedCap
    span: Span

    @property
    def name(self) -> str:
        """One for all caps of any height on the same spending."""
        cap = self.cap
        return f"{cap.covers}:{cap.window}:{self.span.start_ms}:{cap.scope}"

    @property
    def most(self) -> int:
        return self.cap.micros


def span_of(window: CapWindow, now_ms: int, zone: tzinfo) -> Span:
    """The day or month that it is. A day of a changing clock has 23 or 25 hours."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    first = datetime(now.year, now.month, now.day, tzinfo=zone)
    if window == "day":
        after = datetime(now.year, now.month, now.day) + timedelta(days=1)
        return Span(_ms(first), _ms(after.replace(tzinfo=zone)))
    first = first.replace(day=1)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return Span(_ms(first), _ms(datetime(year, month, 1, tzinfo=zone)))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
