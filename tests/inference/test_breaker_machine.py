"""When a circuit opens, when it may be asked again, and what never passes it, whatever the history and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.breaker.circuit import Cause, Circuit, Position, new_circuit
from inference.breaker.machine import Step, after
from inference.breaker.operations import Claimed, Failed, Freed, Hastened, Looked, Operation, PutBack, Served
from inference.breaker.rules import CLOUD, LOCAL, BreakerRules
from inference.failover.outcomes import Outcome
from tests.breaker_histories import HOUR_MS, NOON_MS, histories, rules


@dataclass
class Engine:
    """A circuit and the time of its clock; what happens to it is told one by one."""

    rules: BreakerRules = LOCAL
    circuit: Circuit = field(default_factory=lambda: new_circuit(NOON_MS))
    wall_ms: int = NOON_MS

    def told(self, operation: Operation, times: int = 1) -> Step:
        """The last step."""
        for _ in range(times):
            step = after(self.circuit, operation, self.wall_ms, self.rules)
            self.circuit = step.circuit
        return step

    def later(self, milliseconds: int) -> Engine:
        """Time has passed, or the clock was set."""
        self.wall_ms += milliseconds
        return self

    def claims(self) -> bool:
        """Whether a probe may go."""
        return self.told(Claimed()).is_granted


@pytest.mark.parametrize(
    ("outcome", "times"),
    [
        (Outcome.UNREACHABLE, 5),
        (Outcome.FAILED, 5),
        (Outcome.BROKEN, 3),
        (Outcome.MALFORMED, 3),
        (Outcome.SILENT, 1),
        (Outcome.RATE_LIMITED, 1),
        (Outcome.REJECTED, 1),
    ],
)
def test_it_opens_after_as_many_failures_as_their_kind_allows(outcome: Outcome, times: int) -> None:
    """Not one earlier."""
    engine = Engine()

    positions = [engine.told(Failed(outcome)).circuit.position for _ in range(times)]

    assert positions == [Position.CLOSED] * (times - 1) + [Position.OPEN]


def test_half_of_the_calls_are_enough_though_never_many_in_a_row() -> None:
    """Ten failures among twenty calls; with nine of nineteen it was still closed."""
    engine = Engine()
    for _ in range(9):
        engine.told(Served())
        engine.told(Failed(Outcome.FAILED))
    assert engine.told(Served()).circuit.position is Position.CLOSED

    opened = engine.told(Failed(Outcome.FAILED)).circuit

    assert (opened.cause, opened.count, opened.calls) == (Cause.SHARE, 10, 20)


def test_what_is_older_than_the_window_counts_no_more() -> None:
    """Nineteen failures of a minute ago say nothing about the share of today."""
    engine = Engine(replace(LOCAL, in_a_row=100))
    engine.told(Failed(Outcome.FAILED), times=19)

    engine.later(60_000).told(Failed(Outcome.FAILED))

    assert engine.circuit.position is Position.CLOSED


def test_late_answers_open_it_by_their_share() -> None:
    """It answers, and nobody wants to wait for it."""
    engine = Engine()
    engine.told(Served(calls=10))

    opened = engine.told(Served(calls=10, slow=10)).circuit

    assert (opened.position, opened.cause) == (Position.OPEN, Cause.SLOW)


def test_old_answers_between_new_failures_do_not_hide_them() -> None:
    """Long streams that began before the fault end well while every new one breaks off."""
    engine = Engine()
    for _ in range(2):
        engine.later(100).told(Failed(Outcome.BROKEN, age_ms=50))
        engine.told(Served(age_ms=20_000))

    assert engine.later(100).told(Failed(Outcome.BROKEN, age_ms=50)).circuit.position is Position.OPEN


def test_pauses_grow_up_to_the_longest_and_begin_anew_after_a_calm() -> None:
    """15, 30, 60 … 300 seconds for a cloud."""
    engine, pauses = Engine(replace(CLOUD, probes=1)), []
    engine.told(Failed(Outcome.FAILED), times=5)
    for _ in range(7):
        pauses.append((engine.circuit.retry_ms - engine.circuit.now_ms) // 1000)
        engine.later(pauses[-1] * 1000)
        assert engine.claims()
        engine.told(Failed(Outcome.FAILED, is_probe=True))
    engine.later(400_000).claims()
    engine.told(Served(is_probe=True))
    engine.told(Served())
    engine.later(HOUR_MS).told(Failed(Outcome.FAILED), times=5)

    assert pauses == [15, 30, 60, 120, 240, 300, 300]
    assert engine.circuit.retry_ms - engine.circuit.now_ms == 15_000


def test_who_comes_back_and_fails_at_once_is_out_again_for_longer() -> None:
    """One failure is enough before the first answer, so no storm follows a probe that was lucky."""
    engine = Engine()
    engine.told(Failed(Outcome.BROKEN), times=3)
    engine.later(1000).claims()
    engine.told(Served(is_probe=True))

    relapsed = engine.told(Failed(Outcome.BROKEN)).circuit

    assert (relapsed.position, relapsed.cause) == (Position.OPEN, Cause.RELAPSE)
    assert relapsed.retry_ms - relapsed.now_ms == 1500


def test_failures_of_before_do_not_count_against_who_came_back() -> None:
    """Calls that were sent before it was out of rotation may be told long after."""
    engine = Engine()
    engine.told(Failed(Outcome.BROKEN), times=3)
    engine.later(1000).claims()
    engine.told(Served(is_probe=True))

    engine.later(10).told(Failed(Outcome.SILENT, age_ms=20_000), times=50)

    assert engine.circuit.position is Position.CLOSED


@pytest.mark.parametrize(("asked_ms", "kept_ms"), [(0, 1000), (7_000, 7_000), (10**9, 300_000)])
def test_a_pause_that_was_asked_for_is_kept_within_bounds(asked_ms: int, kept_ms: int) -> None:
    """Retry-After of a 429."""
    engine = Engine()

    engine.told(Failed(Outcome.RATE_LIMITED, retry_after_ms=asked_ms, chance=0))

    assert not engine.later(kept_ms - 1).claims()
    assert engine.later(1).claims()


def test_a_refused_key_is_asked_again_only_with_other_settings() -> None:
    """Not after a year either."""
    engine = Engine(CLOUD)
    engine.told(Failed(Outcome.REJECTED, config="old"))

    assert not engine.later(365 * 24 * HOUR_MS).told(Claimed("old")).is_granted
    assert engine.told(Claimed("new")).is_granted


def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    """The pause goes on from where it was."""
    engine = Engine()
    engine.told(Failed(Outcome.BROKEN), times=3)
    engine.later(600).told(Looked())

    engine.later(-24 * HOUR_MS).told(Looked())

    assert not engine.later(399).claims()
    assert engine.later(1).claims()


def test_another_configuration_is_asked_once_and_then_after_pauses() -> None:
    """The key is good now and the server is not."""
    engine = Engine(replace(CLOUD, probes=1))
    engine.told(Failed(Outcome.REJECTED, config="old"))
    assert engine.told(Claimed("new")).is_granted

    engine.told(Failed(Outcome.FAILED, is_probe=True, config="new"))

    assert not engine.later(14_999).told(Claimed("new")).is_granted
    assert engine.later(1).told(Claimed("new")).is_granted


def test_a_circuit_keeps_the_cause_it_opened_by() -> None:
    """People are told why and since when, not what the last probe said."""
    engine = Engine()
    engine.told(Failed(Outcome.BROKEN), times=3)
    for pause_ms in (1000, 1500):
        engine.later(pause_ms).claims()
        engine.told(Failed(Outcome.UNREACHABLE, is_probe=True))

    circuit = engine.circuit
    assert (circuit.cause, circuit.outcome, circuit.count) == (Cause.IN_A_ROW, Outcome.BROKEN, 3)
    assert (circuit.failed_probes, circuit.last_probe) == (2, Outcome.UNREACHABLE)
    assert circuit.left_wall_ms == NOON_MS


@dataclass
class Traffic:
    """Requests of several processes to one engine, whose circuit they see only as of the last message they got."""

    rules: BreakerRules
    workers: int
    wall_ms: int = NOON_MS
    circuit: Circuit = field(default_factory=lambda: new_circuit(NOON_MS))
    seen: list[Position] = field(default_factory=list)
    running: list[bool] = field(default_factory=list)
    """Requests that are there: whether each is a probe."""
    outdated: int = 0

    def __post_init__(self) -> None:
        self.seen = [Position.CLOSED] * self.workers

    def send(self, worker: int) -> None:
        """A request of that process: it goes if the process knows the circuit as closed, or gets a claim."""
        if self.seen[worker] is Position.CLOSED:
            self.outdated += self.circuit.position is not Position.CLOSED
            self.running.append(False)
            return
        before = self.circuit
        if self._told(Claimed()).is_granted:
            assert before.position is not Position.CLOSED
            waited = before.retry_ms >= 0 and self.circuit.now_ms >= before.retry_ms
            assert waited or before.position is Position.HALF_OPEN
            self.running.append(True)

    def end(self, which: int, outcome: Outcome) -> None:
        """One of the requests that are there ends."""
        if not self.running:
            return
        is_probe = self.running.pop(which % len(self.running))
        if outcome is Outcome.SERVED:
            self._told(Served(is_probe=is_probe))
        elif outcome is Outcome.NOT_COUNTED:
            self._told(Freed() if is_probe else Looked())
        else:
            self._told(Failed(outcome, is_probe=is_probe))

    def hear(self, worker: int) -> None:
        """It gets the message of how the circuit is."""
        self.seen[worker] = self.circuit.position

    def _told(self, operation: Operation) -> Step:
        step = after(self.circuit, operation, self.wall_ms, self.rules)
        self.circuit = step.circuit
        return step


events = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 2), st.just(Outcome.SERVED)),
    st.tuples(st.just("hear"), st.integers(0, 2), st.just(Outcome.SERVED)),
    st.tuples(st.just("end"), st.integers(0, 50), st.sampled_from(Outcome)),
    st.tuples(
        st.just("pass"),
        st.one_of(st.integers(0, 2_000), st.sampled_from([HOUR_MS, -HOUR_MS])),
        st.just(Outcome.SERVED),
    ),
)


@settings(deadline=None)
@given(
    rules=st.sampled_from([LOCAL, CLOUD, replace(CLOUD, probes=3, first_pause_ms=500)]),
    history=st.lists(events, max_size=120),
)
def test_an_open_circuit_lets_nothing_pass_but_its_probes(
    rules: BreakerRules, history: Sequence[tuple[str, int, Outcome]]
) -> None:
    """Whatever three processes do, and however the clock jumps: probes at once are never more than allowed.

    Probes are not lost here: a claim outlives every step of the clock.
    """
    traffic = Traffic(replace(rules, claim_ms=10**12), workers=3)

    for happens, number, outcome in history:
        if happens == "send":
            traffic.send(number)
        elif happens == "hear":
            traffic.hear(number)
        elif happens == "end":
            traffic.end(number, outcome)
        else:
            traffic.wall_ms += number
        if traffic.circuit.position is Position.HALF_OPEN:
            assert len(traffic.circuit.claims) + traffic.circuit.served <= rules.probes


@settings(deadline=None)
@given(rules=rules, history=histories)
def test_no_history_makes_it_pass_more_than_its_probes(
    rules: BreakerRules, history: Sequence[tuple[int, Operation]]
) -> None:
    """While it is not closed: a grant needs a pause that is over by its own clock, and a probe that is free."""
    engine = Engine(rules)
    outstanding: list[int] = []
    for step_ms, operation in history:
        before = engine.circuit
        step = engine.later(step_ms).told(operation)
        if step.circuit.position is not Position.HALF_OPEN or before.position is not Position.HALF_OPEN:
            outstanding = []
        elif isinstance(operation, Served | Failed | Freed):
            is_probe = isinstance(operation, Freed) or operation.is_probe
            outstanding = outstanding[1:] if is_probe else outstanding
        if step.is_granted:
            outstanding = [until for until in outstanding if until > step.circuit.now_ms]
            outstanding.append(step.circuit.now_ms + rules.claim_ms)
        assert len(outstanding) <= rules.probes
        assert step.circuit.now_ms >= before.now_ms
        assert not (step.is_granted and step.circuit.position is not Position.HALF_OPEN)
        if before.position is Position.OPEN and step.is_granted:
            assert isinstance(operation, Claimed)
            is_other = before.cause is Cause.REJECTED and before.config != operation.config
            assert is_other or 0 <= before.retry_ms <= step.circuit.now_ms


@settings(deadline=None)
@given(history=histories)
def test_an_open_circuit_always_comes_to_be_asked(history: Sequence[tuple[int, Operation]]) -> None:
    """After any history the longest pause is long enough, or an administrator's word: nobody is out for ever."""
    engine = Engine(CLOUD)
    for step_ms, operation in history:
        if not isinstance(operation, PutBack):
            engine.later(step_ms).told(operation)
    if engine.circuit.position is Position.CLOSED:
        return

    if engine.circuit.cause is Cause.REJECTED:
        engine.told(Hastened())

    assert engine.later(max(360_000, CLOUD.claim_ms)).claims()
