"""What the token-fair queue promises after every event of a random history.

Claimed, for people f and g of one pool who both have something in line over an interval, with weights phi >= 1, w_p and
w_q the weights of prompt and answer tokens, L_in the longest prompt and M the most tokens that ran at once:

    W_f/phi_f - W_g/phi_g  <=  2 max(w_p L_in, w_q M) + X_fg

W is what a person was charged in the interval (estimates at the start, corrected at the end), and X_fg what f was
charged for turns that were g's. Nobody's turn is passed (X = 0) unless a slot of the reserve, the prefill gate, the
spread of turns or a limit of slots a person keeps the one in turn from a free slot that another one may take.
The bound is that of Sheng et al., OSDI 2024, theorem 4.4.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from appliance.fairness.admission import (
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Full,
    Leaving,
    Share,
    Slot,
    Spent,
)
from appliance.fairness.queue.fair_queue import FairQueue
from appliance.fairness.queue.lines import Pool, Request

WEIGHTS = {"ana": 1.0, "bob": 1.0, "eva": 2.0, "kim": 4.0}
NO_GATE = 10**12


@dataclass(frozen=True)
class Start:
    """A slot that was given. held, running: of the person and on the engine, just before."""

    id: str
    user: str
    engine: str
    held: int
    running: int
    cost: float
    passed: frozenset[str]
    """Who waited with a lower counter."""


class ObservedQueue(FairQueue):
    """The queue, telling every start."""

    def __init__(self, rules: FairRules) -> None:
        super().__init__(rules)
        self.starts: list[Start] = []

    def _start(self, pool: Pool, request: Request, engine: str, now_us: int) -> None:
        tree = pool.interactive.tree
        own = tree.served.get(request.person, 0.0)
        self.starts.append(
            Start(
                request.ask.id,
                request.ask.user,
                engine,
                tree.running.get(request.person, 0),
                self.occupancy.running(engine),
                request.cost,
                frozenset(name for name in tree.waiting if tree.served[name] < own),
            )
        )
        super()._start(pool, request, engine, now_us)


@dataclass
class History:
    """A queue, its engines as the test knows them, and what was seen so far.

    charged: by request that runs; used: weighted tokens by person, estimates of what runs included.
    passed: (who, whose turn it was) -> virtual tokens. since, used_since: at the start of the interval.
    """

    rules: FairRules
    slots: dict[str, int]
    now_us: int = 1_000_000
    asks: dict[str, Ask] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)
    reading: set[str] = field(default_factory=set)
    entered: int = 0
    charged: dict[str, float] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    longest_prompt: int = 0
    longest_answer: int = 0
    most_running: int = 1
    begun_us: dict[str, int] = field(default_factory=dict)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    since: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    used_since: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = ObservedQueue(self.rules)
        self.longest_answer = self.rules.default_completion_tokens

    @property
    def waiting(self) -> dict[str, Ask]:
        return {id: ask for id, ask in self.asks.items() if id not in self.running}

    def enter(self, user: str, prompt_tokens: int) -> None:
        id = f"r{self.entered}"
        self.entered += 1
        candidates = tuple(Candidate(name, slots) for name, slots in self.slots.items())
        ask = Ask(id, "pool", "m", (Share(user, WEIGHTS[user]),), candidates, prompt_tokens)
        self.longest_prompt = max(self.longest_prompt, prompt_tokens)
        self.asks[id] = ask
        answer = self.queue.enter(ask, "w", self.now_us)
        assert not isinstance(answer, Full)
        if isinstance(answer, Slot):
            self._started(id, answer.engine)

    def end(self, id: str, spent: Spent | None) -> None:
        is_running = self.running.pop(id, None) is not None
        self.reading.discard(id)
        user = self.asks.pop(id).user
        if spent is not None:
            self.longest_prompt = max(self.longest_prompt, spent.prompt_tokens)
            self.longest_answer = max(self.longest_answer, spent.completion_tokens)
        if is_running:
            self.used[user] += self._cost(spent or Spent()) - self.charged.pop(id)
        self.queue.leave(Leaving(id, spent), self.now_us)

    def _cost(self, spent: Spent) -> float:
        cached = min(spent.cached_tokens, spent.prompt_tokens)
        rules = self.rules
        prompt = rules.prompt_weight * (spent.prompt_tokens - cached) + rules.cached_weight * cached
        return prompt + rules.completion_weight * spent.completion_tokens

    def first_byte(self, id: str) -> None:
        self.reading.discard(id)
        self.queue.first_byte(id, self.now_us)

    def grew(self, id: str, tokens: int) -> None:
        self.longest_answer = max(self.longest_answer, tokens)
        cost = self.rules.prompt_weight * self.asks[id].prompt_tokens + self.rules.completion_weight * tokens
        self.used[self.asks[id].user] += max(0, cost - self.charged[id])
        self.charged[id] = max(cost, self.charged[id])
        self.queue.grew(id, tokens)

    def learn(self, engine: str, slots: int) -> None:
        self.slots[engine] = slots
        self.queue.learn([Capacity(engine, slots)], self.now_us)

    def _started(self, id: str, engine: str) -> None:
        self.running[id] = engine
        if self.asks[id].prompt_tokens:
            self.reading.add(id)

    # what must hold -----------------------------------------------------------------------------------

    def check(self) -> None:
        for grant in self.queue.grants():
            self._started(grant.id, grant.engine)
        starts, self.queue.starts = self.queue.starts, []
        for start in starts:
            self._check_start(start)
            self.begun_us[start.engine] = self.now_us
            self.charged[start.id] = start.cost
            self.used[start.user] += start.cost
        self.most_running = max(self.most_running, len(self.running))
        self._check_nobody_waits_in_vain()
        self._check_bound(starts)

    def _check_start(self, start: Start) -> None:
        slots = self.slots[start.engine]
        assert start.running < slots
        if start.held:
            assert start.running < slots - self.rules.reserved_of(slots), (
                "the reserve is for who holds nothing"
            )
            assert start.held < (self.rules.max_running_per_user or math.inf)

    def _check_nobody_waits_in_vain(self) -> None:
        held = Counter(self.asks[id].user for id in self.running)
        on = Counter(self.running.values())
        reads = {self.running[id] for id in self.reading}
        for ask in self.waiting.values():
            for name, slots in self.slots.items():
                usable = slots - (self.rules.reserved_of(slots) if held[ask.user] else 0)
                is_capped = held[ask.user] >= (self.rules.max_running_per_user or math.inf)
                is_gated = name in reads and self.rules.prefill_tokens < NO_GATE
                is_spread = held[ask.user] and self._has_just_begun(name, slots)
                assert on[name] >= usable or is_capped or is_gated or is_spread, (
                    f"{ask.user} could run on {name}"
                )

    def _has_just_begun(self, engine: str, slots: int) -> bool:
        """Whether turns are spread there and the last one was less than the longest distance ago."""
        if not self.rules.spread or self.rules.reserved_of(slots):
            return False
        return 0 <= self.now_us - self.begun_us.get(engine, -(10**12)) < 1_000_000

    def _check_bound(self, starts: list[Start]) -> None:
        served = self.queue.served("pool")
        backlogged = sorted({ask.user for ask in self.waiting.values()})
        pairs = {(f, g) for f in backlogged for g in backlogged if f != g}
        self.since = {pair: before for pair, before in self.since.items() if pair in pairs}
        for start in starts:
            for other in start.passed:
                self.passed[start.user, other] += math.ceil(start.cost / WEIGHTS[start.user])
        self.used_since = {name: self.used_since[name] for name in backlogged if name in self.used_since}
        for name in backlogged:
            served_before, used_before = self.used_since.setdefault(name, (served[name], self.used[name]))
            used = (self.used[name] - used_before) / WEIGHTS[name]
            assert math.isclose(served[name] - served_before, used, rel_tol=1e-9, abs_tol=1e-3)
        rules = self.rules
        most = self.most_running * (self.longest_prompt + self.longest_answer)
        bound = 2 * max(rules.prompt_weight * self.longest_prompt, rules.completion_weight * most)
        for f, g in pairs:
            if (f, g) not in self.since:
                self.since[f, g] = (served[f] - served[g], self.passed[f, g])
            before, passed_before = self.since[f, g]
            out_of_turn = self.passed[f, g] - passed_before
            assert served[f] - served[g] - before <= bound + out_of_turn

    def drain(self) -> None:
        """Everything ends; whoever waits must get a turn."""
        for _ in range(len(self.asks) + 1):
            for id in list(self.running):
                self.end(id, Spent(self.asks[id].prompt_tokens, 0, 1))
                self.check()
        assert not self.asks


USERS = st.sampled_from(sorted(WEIGHTS))
PROMPTS = st.sampled_from([0, 1, 50, 400, 3000])
WHICH = st.integers(0, 500)
SPENT = st.none() | st.builds(
    Spent,
    prompt_tokens=st.sampled_from([1, 50, 800]),
    cached_tokens=st.sampled_from([0, 0, 50]),
    completion_tokens=st.sampled_from([1, 20, 300, 2000]),
)
EVENTS = st.one_of(
    st.tuples(st.just("flood"), USERS, st.tuples(st.integers(2, 12), PROMPTS)),
    st.tuples(st.just("enter"), USERS, PROMPTS),
    st.tuples(st.just("alone"), USERS, st.tuples(st.integers(1, 60), PROMPTS)),
    st.tuples(st.just("end"), WHICH, SPENT),
    st.tuples(st.just("end"), WHICH, SPENT),
    st.tuples(st.just("work"), st.integers(1, 30), SPENT),
    st.tuples(st.just("cancel"), WHICH, st.none()),
    st.tuples(st.just("first_byte"), WHICH, st.none()),
    st.tuples(st.just("grew"), WHICH, st.sampled_from([300, 4000])),
    st.tuples(st.just("learn"), st.sampled_from(["a", "b"]), st.sampled_from([1, 2, 12])),
    st.tuples(st.just("pass"), st.sampled_from([1, 300_000, 100_000_000, -3_600_000_000]), st.none()),
)
PLAIN = st.builds(
    FairRules,
    reserved=st.just(0),
    prefill_tokens=st.just(NO_GATE),
    default_completion_tokens=st.sampled_from([10, 256]),
    spread=st.just(0.0),
)
WHOLE = st.builds(
    FairRules,
    reserved=st.sampled_from([None, 0, 1, 3]),
    prefill_tokens=st.sampled_from([NO_GATE, 4096, 500, 1]),
    max_running_per_user=st.sampled_from([None, None, 1, 3]),
    spread=st.sampled_from([0.0, 0.75]),
)
ENGINES = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from([1, 1, 2, 9]), min_size=1)
CALM = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(rules=PLAIN, engines=ENGINES, events=st.lists(EVENTS, max_size=60))
@CALM
def test_nobodys_turn_is_passed_without_a_reserve_or_a_gate(
    rules: FairRules, engines: dict[str, int], events: list[tuple[str, object, object]]
) -> None:
    """The bound of virtual token counters holds as published: X = 0."""
    history = _live_through(rules, engines, events)

    assert not history.passed


@given(rules=WHOLE, engines=ENGINES, events=st.lists(EVENTS, max_size=60))
@CALM
def test_people_with_something_in_line_are_served_alike(
    rules: FairRules, engines: dict[str, int], events: list[tuple[str, object, object]]
) -> None:
    """With everything on: slots, reserve, gate and caps are kept, no slot idles, the bound holds, all get a turn."""
    history = _live_through(rules, engines, events)

    event("somebody was passed" if history.passed else "nobody was passed")


def _live_through(
    rules: FairRules, engines: dict[str, int], events: list[tuple[str, object, object]]
) -> History:
    history = History(rules, dict(engines))
    for one in events:
        history.now_us += 1
        _happen(history, one)
        history.check()
    history.drain()
    return history


def _happen(history: History, one: tuple[str, object, object]) -> None:
    match one:
        case ("enter", str() as user, int() as prompt_tokens):
            history.enter(user, prompt_tokens)
        case ("flood", str() as user, (int() as requests, int() as prompt_tokens)):
            for _ in range(requests):
                history.enter(user, prompt_tokens)
                history.check()
        case ("alone", str() as user, (int() as rounds, int() as prompt_tokens)):
            for _ in range(rounds):
                history.enter(user, prompt_tokens)
                history.check()
                history.end(next(iter(history.running)), Spent(prompt_tokens, 0, 10))
                history.check()
        case ("learn", str() as engine, int() as slots) if engine in history.slots:
            history.learn(engine, slots)
        case ("pass", int() as us, _):
            history.now_us = max(1, history.now_us + us)
        case ("work", int() as requests, spent):
            for _ in range(min(requests, len(history.running))):
                history.end(next(iter(history.running)), spent if isinstance(spent, Spent) else None)
                history.check()
        case (operation, int() as which, value) if history.asks:
            among = list(history.waiting if operation == "cancel" else history.running)
            if not among:
                return
            id = among[which % len(among)]
            if operation in ("end", "cancel"):
                history.end(id, value if isinstance(value, Spent) else None)
            elif operation == "first_byte":
                history.first_byte(id)
            elif operation == "grew" and isinstance(value, int):
                history.grew(id, value)
