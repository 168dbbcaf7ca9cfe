"""A continuous-batching engine in simulated time, after the figures of an 8B model on one 48 GB card.

A step gives every decoding request one token and reads up to a budget of prompt tokens, first come first served; it
takes 7 ms, 60 us for each decoding request and 50 us for each prompt token (20,000 a second).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EnginePace:
    """Seconds a step, a decoding request in it, a prompt token in it; prompt tokens a step at most."""

    step_s: float = 0.007
    sequence_s: float = 60e-6
    prompt_token_s: float = 1 / 20_000
    prompt_budget: int = 2048


@dataclass
class Work:
    """One request in the engine. unread: prompt tokens still to read; produced: tokens of the answer so far."""

    id: str
    unread: int
    completion_tokens: int
    produced: int = 0


@dataclass
class StepResult:
    """What a step brought: who got the first token, who has so many tokens now, who is done."""

    duration_s: float
    first: list[Work] = field(default_factory=list)
    decoded: list[Work] = field(default_factory=list)
    done: list[Work] = field(default_factory=list)


class ModelledEngine:
    """slots: requests at once; more wait inside, first come first served."""

    def __init__(self, slots: int, pace: EnginePace) -> None:
        self._slots = slots
        self._pace = pace
        self._waiting: deque[Work] = deque()
        self._reading: deque[Work] = deque()
        self._decoding: dict[str, Work] = {}

    @property
    def running(self) -> int:
        return len(self._reading) + len(self._decoding)

    @property
    def has_work(self) -> bool:
        return bool(self._waiting or self._reading or self._decoding)

    def submit(self, id: str, prompt_tokens: int, completion_tokens: int) -> None:
        """One more request."""
        self._waiting.append(Work(id, max(1, prompt_tokens), max(1, completion_tokens)))

    def step(self) -> StepResult:
        """One forward pass over what is there."""
        while self._waiting and self.running < self._slots:
            self._reading.append(self._waiting.popleft())
        pace, budget = self._pace, self._pace.prompt_budget
        result = StepResult(pace.step_s + pace.sequence_s * len(self._decoding))
        for work in self._decoding.values():
            work.produced += 1
            result.decoded.append(work)
        while self._reading and budget > 0:
            work = self._reading[0]
            read = min(budget, work.unread)
            work.unread -= read
            budget -= read
            if work.unread:
                break
            self._reading.popleft()
            work.produced = 1
            self._decoding[work.id] = work
            result.first.append(work)
        result.duration_s += (pace.prompt_budget - budget) * pace.prompt_token_s
        result.done = [w for w in (*result.decoded, *result.first) if w.produced >= w.completion_tokens]
        for work in result.done:
            del self._decoding[work.id]
        return result
