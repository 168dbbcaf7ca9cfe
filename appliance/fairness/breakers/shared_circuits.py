"""The circuits that all processes share: Valkey keeps them, its scripts alone change them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from appliance.fairness.breakers.wire import (
    CHANGES,
    KEPT_TRANSITIONS,
    PREFIX,
    Transition,
    history_key,
    packed_operation,
    packed_rules,
    read_circuit,
    read_transition,
    script,
)
from appliance.fairness.valkey.valkey_link import ValkeyLink
from inference.breaker.circuit import Circuit
from inference.breaker.machine import Step
from inference.breaker.operations import Operation
from inference.breaker.rules import BreakerRules

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What Valkey tells all processes of a circuit."""

    engine: str
    model: str
    circuit: Circuit


class SharedCircuits:
    """One process's way to them. Every call raises PartUnavailable; nothing is repeated."""

    def __init__(self, link: ValkeyLink) -> None:
        self._link = link
        self._step = link.script(script("machine"))
        self._survey = link.script(script("survey"))

    @property
    def is_connected(self) -> bool:
        """Whether Valkey can be asked; that it answers shows itself."""
        return self._link.is_connected

    def listen(self, told: Callable[[Change], None]) -> None:
        """told: every change, also of this process's own doing. Before the link is opened.

        Told in the order in which Valkey made them, also between the answers to this process's own calls: a message
        that came together with an answer is read before whoever waits for that answer goes on, hence `call_soon`.
        """

        def receive(message: bytes) -> None:
            try:
                engine, model, packed = orjson.loads(message)
                change = Change(engine, model, read_circuit(packed))
                asyncio.get_running_loop().call_soon(told, change)
            except (ValueError, TypeError) as error:  # of another version of ours, during an upgrade
                logger.info("a circuit that another process told of cannot be read: %s", error)

        self._link.listen(CHANGES, receive)

    def watch(self, told: Callable[[bool], None]) -> None:
        """told: True when Valkey is there, False when it is lost."""
        self._link.watch(told)

    async def step(
        self, engine: str, model: str, operation: Operation, rules: BreakerRules, wall_ms: int | None = None
    ) -> Step:
        """wall_ms: instead of Valkey's own clock."""
        packed, is_change, is_granted = await self._step(
            PREFIX,
            engine,
            model,
            packed_operation(operation),
            packed_rules(rules),
            "" if wall_ms is None else wall_ms,
        )
        return Step(read_circuit(packed), bool(is_change), bool(is_granted))

    async def survey(self) -> Sequence[Change]:
        """All of them, as they are now."""
        found = await self._survey(PREFIX, "")
        changes = []
        for engine, model, packed in zip(found[::3], found[1::3], found[2::3], strict=True):
            try:
                changes.append(Change(engine.decode(), model.decode(), read_circuit(packed)))
            except ValueError:
                logger.info("the circuit of engine %s cannot be read and is passed over", engine.decode())
        return changes

    async def history(self, engine: str) -> Sequence[Transition]:
        """An engine's last transitions, the newest first."""
        rows = await self._link.command("LRANGE", history_key(engine), 0, KEPT_TRANSITIONS - 1)
        found = []
        for row in rows:
            try:
                found.append(read_transition(row))
            except ValueError:
                logger.info("a transition of engine %s cannot be read and is passed over", engine)
        return found

    async def remember(self, engine: str, transitions: Sequence[bytes]) -> None:
        """Add these, packed, the oldest first: they happened while Valkey was away."""
        await self._link.command("LPUSH", history_key(engine), *transitions)
        await self._link.command("LTRIM", history_key(engine), 0, KEPT_TRANSITIONS - 1)
