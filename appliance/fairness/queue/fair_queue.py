"""The token-fair queue: who gets which slot next. Pure: no clock, no I/O; times are handed in, in microseconds.

One queue per pool of engines. In it people share by weighted tokens (`virtual_time.py`), engines are filled up to their
slots with a reserve for people who hold none (`occupancy.py`), batch requests take what nobody interactive wants.
A request is charged by an estimate when it starts and settled by the engine's own count when it ends.

Valkey runs the same rules (`fair_queue.lua`) for all gateway processes; this one serves a process alone while Valkey is
away, is what the simulation runs, and is what the tests hold the script against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from appliance.fairness.admission import (
    Answer,
    AppliedLimit,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Full,
    Gone,
    Grant,
    Held,
    Leaving,
    LimitState,
    Place,
    Refused,
    Slot,
    Spent,
)
from appliance.fairness.queue.foretelling import Foretelling
from appliance.fairness.queue.homes import Homes
from appliance.fairness.queue.lines import Pool, Request
from appliance.fairness.queue.occupancy import Occupancy
from appliance.fairness.queue.service_rate import Average
from appliance.fairness.queue.survey import PoolState, Standings
from appliance.fairness.queue.surveying import MOST_PLACED, pool_state, standing
from appliance.fairness.queue.turns import Turn, Turns
from appliance.fairness.queue.virtual_time import ROOT, node_path
from appliance.fairness.queue.worker_leases import WorkerLeases


class TakesLimits(Protocol):
    """The limits an operator set; `limits.Limits` fulfils it."""

    def take(
        self, now_ms: int, limits: Sequence[AppliedLimit], tokens: int
    ) -> tuple[Refused | None, tuple[LimitState, ...]]: ...

    def settle(
        self,
        now_ms: int,
        limits: Sequence[AppliedLimit],
        charged: int,
        actual: int,
        *,
        is_over: bool,
        taken_ms: int | None = None,
    ) -> None: ...

    def restore(self, limits: Sequence[AppliedLimit]) -> None: ...


class FairQueue:
    """All pools. Every operation may be repeated; grants() tells who else got a slot by it."""

    def __init__(self, rules: FairRules, limits: TakesLimits | None = None) -> None:
        self.rules = rules
        self.occupancy = Occupancy(rules)
        self._turns = Turns(rules, self.occupancy)
        self._foretelling = Foretelling(self.occupancy)
        self._limits = limits
        self._requests: dict[str, Request] = {}
        self._pools: dict[str, Pool] = {}
        self._homes = Homes()
        self._waiting_of: Counter[str] = Counter()
        self._workers = WorkerLeases(rules.lease_s)
        self._grants: list[Grant] = []

    # operations ---------------------------------------------------------------------------------------

    def enter(self, ask: Ask, worker: str, now_us: int) -> Answer:
        """Take a slot or a place in line; Full or Refused leave no trace."""
        self._workers.renew(worker, now_us)
        if ask.id in self._requests:
            return self.where(ask.id, now_us)
        pool = self._pool(ask)
        request = self._new(ask, worker, pool.next_ticket(now_us))
        refused = self._take_limits(request, now_us)
        if refused is not None:
            return refused
        self._requests[ask.id] = request
        if not pool.waiting and self._start_at_once(pool, request, now_us):
            return self.where(ask.id, now_us)
        self._wait(pool, request, now_us)
        self._dispatch(pool, now_us)
        answer = self.where(ask.id, now_us)
        if isinstance(answer, Place) and self._is_too_long(request):
            self._stop_waiting(pool, request)
            del self._requests[ask.id]
            self._settle_limits(request, 0, now_us, is_over=True)
            return Full(answer.eta_s)
        if isinstance(answer, Place) and self._foretelling.has_settled(pool):
            request.foretold_s = self._foretelling.from_the_line(pool, request, now_us)[1]
        self._grants = [grant for grant in self._grants if grant.id != ask.id]
        return answer

    def leave(self, leaving: Leaving, now_us: int) -> None:
        """It ended, or gave up waiting."""
        request = self._requests.pop(leaving.id, None)
        if request is None:
            return
        pool = self._pool(request.ask)
        if request.engine is None:
            self._refund(pool, request)
            self._stop_waiting(pool, request)
            self._settle_limits(request, 0, now_us, is_over=True)
        else:
            self._note_rates(pool, request, leaving.spent, now_us)
            self._stop_running(pool, request)
            self._settle(pool, request, leaving.spent or Spent(), now_us)
        self._dispatch_around(pool, now_us)

    def first_byte(self, id: str, now_us: int) -> None:
        """Its prompt has been read."""
        request = self._requests.get(id)
        if request is not None and request.engine is not None:
            self.occupancy.has_read(request.engine, id)
            self._dispatch(self._pool(request.ask), now_us)

    def grew(self, id: str, completion_tokens: int) -> None:
        """Its answer is longer than it was charged for."""
        request = self._requests.get(id)
        if request is None or request.engine is None or completion_tokens <= request.completion_tokens:
            return
        more = self.rules.completion_weight * (completion_tokens - request.completion_tokens)
        request.completion_tokens = completion_tokens
        request.cost += more
        self._pool(request.ask).line(request).tree.grow(request.path, more)

    def move(self, id: str, candidates: tuple[Candidate, ...], now_us: int) -> Answer:
        """Its engine failed before the first byte: one of these, at once or before everybody who waits."""
        request = self._requests.get(id)
        if request is None:
            return Gone()
        request.ask = replace(request.ask, candidates=candidates)
        pool = self._pool(request.ask)
        pool.engines.update((candidate.engine, candidate.slots) for candidate in candidates)
        if request.engine is not None:
            self._stop_running(pool, request)
            request.is_returned = True
            self._wait(pool, request, now_us)
        self._dispatch(pool, now_us)
        self._grants = [grant for grant in self._grants if grant.id != id]
        return self.where(id, now_us)

    def cross(self, ask: Ask, now_us: int) -> Answer:
        """Out of its line into a slot of another pool that is free now, with the limits it has taken; else it stays."""
        request = self._requests.get(ask.id)
        if request is not None and request.engine is None and request.ask.pool != ask.pool:
            crossed = self._new(replace(ask, limits=request.ask.limits), request.worker, request.ticket)
            if not (pool := self._pool(ask)).waiting and self._start_at_once(pool, crossed, now_us):
                crossed.limit_tokens, crossed.limits = request.limit_tokens, request.limits
                self._forget(request)
                self._requests[ask.id] = crossed
                self._dispatch_around(self._pool(request.ask), now_us)
        return self.where(ask.id, now_us)

    def learn(self, capacities: Sequence[Capacity], now_us: int) -> None:
        """What the engines can bear."""
        for capacity in capacities:
            self.occupancy.learn(capacity)
        self.poke(now_us)

    def keep(self, engines: Collection[str]) -> None:
        """Forget all other engines but those that run something or that somebody in line could still get."""
        kept = set(engines)
        for pool in self._pools.values():
            kept.update(*(model.engines for model in pool.models.values()))
            if pool.returned:
                kept.update(pool.engines)
        for pool in self._pools.values():
            pool.engines = {
                name: slots
                for name, slots in pool.engines.items()
                if name in kept or self.occupancy.running(name)
            }
        self.occupancy.keep(kept)

    def renew(self, worker: str, now_us: int) -> int:
        """This worker lives; returns how many requests of it are known."""
        self._workers.renew(worker, now_us)
        return len(self.known(worker))

    def known(self, worker: str) -> list[str]:
        """The requests that the queue holds for a worker."""
        return sorted(id for id, request in self._requests.items() if request.worker == worker)

    def restore(self, worker: str, held: Sequence[Held], now_us: int) -> None:
        """All that a worker holds, as it says: what runs, runs; what waits keeps its ticket."""
        self.renew(worker, now_us)
        for one in held:
            known = self._requests.get(one.ask.id)
            if known is not None and known.engine == one.engine:
                continue
            if known is not None and one.engine is None:
                continue  # it has just been given a slot; the grant is on its way
            if known is not None:
                self._forget(known)
            pool = self._pool(one.ask)
            pool.last_ticket = max(pool.last_ticket, one.ticket)
            request = self._new(one.ask, worker, one.ticket)
            request.limit_tokens = known.limit_tokens if known is not None else 0
            self._requests[one.ask.id] = request
            if known is None and self._limits is not None:
                self._limits.restore(one.ask.limits)
            if one.engine is None:
                self._wait(pool, request, now_us)
            else:
                self._start(pool, request, one.engine, now_us)
        self.poke(now_us)

    def poke(self, now_us: int) -> None:
        """What time has brought: dead workers' slots, prompts that have been read."""
        for worker in self._workers.take_dead(now_us):
            for id in self.known(worker):
                request = self._requests[id]
                self._settle_limits(request, request.limit_tokens, now_us, is_over=True)
                self._forget(request)
        for pool in self._pools.values():
            self._dispatch(pool, now_us)

    def where(self, id: str, now_us: int) -> Answer:
        """Slot, Place or Gone."""
        request = self._requests.get(id)
        if request is None:
            return Gone()
        if request.engine is not None:
            return Slot(request.engine, request.limits)
        position, eta_s = self._foretelling.place(self._pool(request.ask), request, now_us)
        return Place(position, eta_s, request.ticket, request.limits)

    def grants(self) -> list[Grant]:
        """Slots that were given since the last call to requests other than the one that asked."""
        given, self._grants = self._grants, []
        return given

    @property
    def waiting(self) -> int:
        """Requests in line, over all pools."""
        return sum(pool.waiting for pool in self._pools.values())

    def served(self, pool: str, *, is_batch: bool = False) -> dict[str, float]:
        """Virtual tokens by node of the tree."""
        known = self._pools.get(pool, Pool())
        return dict((known.batch if is_batch else known.interactive).tree.served)

    # seeing it ----------------------------------------------------------------------------------------

    def survey(self, most: int, now_us: int) -> tuple[PoolState, ...]:
        """Every pool, with no more than `most` of its people and groups."""
        return tuple(
            pool_state(name, self._pools[name], self.occupancy, most, now_us / 1000)
            for name in sorted(self._pools)
        )

    def standings(self, user: str, most: int, now_us: int) -> Standings:
        """A person's requests, first come first, no more than `most` of them."""
        own = [request for request in self._requests.values() if request.ask.user == user]
        own.sort(key=lambda request: (request.ticket, request.ask.id))
        waiting = [request.ask.id for request in own[:most] if request.engine is None]
        placed = set(waiting[:MOST_PLACED])

        def place(request: Request) -> tuple[int | None, float | None]:
            if request.ask.id not in placed:
                return None, None
            return self._foretelling.place(self._pool(request.ask), request, now_us)

        return Standings(tuple(standing(request, place(request)) for request in own[:most]), len(own))

    # whose turn it is ---------------------------------------------------------------------------------

    def _dispatch(self, pool: Pool, now_us: int) -> None:
        while pool.waiting:
            if all(self.occupancy.is_full(name, slots) for name, slots in pool.engines.items()):
                return
            chosen = self._turns.choose(pool, self._requests, now_us)
            if chosen is None:
                return
            request, engine = chosen
            self._stop_waiting(pool, request)
            self._start(pool, request, engine, now_us)
            pool.note_start(request, now_us / 1000)
            self._grants.append(Grant(request.worker, request.ask.id, engine))

    def _dispatch_around(self, pool: Pool, now_us: int) -> None:
        """This pool, and those that share an engine with it: the ones of before a change of its models. Their lines go
        first, for nobody comes to them any more."""
        around = [
            (other.last_ticket, name, other)
            for name, other in self._pools.items()
            if other is pool or (other.waiting and other.engines.keys() & pool.engines.keys())
        ]
        for _, _, other in sorted(around):
            self._dispatch(other, now_us)

    # a request's way ----------------------------------------------------------------------------------

    def _new(self, ask: Ask, worker: str, ticket: int) -> Request:
        pool, path = self._pool(ask), node_path(ask.shares)
        pool.engines.update((candidate.engine, candidate.slots) for candidate in ask.candidates)
        answers = pool.line_of(ask).answers
        known = answers.get(path[-1][0]) or answers.get(ROOT)
        tokens = int(known.value) + 1 if known and known.value else self.rules.default_completion_tokens
        if ask.max_tokens is not None:
            tokens = min(tokens, ask.max_tokens)
        rules = self.rules
        cost = rules.prompt_weight * ask.prompt_tokens + rules.completion_weight * tokens
        return Request(ask, path, worker, ticket, tokens, cost, home=self._homes.of(ask))

    def _pool(self, ask: Ask) -> Pool:
        return self._pools.setdefault(ask.pool, Pool())

    def _start_at_once(self, pool: Pool, request: Request, now_us: int) -> bool:
        """Nobody waits: the line is not needed where a slot is free."""
        held = pool.line(request).tree.running.get(request.person, 0)
        engine = self._turns.engine_for(pool, Turn(request, held, request.ask.is_batch), {}, now_us)
        if engine is not None:
            self._start(pool, request, engine, now_us)
        return engine is not None

    def _start(self, pool: Pool, request: Request, engine: str, now_us: int) -> None:
        # One that comes back from a broken engine was charged when it started there.
        pool.line(request).tree.start(request.path, request.cost, is_charged=request.is_returned)
        request.is_returned = False
        request.engine, request.since_us = engine, now_us
        self._homes.note(request.ask, engine)
        self.occupancy.start(engine, request.need, now_us / 1000)

    def _stop_running(self, pool: Pool, request: Request) -> None:
        assert request.engine is not None
        self.occupancy.stop(request.engine, request.ask.id)
        pool.line(request).tree.stop(request.path, request.cost)
        request.engine = None

    def _wait(self, pool: Pool, request: Request, now_us: int) -> None:
        pool.wait(request, now_us / 1000)
        self._waiting_of[request.ask.user] += 1

    def _stop_waiting(self, pool: Pool, request: Request) -> None:
        pool.stop_waiting(request)
        self._waiting_of[request.ask.user] -= 1

    def _forget(self, request: Request) -> None:
        pool = self._pool(request.ask)
        del self._requests[request.ask.id]
        self._refund(pool, request)
        if request.engine is None:
            self._stop_waiting(pool, request)
        else:
            self._stop_running(pool, request)

    def _refund(self, pool: Pool, request: Request) -> None:
        if request.is_charged:
            pool.line(request).tree.charge(request.path, -request.cost)

    def _is_too_long(self, request: Request) -> bool:
        own = self._waiting_of[request.ask.user]
        return self.waiting > self.rules.max_queue or own > self.rules.max_queue_per_user

    # what it costs ------------------------------------------------------------------------------------

    def _settle(self, pool: Pool, request: Request, spent: Spent, now_us: int) -> None:
        rules, answer = self.rules, spent.completion_tokens
        if answer is None:
            answer = request.completion_tokens
        cached = min(spent.cached_tokens, spent.prompt_tokens)
        actual = (
            rules.prompt_weight * (spent.prompt_tokens - cached)
            + rules.cached_weight * cached
            + rules.completion_weight * answer
        )
        pool.line(request).tree.charge(request.path, actual - request.cost)
        self._settle_limits(request, spent.prompt_tokens + answer, now_us, is_over=True)

    def _note_rates(self, pool: Pool, request: Request, spent: Spent | None, now_us: int) -> None:
        if spent is None or request.engine is None:
            return
        pool.held_ms.add(max(0, now_us - request.since_us) / 1000)
        if spent.prefill_ms is not None:
            self.occupancy.measured(request.engine, spent.prompt_tokens, spent.prefill_ms)
        if spent.completion_tokens:
            answers = pool.line(request).answers
            for node in (request.person, ROOT):
                answers.setdefault(node, Average()).add(float(spent.completion_tokens))

    def _take_limits(self, request: Request, now_us: int) -> Refused | None:
        if self._limits is None or not request.ask.limits:
            return None
        request.limit_tokens = request.ask.prompt_tokens + request.completion_tokens
        refused, request.limits = self._limits.take(now_us // 1000, request.ask.limits, request.limit_tokens)
        return refused

    def _settle_limits(self, request: Request, tokens: int, now_us: int, *, is_over: bool) -> None:
        if self._limits is not None and request.ask.limits:
            self._limits.settle(
                now_us // 1000,
                request.ask.limits,
                request.limit_tokens,
                tokens,
                is_over=is_over,
                taken_ms=request.ticket // 1000,
            )
            request.limit_tokens = tokens
