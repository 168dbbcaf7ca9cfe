"""Engines that take nobody just now, and engines that are gone, as the queue knows them."""

from __future__ import annotations

from appliance.fairness.admission import Ask, Candidate, Capacity, FairRules, Leaving, Place, Share, Slot
from appliance.fairness.queue.fair_queue import FairQueue

NOW_US = 3_600_000_000
A, GONE = Candidate("a", 1), Candidate("gone", 7)


def _ask(queue: FairQueue, id: str, *candidates: Candidate) -> Slot | Place:
    answer = queue.enter(Ask(id, "pool", "m", (Share(id),), candidates, 10), "w", NOW_US)
    assert isinstance(answer, Slot | Place)
    return answer


def test_an_engine_that_takes_nobody_keeps_the_line() -> None:
    """Closed while its model is loaded or on its way out: what runs ends, everybody else waits and is told a place."""
    queue = FairQueue(FairRules(reserved=0))
    assert _ask(queue, "runs", A) == Slot("a")
    queue.learn([Capacity("a", 0)], NOW_US)
    waits = _ask(queue, "waits", A)
    queue.leave(Leaving("runs"), NOW_US)

    assert isinstance(waits, Place) and waits.position == 1
    assert queue.grants() == []
    queue.learn([Capacity("a", 2)], NOW_US)
    assert [grant.id for grant in queue.grants()] == ["waits"]


def test_an_engine_that_takes_nobody_is_passed_by_for_another_one() -> None:
    """Two engines have the model: the one that is there answers."""
    queue = FairQueue(FairRules(reserved=0))
    queue.learn([Capacity("a", 0)], NOW_US)

    assert _ask(queue, "one", A, GONE) == Slot("gone")


def test_engines_that_are_gone_are_forgotten_once_nobody_needs_them() -> None:
    """Not while something runs there or waits for it; after that their slots count for no wait any more."""
    queue = FairQueue(FairRules(reserved=0))
    for number in range(9):
        _ask(queue, f"r{number}", A, GONE)
    queue.keep({"a"})
    assert queue.survey(9, NOW_US)[0].slots == 8

    for number in range(9):
        queue.leave(Leaving(f"r{number}"), NOW_US)
    queue.keep({"a"})

    assert queue.survey(9, NOW_US)[0].slots == 1
