"""The circuit breakers of one gateway process: what it knows of them, and what it tells the others.

Valkey keeps the circuits for all. While it is away each process goes on with what it knew, by the same rules, and puts
back what has opened meanwhile. Knows nothing of requests: it is told how they ended.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.fairness.breakers.shadow import Key, Shadow, put_back
from appliance.fairness.breakers.shared_circuits import Change, SharedCircuits
from appliance.fairness.breakers.snapshot import Snapshot, state_of
from appliance.fairness.breakers.wire import Transition, read_transition
from inference.breaker.circuit import Circuit, CircuitState, Position
from inference.breaker.machine import Step
from inference.breaker.operations import Claimed, Failed, Freed, Hastened, Operation, Served
from inference.breaker.rules import LOCAL, BreakerRules
from inference.failover.outcomes import Outcome, Report

logger = logging.getLogger(__name__)

_POLL_S = 1.0
_BATCH_S = 0.25


@dataclass(frozen=True, slots=True)
class Terms:
    """How an engine is judged. slow_s: an answer that begins later is slow. config: a digest of its settings.

    is_asked: the appliance asks it by itself whether it is well again; False: requests find out.
    """

    rules: BreakerRules = LOCAL
    slow_s: float = math.inf
    config: str = ""
    is_asked: bool = True


class Judged(Protocol):
    """The engines, as far as they have to be known. No waiting: it is asked for every report."""

    def terms(self, engine: str, model: str) -> Terms:
        """model: the engine's own name for it."""
        ...

    def is_coming(self, engine: str) -> bool:
        """It is not in memory, or on its way there: who comes then is another process, with nothing against it."""
        ...

    def is_alone(self, engine: str, model: str) -> bool:
        """No other engine has the model: a slow one is better than none."""
        ...


@dataclass(slots=True)
class _Answered:
    """Calls that were answered and are not told yet. youngest_s: when the last of them was sent."""

    calls: int = 0
    slow: int = 0
    youngest_s: float = float("-inf")


