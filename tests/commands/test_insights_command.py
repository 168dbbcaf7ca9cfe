"""`appliance insights`: what its screen shows of what `/api/insights` tells."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from appliance.commands.insights import insights_screen

NOTHING: dict[str, Any] = {
    "period": "week",
    "errors": {"count": 0, "before": 2, "data": []},
    "unanswered": {"count": 0, "before": 0, "places": [], "questions": None},
    "slow": {"models": [], "answers": []},
    "disliked": {"count": 0, "before": 0},
}
ERROR = {
    "code": "engine_unavailable",
    "route": "/v1/chat/completions",
    "count": 1234,
    "before": 2,
    "people": 7,
    "last_at": "2026-03-01T12:00:05+00:00",
    "lookup": "req_[1]",
}
PLACE = {
    "collection": None,
    "private": True,
    "language": "es",
    "count": 4,
    "wordings": 3,
    "people": 2,
    "last_at": "2026-03-01T12:00:05+00:00",
}
MODEL = {
    "model": "llama[8b]",
    "answers": 21,
    "first_p95": 1250.0,
    "total_p95": 31_400.0,
    "before_total_p95": None,
    "queue_p95": 40.0,
}


def shown(**more: Any) -> str:
    """The screen, wide enough for every column."""
    console = Console(width=160)
    with console.capture() as capture:
        console.print(insights_screen({**NOTHING, **more}))
    return capture.get()


def test_a_quiet_week_is_one_sentence() -> None:
    """With what there was in the week before."""
    assert shown().strip().splitlines() == [
        "The last week: 0 errors (2 before), 0 questions that found nothing (0 before), 0 bad answers (0 before)."
    ]


def test_what_went_wrong_and_what_is_missing_stands_in_tables() -> None:
    """Names as they are, whatever characters they have; private questions are counted and not shown."""
    screen = shown(
        errors={"count": 1234, "before": 2, "data": [ERROR]},
        unanswered={"count": 4, "before": 0, "places": [PLACE], "questions": []},
        slow={"models": [MODEL], "answers": []},
    )

    words = (
        "engine_unavailable",
        "1,234 errors",
        "2026-03-01 12:00",
        "req_[1]",
        "not yours to see",
        "llama[8b]",
    )
    for word in (*words, "1.2 s", "31.4 s", "Their words are private"):
        assert word in screen, word
