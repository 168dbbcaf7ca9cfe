"""Whose turn it is in a pool, and on which engine. Pure; times are handed in, in microseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from appliance.fairness.admission import FairRules, Use, choose_engine
from appliance.fairness.queue.lines import Pool, Request
from appliance.fairness.queue.occupancy import Crowd, Occupancy


class Turn(NamedTuple):
    """A request whose turn it may be. held: slots its person has. as_batch: it may only fill what is left over."""

    request: Request
    held: int
    as_batch: bool


class Turns:
    """The order of everybody in line, held against what the engines have room for."""

    def __init__(self, rules: FairRules, occupancy: Occupancy) -> None:
        self._rules = rules
        self._occupancy = occupancy

    def choose(self, pool: Pool, requests: Mapping[str, Request], now_us: int) -> tuple[Request, str] | None:
        """The first in turn that may start. An engine that could not take one whose turn it is, because of prompts
        being read or its cache, keeps waiting for it: only people who hold nothing may pass, and nobody passes them."""
        holding: dict[str, bool] = {}
        lost: set[str] = set()
        for turn in self._in_turn(pool, requests, now_us, holding, lost):
            engine = self.engine_for(pool, turn, holding, now_us)
            if engine is not None:
                return turn.request, engine
            model = turn.request.ask.model
            if model in pool.models and self._is_lost(pool.models[model].engines, holding):
                lost.add(model)
        return None

    def _in_turn(
        self,
        pool: Pool,
        requests: Mapping[str, Request],
        now_us: int,
        holding: dict[str, bool],
        lost: set[str],
    ) -> Iterator[Turn]:
        """lost: models that nobody can get a slot for; those who wait for them are not looked at one by one."""
        for id in pool.returned:
            yield Turn(requests[id], 0, False)
        oldest = pool.oldest_batch()
        if oldest is not None and now_us - oldest[1] >= self._rules.batch_promoted_after_s * 1e6:
            request = requests[oldest[0]]
            yield Turn(request, pool.batch.tree.running.get(request.person, 0), False)
        for line in (pool.interactive, pool.batch):
            as_batch = line is pool.batch
            for person in line.tree.in_turn():
                if len(lost) == len(pool.models):
                    return
                held = line.tree.running.get(person, 0)
                if self._is_shut(pool, held, holding, as_batch=as_batch):
                    if not held:
                        break  # nobody behind can be better off
                    continue
                for id in line.heads(person, lost):
                    yield Turn(requests[id], held, as_batch)

    def _is_shut(self, pool: Pool, held: int, holding: dict[str, bool], *, as_batch: bool) -> bool:
        """No engine has a slot for anybody who holds so many; only saves looking at each."""
        return all(
            holding.get(name, False)
            or (name in holding and (held or as_batch))
            or self._occupancy.is_closed(name, slots, held, as_batch=as_batch)
            for name, slots in pool.engines.items()
        )

    def _is_lost(self, engines: Mapping[str, int], holding: dict[str, bool]) -> bool:
        """None of these engines has a slot for anybody."""
        return all(
            holding.get(name, False) or self._occupancy.is_closed(name, slots, 0, as_batch=False)
            for name, slots in engines.items()
        )

    def engine_for(self, pool: Pool, turn: Turn, holding: dict[str, bool], now_us: int) -> str | None:
        """holding: engine -> whether it waits for one who holds no slot; then nobody passes."""
        uses: list[Use | None] = []
        is_newcomer = not (turn.held or turn.as_batch)
        crowd = Crowd(pool.waiting, pool.held_ms.value)
        for candidate in turn.request.ask.candidates:
            name, use = candidate.engine, None
            if name not in holding or (is_newcomer and not holding[name]):
                fit = self._occupancy.fit(
                    name,
                    candidate.slots,
                    turn.request.need,
                    turn.held,
                    now_us / 1000,
                    crowd,
                    as_batch=turn.as_batch,
                )
                if fit == "fits":
                    use = self._occupancy.use(name, candidate.slots)
                elif fit == "hold":
                    holding[name] = is_newcomer
            uses.append(use)
        index = choose_engine(turn.request.ask.candidates, uses, turn.request.home)
        return None if index is None else turn.request.ask.candidates[index].engine