class CircuitBreakers:
    """Fulfils breakers.port.Breakers. open() before the first request, close() after the last.

    on_change: told of every circuit that took another position by what this process told. clock: seconds that only go
    forward; wall_s: since 1970; chance: 0 to 1.
    """

    def __init__(
        self,
        shared: SharedCircuits,
        judged: Judged,
        *,
        on_change: Callable[[CircuitState], None] = lambda _state: None,
        poll_s: float = _POLL_S,
        clock: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._shared = shared
        self._judged = judged
        self._on_change = on_change
        self._poll_s = poll_s
        self._clock = clock
        self._chance = chance
        self._snapshot = Snapshot(clock)
        self._shadow = Shadow(lambda: int(wall_s() * 1000))
        self._answered: dict[Key, _Answered] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._poll: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self.moved = asyncio.Event()
        """Set at every change; whoever waits for one clears it."""
        shared.listen(self._hear)
        shared.watch(lambda _is_connected: self._wanted.set())

    async def open(self) -> None:
        """Begin to follow what the other processes find."""
        self._poll = asyncio.create_task(for_ever(self._follow))

    async def close(self) -> None:
        """Tell what is left to tell, then follow no more."""
        self._tell_answered()
        if self._calls:
            await asyncio.wait(self._calls, timeout=1)
        await end([self._poll, *self._calls])

    # the gate's side ------------------------------------------------------------------------------------

    def is_closed(self, engine: str, model: str) -> bool:
        """Whether requests may go there, as far as this process knows."""
        key = (engine, model)
        return self._snapshot.is_closed(key) or self._judged.is_coming(engine)

    async def claim(self, engine: str, model: str) -> bool:
        """Whether a person's request may be the probe."""
        if self._judged.terms(engine, model).is_asked:
            return False
        return await self.claim_probe(engine, model)

    def opened(self, engine: str, model: str) -> asyncio.Event:
        """Set as long as it is not closed."""
        return self._snapshot.opened((engine, model))

    def report(self, report: Report) -> None:
        """How a call ended."""
        key = (report.engine, report.model)
        if report.outcome == Outcome.NOT_COUNTED:
            if report.is_probe:
                self._tell(key, Freed())
        elif report.outcome.is_failure:
            self._tell_answered_of(key)
            self._tell(key, self._failed(report))
        elif report.is_probe:
            self._tell(key, Served(is_probe=True))
        else:
            self._note_answered(key, report)

    def states(self) -> Sequence[CircuitState]:
        """Every circuit that this process knows, by engine and model."""
        found = []
        for key in sorted(self._snapshot.keys()):
            circuit = self._snapshot.aged(key)
            if circuit is not None:
                found.append(self._state(key, circuit))
        return found

    # probing, and an administrator ----------------------------------------------------------------------

    def due_in_s(self, engine: str, model: str) -> float | None:
        """Seconds until it may be asked; None: it need not, or may not."""
        return self._snapshot.due_in_s((engine, model), self._judged.terms(engine, model).config)

    async def claim_probe(self, engine: str, model: str) -> bool:
        """Whether one probe may go there now."""
        due_s = self.due_in_s(engine, model)
        if due_s is None or due_s > 0:
            return False
        step = await self._step((engine, model), Claimed(self._judged.terms(engine, model).config))
        return step.is_granted

    async def hasten(self, engine: str, model: str) -> None:
        """Have it asked now, whatever its pause. Of a closed one nothing comes."""
        await self._step((engine, model), Hastened())
        self.moved.set()

    async def history(self, engine: str) -> Sequence[Transition]:
        """The last times a circuit of this engine took another position, the newest first. Raises PartUnavailable."""
        alone = [read_transition(row) for row in self._shadow.transitions().get(engine, [])]
        try:
            kept = await self._shared.history(engine)
        except PartUnavailable:
            if not alone:
                raise
            kept = []
        return [*reversed(alone), *kept]

    # telling --------------------------------------------------------------------------------------------

    def _failed(self, report: Report) -> Failed:
        return Failed(
            report.outcome,
            age_ms=_ms(report.took_s),
            retry_after_ms=-1 if report.retry_after_s is None else _ms(report.retry_after_s),
            is_probe=report.is_probe,
            chance=int(self._chance() * 1000) % 1000,
            config=self._judged.terms(report.engine, report.model).config,
        )

    def _note_answered(self, key: Key, report: Report) -> None:
        answered = self._answered.setdefault(key, _Answered())
        is_late = report.ttft_s is not None and report.ttft_s > self._judged.terms(*key).slow_s
        answered.calls += 1
        answered.slow += is_late and not self._judged.is_alone(*key)
        answered.youngest_s = max(answered.youngest_s, self._clock() - (report.took_s or 0.0))
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_BATCH_S, self._tell_answered)

    def _tell_answered(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        for key in list(self._answered):
            self._tell_answered_of(key)

    def _tell_answered_of(self, key: Key) -> None:
        answered = self._answered.pop(key, None)
        if answered is not None:
            age_ms = _ms(self._clock() - answered.youngest_s)
            self._tell(key, Served(answered.calls, answered.slow, age_ms))

    def _tell(self, key: Key, operation: Operation) -> None:
        """Without waiting. Tasks begin in the order in which they are made, so what is told first is sent first."""
        self._begin(self._told(key, operation))

    async def _told(self, key: Key, operation: Operation) -> None:
        await self._step(key, operation)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _step(self, key: Key, operation: Operation) -> Step:
        """In Valkey; alone where that is away, or has not got back yet what happened meanwhile."""
        rules, step = self._judged.terms(*key).rules, None
        if key not in self._shadow:
            try:
                step = await self._shared.step(*key, operation, rules)
            except PartUnavailable:
                logger.debug("the circuit of engine %s is kept by this process alone just now", key[0])
        if step is None:
            step = self._shadow.step(key, operation, rules, self._snapshot.aged(key))
        self._take(key, step.circuit)
        if step.is_change:
            state = self._state(key, step.circuit)
            _log(state)
            self._on_change(state)
        return step

    # hearing --------------------------------------------------------------------------------------------

    def _hear(self, change: Change) -> None:
        key = (change.engine, change.model)
        if key not in self._shadow:
            self._take(key, change.circuit)

    def _take(self, key: Key, circuit: Circuit) -> None:
        if self._snapshot.take(key, circuit):
            self.moved.set()

    async def _follow(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.look()
            except PartUnavailable:
                logger.debug("the circuits are not shared just now")
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Put back what was kept alone, then read what all keep. Raises PartUnavailable."""
        for engine, rows in self._shadow.transitions().items():
            await self._shared.remember(engine, rows)
            self._shadow.forget_transitions(engine)
        for key in list(self._shadow.circuits):
            await self._put_back(key, self._snapshot.aged(key) or self._shadow.circuits[key])
        changes = await self._shared.survey()
        for change in changes:
            self._hear(change)
        there = {(change.engine, change.model) for change in changes}
        for key, circuit in self._snapshot.not_closed():
            if key not in there and key not in self._shadow:  # Valkey has lost it
                await self._put_back(key, circuit)

    async def _put_back(self, key: Key, circuit: Circuit) -> None:
        wanted = put_back(circuit)
        if wanted is not None:
            step = await self._shared.step(*key, wanted, self._judged.terms(*key).rules)
            circuit = step.circuit
        self._shadow.forget(key)
        self._take(key, circuit)

    def _state(self, key: Key, circuit: Circuit) -> CircuitState:
        terms = self._judged.terms(*key)
        return state_of(key, circuit, terms.config, is_asked=terms.is_asked)


def _ms(seconds: float | None) -> int:
    return max(0, int((seconds or 0.0) * 1000))


def _log(state: CircuitState) -> None:
    if state.position == Position.OPEN:
        logger.log(
            logging.DEBUG if state.failed_probes else logging.WARNING,  # the first word is enough
            "engine %s is out of rotation for model %s: %s (%s, %d of %d calls)",
            state.engine,
            state.model,
            state.cause,
            state.outcome,
            state.count,
            state.calls,
        )
    elif state.position == Position.CLOSED:
        logger.info("engine %s is back in rotation for model %s", state.engine, state.model)
