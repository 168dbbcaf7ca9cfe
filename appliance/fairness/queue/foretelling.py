"""How long somebody in line still waits. Pure; times are handed in, in microseconds."""

from __future__ import annotations

from appliance.fairness.queue.lines import Pool, Request
from appliance.fairness.queue.occupancy import Occupancy
from appliance.fairness.queue.service_rate import blended_s
from appliance.fairness.queue.virtual_time import ROOT

_ROUNDS = 4  # turns of every slot after which the pace counts half


class Foretelling:
    """From what was measured of this pool."""

    def __init__(self, occupancy: Occupancy) -> None:
        self._occupancy = occupancy

    def place(self, pool: Pool, request: Request, now_us: int) -> tuple[int, float | None]:
        """Position from 1, and the seconds until it starts.

        Two measured rates can tell: how fast the whole pool starts what is before it, corrected by how that came true
        so far, and how fast its own person is served, which knows of people who will come and overtake.
        """
        position, by_pool_s = self.from_the_line(pool, request, now_us)
        if by_pool_s is None or request.is_returned:
            return position, by_pool_s
        line = pool.line(request)
        wait_s = pool.foresight.corrected_s(by_pool_s)
        own_cost = (line.own_before(request) + 1) * line.tree.waiting[request.person].each
        pace = line.paces[request.person]
        own_ms = pace.wait_ms(own_cost, now_us / 1000)
        return position, blended_s(wait_s, pace, None if own_ms is None else own_ms / 1000)

    def from_the_line(self, pool: Pool, request: Request, now_us: int) -> tuple[int, float | None]:
        """Position from 1, and the seconds until all before it have started, if nobody else comes."""
        line, now_ms = pool.line(request), now_us / 1000
        if request.is_returned:
            before = pool.returned.index(request.ask.id)
            return before + 1, self._wait_s(pool, request.cost * (before + 1), before + 1, now_ms)
        own, each = line.own_before(request), line.tree.waiting[request.person].each
        ahead, cost = line.tree.ahead(request.path, own, own * each)
        if request.ask.is_batch:
            interactive = pool.interactive.tree.waiting
            roots = [interactive[node] for node in pool.interactive.tree.children.get(ROOT, ())]
            ahead += sum(root.requests for root in roots)
            cost += sum(root.cost for root in roots)
        ahead += len(pool.returned)
        return ahead + 1, self._wait_s(pool, cost + each, ahead + 1, now_ms)

    def has_settled(self, pool: Pool) -> bool:
        """Whether enough turns were measured to learn from how such estimates come true."""
        return pool.pace.events >= _ROUNDS * self._slots(pool)

    def _wait_s(self, pool: Pool, cost: float, requests: int, now_ms: float) -> float | None:
        by_pace, held_ms = pool.pace.wait_ms(cost, now_ms), pool.held_ms.value
        if held_ms is None:
            return None if by_pace is None else by_pace / 1000
        slots = self._slots(pool)
        by_slots = requests * held_ms / slots
        if by_pace is None:
            return by_slots / 1000
        # A pace of a few turns is mostly chance, and the first ones come late: all slots had just begun.
        trust = pool.pace.events / (pool.pace.events + _ROUNDS * slots)
        return (trust * by_pace + (1 - trust) * by_slots) / 1000

    def _slots(self, pool: Pool) -> int:
        return max(1, sum(self._occupancy.slots(name, known) for name, known in pool.engines.items()))
