"""Which model is loaded next, and which one gives way: the rule, without a process or a clock."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inference.keeping.rules import Manners, Member, next_step

GIB = 2**30
MANNERS = Manners(idle_s=600.0, least_stay_s=60.0, drain_s=30.0)


def _member(name: str, phase: str = "unloaded", **more: object) -> Member:
    return replace(Member(name, phase, {"ram": 4 * GIB}), **more)  # type: ignore[arg-type]


def test_nothing_is_loaded_that_nobody_wants() -> None:
    """However much room there is."""
    step = next_step([_member("a"), _member("b")], {"ram": 64 * GIB}, 0.0, MANNERS)

    assert step.do == "none"


def test_who_waited_longest_comes_first_and_who_was_called_before_that() -> None:
    """One load at a time: the others follow."""
    waiting = [_member("late", waiting_since=9.0), _member("early", waiting_since=2.0)]
    called = [*waiting, _member("called", is_called=True)]
    room = {"ram": 64 * GIB}

    assert next_step(waiting, room, 10.0, MANNERS).name == "early"
    assert next_step(called, room, 10.0, MANNERS).name == "called"
    busy = [*called, _member("loads", "loading")]
    assert next_step(busy, room, 10.0, MANNERS).do == "none"


def test_the_one_that_was_used_longest_ago_gives_way() -> None:
    """And of those that nobody uses, before any that somebody does."""
    loaded = [
        _member("busy", "ready", running=1, used_at=1.0),
        _member("old", "ready", used_at=5.0),
        _member("new", "ready", used_at=8.0),
    ]
    step = next_step([*loaded, _member("next", waiting_since=9.0)], {"ram": 0}, 10.0, MANNERS)

    assert (step.do, step.name, step.for_name) == ("drain", "old", "next")


def test_a_model_in_use_keeps_its_turn() -> None:
    """At least a minute, and twice what the other takes to load: a third of the time at most goes into loading."""
    busy = _member("busy", "ready", running=3, ready_since=100.0)
    quick, slow = (
        _member("next", waiting_since=101.0, load_s=1.0),
        _member("next", waiting_since=101.0, load_s=90.0),
    )

    assert next_step([busy, quick], {"ram": 0}, 120.0, MANNERS).again_at == 160.0
    assert next_step([busy, quick], {"ram": 0}, 160.0, MANNERS).do == "drain"
    assert next_step([busy, slow], {"ram": 0}, 160.0, MANNERS).again_at == 280.0


def test_a_draining_model_ends_with_its_last_answer_or_when_its_time_is_up() -> None:
    """Nobody waits for ever for somebody who writes a book."""
    writing = _member("old", "draining", running=1, drained_since=100.0)
    members = [writing, _member("next", waiting_since=99.0)]

    assert next_step(members, {"ram": 0}, 110.0, MANNERS).again_at == 130.0
    assert next_step(members, {"ram": 0}, 130.0, MANNERS).do == "unload"
    done = [replace(writing, running=0), members[1]]
    assert next_step(done, {"ram": 0}, 110.0, MANNERS).do == "unload"


def test_an_unused_model_leaves_memory_after_its_time() -> None:
    """And where nobody set a time, it stays."""
    idle = _member("idle", "ready", used_at=100.0, ready_since=50.0)

    assert next_step([idle], {}, 699.0, MANNERS).again_at == 700.0
    assert next_step([idle], {}, 700.0, MANNERS).do == "drain"
    assert next_step([idle], {}, 9999.0, replace(MANNERS, idle_s=None)).do == "none"


def test_a_failed_model_is_tried_again_only_when_its_time_has_come() -> None:
    """By those who wait for it; nobody loads in a circle."""
    failed = _member("bad", "failed", waiting_since=1.0, retry_at=50.0)

    assert next_step([failed], {"ram": 8 * GIB}, 49.0, MANNERS).again_at == 50.0
    assert next_step([failed], {"ram": 8 * GIB}, 50.0, MANNERS).do == "load"


MEMBERS = st.lists(
    st.builds(
        Member,
        name=st.just(""),
        phase=st.sampled_from(["unloaded", "loading", "ready", "draining", "failed", "restarting"]),
        needs=st.fixed_dictionaries({"ram": st.integers(1, 8)}),
        load_s=st.floats(0, 100),
        is_called=st.booleans(),
        waiting_since=st.none() | st.floats(0, 1000),
        running=st.integers(0, 3),
        ready_since=st.none() | st.floats(0, 1000),
        used_at=st.floats(0, 1000),
        drained_since=st.floats(0, 1000),
        retry_at=st.none() | st.floats(0, 2000),
    ),
    max_size=6,
).map(lambda members: [replace(one, name=f"m{number}") for number, one in enumerate(members)])


@given(members=MEMBERS, free=st.integers(0, 16), most=st.none() | st.integers(1, 3))
def test_whatever_stands_there_the_step_is_one_that_can_be_taken(
    members: list[Member], free: int, most: int | None
) -> None:
    """One load at a time, only of what is wanted and fits or stands alone; who is drained was ready; no answer is cut
    before its time."""
    manners = replace(MANNERS, most_loaded=most)
    step = next_step(members, {"ram": free}, 1000.0, manners)
    by_name = {member.name: member for member in members}
    loaded = [member for member in members if member.phase in ("ready", "draining")]

    if step.do == "load":
        chosen = by_name[step.name]
        assert not any(member.phase in ("loading", "restarting") for member in members)
        assert chosen.is_called or chosen.waiting_since is not None
        assert chosen.needs["ram"] <= free or not loaded
        assert most is None or len(loaded) < most or not loaded
    elif step.do == "drain":
        assert by_name[step.name].phase == "ready"
    elif step.do == "unload":
        gone = by_name[step.name]
        assert gone.running == 0 or 1000.0 - (gone.drained_since or 1000.0) >= manners.drain_s
