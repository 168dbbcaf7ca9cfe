"""People, a gate and an engine in simulated time; what every request met is kept."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from appliance.fairness.admission import Ask, Candidate, Leaving, Place, Share, Slot, Spent

from .engine import ModelledEngine, StepResult
from .gates import Gate

Sizes = Callable[[random.Random], tuple[int, int]]
"""(prompt tokens, answer tokens) of the next request."""

_FIRST_LOOK_S = 1.0  # so long a stream holds its headers back; then the first estimate is shown
_GROWTH = 256  # tokens after which an answer is charged again
_POKE_S = 1.0


@dataclass
class Told:
    """One request and what became of it. Times in seconds; eta_s: the estimate shown after a second of waiting."""

    user: str
    prompt_tokens: int
    completion_tokens: int
    asked_s: float
    started_s: float | None = None
    first_s: float | None = None
    done_s: float | None = None
    position: int | None = None
    eta_s: float | None = None

    @property
    def ttft_s(self) -> float | None:
        return None if self.first_s is None else self.first_s - self.asked_s


@dataclass(frozen=True)
class Person:
    """A flow. shares: groups from the outermost to the person itself."""

    shares: tuple[Share, ...]

    @property
    def name(self) -> str:
        return self.shares[-1].id


def person(name: str, weight: float = 1.0, *groups: Share) -> Person:
    """Somebody of that weight."""
    return Person((*groups, Share(name, weight)))


class World:
    """estimate: how a prompt's length is guessed before it is known, as a factor."""

    def __init__(
        self,
        gate: Gate,
        engine: ModelledEngine,
        slots: int,
        seed: int,
        estimate: Callable[[random.Random], float] = lambda rng: 1.0,
    ) -> None:
        self.now_s = 0.0
        self.random = random.Random(seed)
        self.told: dict[str, Told] = {}
        self._gate = gate
        self._engine = engine
        self._candidates = (Candidate("local", slots),)
        self._estimate = estimate
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._after: dict[str, Callable[[], None]] = {}
        self._is_stepping = False

    def at(self, time_s: float, act: Callable[[], None]) -> None:
        """Let it happen then."""
        heapq.heappush(self._events, (time_s, next(self._order), act))

    def run(self, until_s: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, act = heapq.heappop(self._events)
            act()
        self.now_s = until_s

    # people -------------------------------------------------------------------------------------------

    def ask(
        self,
        who: Person,
        sizes: tuple[int, int],
        after: Callable[[], None] | None = None,
        is_batch: bool = False,
    ) -> None:
        """A request, now. after: what the person does when it is answered."""
        id = f"r{len(self.told):06d}"
        prompt_tokens, completion_tokens = sizes
        self.told[id] = Told(who.name, prompt_tokens, completion_tokens, self.now_s)
        if after is not None:
            self._after[id] = after
        guessed = max(1, round(prompt_tokens * self._estimate(self.random)))
        asked = Ask(
            id, "pool", "model", who.shares, self._candidates, prompt_tokens=guessed, is_batch=is_batch
        )
        answer = self._gate.enter(asked, self._now_us)
        if isinstance(answer, Slot):
            self._start(id)
        else:
            self.at(self.now_s + _FIRST_LOOK_S, lambda: self._look(id))
        self._take_grants()

    def flood(self, who: Person, requests: int, sizes: Sizes, at_s: float) -> None:
        """All at once."""

        def pour() -> None:
            for _ in range(requests):
                self.ask(who, sizes(self.random))

        self.at(at_s, pour)

    def keep_open(self, who: Person, requests: int, sizes: Sizes, at_s: float = 0.0) -> None:
        """Always so many: every answer is followed by the next request at once."""

        def again() -> None:
            self.ask(who, sizes(self.random), again)

        for _ in range(requests):
            self.at(at_s, again)

    def now_and_then(self, who: Person, every_s: float, sizes: Sizes, at_s: float = 0.0) -> None:
        """Asks, reads the answer for about that long, asks again."""

        def again() -> None:
            self.ask(who, sizes(self.random), pause)

        def pause() -> None:
            self.at(self.now_s + self.random.uniform(0.5, 1.5) * every_s, again)

        self.at(at_s + self.random.uniform(0, every_s), again)

    def arrivals(
        self, who: Callable[[random.Random], Person], a_second: float, sizes: Sizes, until_s: float
    ) -> None:
        """A Poisson stream, whoever waits."""

        def next_one() -> None:
            if self.now_s < until_s:
                self.ask(who(self.random), sizes(self.random))
                self.at(self.now_s + self.random.expovariate(a_second), next_one)

        self.at(self.random.expovariate(a_second), next_one)

    # the gate and the engine --------------------------------------------------------------------------

    @property
    def _now_us(self) -> int:
        return int(self.now_s * 1e6)

    def _look(self, id: str) -> None:
        told = self.told[id]
        if told.started_s is None:
            place = self._gate.where(id, self._now_us)
            if isinstance(place, Place):
                told.position, told.eta_s = place.position, place.eta_s

    def _start(self, id: str) -> None:
        told = self.told[id]
        told.started_s = self.now_s
        self._engine.submit(id, told.prompt_tokens, told.completion_tokens)
        self._go_on()

    def _take_grants(self) -> None:
        for grant in self._gate.grants():
            self._start(grant.id)

    def _go_on(self) -> None:
        if not self._is_stepping and self._engine.has_work:
            self._is_stepping = True
            result = self._engine.step()
            self.at(self.now_s + result.duration_s, lambda: self._stepped(result))

    def _stepped(self, result: StepResult) -> None:
        self._is_stepping = False
        for work in result.first:
            self.told[work.id].first_s = self.now_s
            self._gate.first_byte(work.id, self._now_us)
            self._take_grants()
        for work in result.decoded:
            if work.produced % _GROWTH == 0:
                self._gate.grew(work.id, work.produced, self._now_us)
        for work in result.done:
            told = self.told[work.id]
            told.done_s = self.now_s
            assert told.first_s is not None and told.started_s is not None
            prefill_ms = (told.first_s - told.started_s) * 1000
            spent = Spent(told.prompt_tokens, 0, told.completion_tokens, prefill_ms)
            self._gate.leave(Leaving(work.id, spent), self._now_us)
            self._take_grants()
            after = self._after.pop(work.id, None)
            if after is not None:
                after()
        self._go_on()
