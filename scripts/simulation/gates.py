"""What stands before the engine in a simulation: nothing, or the product's queue."""

from __future__ import annotations

from typing import Protocol

from appliance.fairness.admission import Answer, Ask, FairRules, Grant, Leaving, Slot
from appliance.fairness.queue.fair_queue import FairQueue

WORKER = "w1"


class Gate(Protocol):
    """The part of `FairQueue` that a request meets."""

    def enter(self, ask: Ask, now_us: int) -> Answer: ...

    def first_byte(self, id: str, now_us: int) -> None: ...

    def grew(self, id: str, completion_tokens: int, now_us: int) -> None: ...

    def leave(self, leaving: Leaving, now_us: int) -> None: ...

    def where(self, id: str, now_us: int) -> Answer: ...

    def grants(self) -> list[Grant]: ...


class NoGate:
    """Everything goes to the engine at once, which serves first come first served."""

    def enter(self, ask: Ask, now_us: int) -> Answer:
        return Slot(ask.candidates[0].engine)

    def first_byte(self, id: str, now_us: int) -> None: ...

    def grew(self, id: str, completion_tokens: int, now_us: int) -> None: ...

    def leave(self, leaving: Leaving, now_us: int) -> None: ...

    def where(self, id: str, now_us: int) -> Answer:
        return Slot("")

    def grants(self) -> list[Grant]:
        return []


class FairGate:
    """The rules in Python."""

    def __init__(self, rules: FairRules) -> None:
        self.queue = FairQueue(rules)

    def enter(self, ask: Ask, now_us: int) -> Answer:
        return self.queue.enter(ask, WORKER, now_us)

    def first_byte(self, id: str, now_us: int) -> None:
        self.queue.first_byte(id, now_us)

    def grew(self, id: str, completion_tokens: int, now_us: int) -> None:
        self.queue.grew(id, completion_tokens)

    def leave(self, leaving: Leaving, now_us: int) -> None:
        self.queue.leave(leaving, now_us)

    def where(self, id: str, now_us: int) -> Answer:
        return self.queue.where(id, now_us)

    def grants(self) -> list[Grant]:
        return self.queue.grants()
