"""Who waits in a pool and who runs, kept consistent step by step. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field

from appliance.fairness.admission import Ask, LimitState
from appliance.fairness.queue.occupancy import Need
from appliance.fairness.queue.service_rate import Average, Foresight, Pace
from appliance.fairness.queue.virtual_time import Path, ShareTree


@dataclass(slots=True)
class Request:
    """One request that waits or runs.

    completion_tokens: what has been charged for the answer so far. cost: charged in all, in weighted tokens.
    foretold_s: its wait as the line looked when it came. home: the engine that its conversation was on.
    """

    ask: Ask
    path: Path
    worker: str
    ticket: int
    completion_tokens: int
    cost: float
    limit_tokens: int = 0
    limits: tuple[LimitState, ...] = ()
    engine: str | None = None
    since_us: int = 0
    is_returned: bool = False
    foretold_s: float | None = None
    home: str = ""

    @property
    def person(self) -> str:
        """Its node in the tree."""
        return self.path[-1][0]

    @property
    def is_charged(self) -> bool:
        """It runs, or did on an engine that failed."""
        return self.engine is not None or self.is_returned

    @property
    def need(self) -> Need:
        """What it asks of an engine."""
        ask = self.ask
        return Need(ask.id, ask.prompt_tokens, ask.prompt_tokens + self.completion_tokens, ask.is_batch)


@dataclass(slots=True)
class Line:
    """The people of one class: their counters, and by person and model who waits, as (ticket, request) in order.

    answers: tokens of an answer, by person and over all (ROOT).
    """

    tree: ShareTree = field(default_factory=ShareTree)
    queues: dict[str, dict[str, list[tuple[int, str]]]] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)
    answers: dict[str, Average] = field(default_factory=dict)

    def heads(self, person: str, lost: Container[str] = ()) -> list[str]:
        """The first in line of each model but the lost ones, the one that came first first."""
        queues = self.queues[person].items()
        return [id for _, id in sorted(queue[0] for model, queue in queues if model not in lost)]

    def own_before(self, request: Request) -> int:
        """How many of the same person and model came before it."""
        queue = self.queues[request.person][request.ask.model]
        return bisect_left(queue, (request.ticket, request.ask.id))


@dataclass(slots=True)
class ModelInLine:
    """Requests in line for one model, and the engines that could answer them, with their slots."""

    requests: int = 0
    engines: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Pool:
    """The engines that share one queue, and who wants them. returned: whose engine failed before it answered."""

    interactive: Line = field(default_factory=Line)
    batch: Line = field(default_factory=Line)
    returned: deque[str] = field(default_factory=deque)
    batch_tickets: dict[str, int] = field(default_factory=dict)
    engines: dict[str, int] = field(default_factory=dict)
    models: dict[str, ModelInLine] = field(default_factory=dict)
    waiting: int = 0
    last_ticket: int = 0
    pace: Pace = field(default_factory=Pace)
    foresight: Foresight = field(default_factory=Foresight)
    held_ms: Average = field(default_factory=Average)

    def line(self, request: Request) -> Line:
        return self.line_of(request.ask)

    def line_of(self, ask: Ask) -> Line:
        return self.batch if ask.is_batch else self.interactive

    def next_ticket(self, now_us: int) -> int:
        """The time, or just after the last one where the clock stands still or was set back."""
        self.last_ticket = max(now_us, self.last_ticket + 1)
        return self.last_ticket

    def wait(self, request: Request, now_ms: float) -> None:
        """One more in line."""
        if self.waiting == 0:
            self.pace.begin(now_ms)
        self.waiting += 1
        line, ask = self.line(request), request.ask
        if request.is_returned:
            self.returned.append(ask.id)
            return
        if request.person not in line.tree.waiting:
            line.paces.setdefault(request.person, Pace()).begin(now_ms)
        line.tree.wait(request.path, request.cost)
        in_line = self.models.setdefault(ask.model, ModelInLine())
        in_line.requests += 1
        in_line.engines.update((candidate.engine, candidate.slots) for candidate in ask.candidates)
        queues = line.queues.setdefault(request.person, {})
        insort(queues.setdefault(ask.model, []), (request.ticket, ask.id))
        if ask.is_batch:
            self.batch_tickets[ask.id] = request.ticket

    def stop_waiting(self, request: Request) -> None:
        """One less, served or not."""
        self.waiting -= 1
        line, ask = self.line(request), request.ask
        if request.is_returned:
            self.returned.remove(ask.id)
            return
        line.tree.stop_waiting(request.path, request.cost)
        in_line = self.models[ask.model]
        in_line.requests -= 1
        if in_line.requests == 0:
            del self.models[ask.model]
        self.batch_tickets.pop(ask.id, None)
        queues = line.queues[request.person]
        queues[ask.model].remove((request.ticket, ask.id))
        if not queues[ask.model]:
            del queues[ask.model]
        if not queues:
            del line.queues[request.person]

    def note_start(self, request: Request, now_ms: float) -> None:
        """It came out of the line into a slot: the paces by which waits are foretold."""
        self.pace.started(request.cost, now_ms)
        self.line(request).paces.setdefault(request.person, Pace()).started(request.cost, now_ms)
        if request.foretold_s is not None:
            self.foresight.came(request.foretold_s, now_ms / 1000 - request.ticket / 1e6)
            request.foretold_s = None

    def oldest_batch(self) -> tuple[str, int] | None:
        """The batch request that has waited longest, and its ticket."""
        if not self.batch_tickets:
            return None
        return min(self.batch_tickets.items(), key=lambda item: (item[1], item[0]))
