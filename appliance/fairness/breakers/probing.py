"""Asks engines on the box whether they are well again, so that no person pays for finding out.

Every process looks; the claim of a probe, shared through Valkey, makes one of them ask. After streams that broke off it
asks for so many tokens that one would break off again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.fairness.background import end, for_ever
from appliance.fairness.breakers.circuit_breakers import CircuitBreakers
from inference.breaker.circuit import Cause, CircuitState, Position
from inference.breaker.probe import ask
from inference.failover.outcomes import Outcome, Report
from inference.ports import ChatEngine
from inference.types import ModelInfo

logger = logging.getLogger(__name__)

_LONGEST_LOOK_S = 1.0
_TOKENS, _TOKENS_AFTER_TORN = 1, 32
_LONGEST_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """An engine that may be asked now, and the model to ask it for."""

    engine: ChatEngine
    model: ModelInfo


class Prober:
    """open() beside the breakers, close() before them.

    reach: whom to ask for a circuit; None: it cannot be asked now. present: engines that are up, as far as is known;
    one that comes up is asked at once. on_probe: told how each ended.
    """

    def __init__(
        self,
        breakers: CircuitBreakers,
        reach: Callable[[str, str], Asked | None],
        present: Callable[[], Iterable[str]],
        *,
        patience_s: float,
        on_probe: Callable[[Report], None] = lambda _report: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._breakers = breakers
        self._reach = reach
        self._present = present
        self._patience_s = patience_s
        self._on_probe = on_probe
        self._clock = clock
        self._there: frozenset[str] = frozenset()
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._pauses: dict[tuple[str, str], float] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(for_ever(self._watch))

    async def close(self) -> None:
        """Probes that run are broken off and say nothing."""
        await end([self._task, *self._running.values()])

    async def _watch(self) -> None:
        while True:
            self._breakers.moved.clear()
            await self._greet()
            wait_s = self._begin_due()
            try:
                async with asyncio.timeout(wait_s):
                    await self._breakers.moved.wait()
            except TimeoutError:
                pass

    async def _greet(self) -> None:
        """An engine that has come up is asked now, not when its pause is over."""
        there = frozenset(self._present())
        come, self._there = there - self._there, there
        for state in self._breakers.states() if come else ():
            is_paused = state.position is Position.OPEN and bool(state.retry_in_s)
            if state.engine in come and state.is_asked and is_paused and state.cause is not Cause.LIMITED:
                await self._breakers.hasten(state.engine, state.model)

    def _begin_due(self) -> float:
        """Returns seconds until the next look."""
        wait_s = _LONGEST_LOOK_S
        for state in self._breakers.states():
            key = (state.engine, state.model)
            if state.position is Position.CLOSED:
                self._pauses.pop(key, None)
                continue
            if not state.is_asked or state.retry_in_s is None or key in self._running:
                continue
            if state.retry_in_s > 0:
                wait_s = min(wait_s, state.retry_in_s)
                continue
            whom = self._reach(*key)
            if whom is not None:
                task = self._running[key] = asyncio.create_task(self._probe(whom, state))
                task.add_done_callback(lambda _task, key=key: self._end(key))  # type: ignore[misc]
        return wait_s

    def _end(self, key: tuple[str, str]) -> None:
        self._running.pop(key, None)

    async def _probe(self, whom: Asked, state: CircuitState) -> None:
        engine, model = state.engine, state.model
        if not await self._breakers.claim_probe(engine, model):
            return  # another process asks
        tokens = _TOKENS_AFTER_TORN if state.is_torn else _TOKENS
        key = (engine, model)
        patience_s = self._pauses.get(key, self._patience_s)
        self._pauses[key] = min(2 * patience_s, _LONGEST_PATIENCE_S)
        report = Report(engine, model, Outcome.NOT_COUNTED, is_probe=True)
        try:
            report = await ask(
                whom.engine, whom.model, tokens=tokens, patience_s=patience_s, clock=self._clock
            )
        finally:  # also when it is broken off: the claim is another process's
            self._breakers.report(report)
            self._on_probe(report)
