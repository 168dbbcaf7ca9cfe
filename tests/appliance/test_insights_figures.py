"""What insights are reckoned from: questions in similar words, and percentiles of counted times."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.domain.insights import AskedQuestion
from appliance.services.insights.grouping import grouped
from appliance.services.insights.times import by_model, collected, percentile
from rag.analysis import Analyzer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANALYZER = Analyzer()


def asked(*questions: str, language: str = "es") -> list[AskedQuestion]:
    """Newest first, each by another person, a minute apart."""
    return [
        AskedQuestion(question, language, NOON - timedelta(minutes=at), at, is_shared=False)
        for at, question in enumerate(questions)
    ]


def test_the_same_thing_in_other_words_is_one_question() -> None:
    """Accents, capitals, endings and small words are of no matter; what is asked about is."""
    groups = grouped(
        asked(
            "¿Cuántos días de vacaciones tengo?",
            "DIAS DE VACACION",
            "¿Qué hago con un pinchazo del camión?",
            "¿cuantos dias de vacaciones hay?",
            "Pinchazo en un camión: ¿qué se hace?",
        ),
        ANALYZER,
    )

    assert [(one.question, one.count, one.people) for one in groups] == [
        ("¿Cuántos días de vacaciones tengo?", 3, 3),
        ("¿Qué hago con un pinchazo del camión?", 2, 2),
    ]
    assert groups[0].others == ("DIAS DE VACACION", "¿cuantos dias de vacaciones hay?")
    assert (groups[0].first_at, groups[0].last_at) == (NOON - timedelta(minutes=3), NOON)


def test_what_has_no_telling_word_stands_alone() -> None:
    """Signs and small words say nothing of what is asked, so they are never taken for each other."""
    assert [one.count for one in grouped(asked("???", "!!!", "¿y?", "???"), ANALYZER)] == [2, 1, 1]
    assert grouped([], ANALYZER) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_percentile_is_right_to_within_three_per_cent(times: list[float], share: float) -> None:
    """Whatever was counted, against the same times sorted."""
    buckets: dict[int, int] = {}
    for ms in times:
        buckets[round(math.log(ms) * 20)] = buckets.get(round(math.log(ms) * 20), 0) + 1
    exact = sorted(times)[math.ceil(share * len(times)) - 1]

    told = percentile(buckets, share)

    assert told is not None and abs(told / exact - 1) < 0.03
    assert percentile({}, share) is None


def test_models_of_both_spans_are_told_the_most_used_first() -> None:
    """One that was asked only before is not told; one that is new has nothing to be compared with."""
    now = collected([("small", "total", 100, 3), ("large", "total", 120, 5), ("large", "total", 120, 5)])
    before = collected([("small", "total", 80, 1), ("gone", "total", 80, 9)])

    large, small = by_model(now, before)

    assert (large.model, large.answers, large.before_answers, large.before_total_p95) == (
        "large",
        10,
        0,
        None,
    )
    assert (small.model, small.answers, small.before_answers) == ("small", 3, 1)
    assert small.before_total_p95 is not None and small.first_p95 is None
