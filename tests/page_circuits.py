"""What Administration › Engines has to show of circuit breakers: one that is out of rotation, and what was before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from fastapi import APIRouter
from playwright.async_api import Page, expect

from appliance.api.circuits import circuit_routes
from appliance.api.identity import Identity
from appliance.domain.people import AccountEvent
from appliance.fairness.breakers.wire import Transition
from appliance.services.circuits import Circuits
from inference.breaker.circuit import Cause, CircuitState, Position
from inference.failover.outcomes import Outcome
from ui.texts import Language
from ui.texts.circuits import CIRCUITS

ENGINE, MODEL = "tiny", "tiny-chat"
_YESTERDAY = 1_795_220_000.0
_OUT = CircuitState(
    ENGINE,
    MODEL,
    Position.OPEN,
    _YESTERDAY,
    Cause.IN_A_ROW,
    Outcome.BROKEN,
    3,
    3,
    3600.0,
    True,
    2,
    Outcome.BROKEN,
)
_WENT = [
    Transition(1_795_220_009_000, MODEL, Position.OPEN, Cause.PROBE, Outcome.BROKEN, 2, 3, 2250),
    Transition(1_795_220_008_000, MODEL, Position.HALF_OPEN, Cause.IN_A_ROW, Outcome.BROKEN, 3, 3, 0),
    Transition(1_795_220_000_000, MODEL, Position.OPEN, Cause.IN_A_ROW, Outcome.BROKEN, 3, 3, 1000),
    Transition(1_795_210_000_000, MODEL, Position.CLOSED, None, None, 0, 0, 0),
    Transition(1_795_200_000_000, MODEL, Position.OPEN, Cause.REJECTED, Outcome.REJECTED, 1, 1, -1),
]


class OneIsOut:
    """Fulfils services.circuits.KeepsCircuits; it is well again once somebody has it asked."""

    def __init__(self, engine: str, model: str) -> None:
        self._state = replace(_OUT, engine=engine, model=model)

    def states(self) -> Sequence[CircuitState]:
        """The one."""
        return [self._state]

    async def history(self, _engine: str) -> Sequence[Transition]:
        """As it would have been."""
        return _WENT

    async def hasten(self, _engine: str, _model: str) -> None:
        """It answers."""
        self._state = replace(
            self._state, position=Position.CLOSED, cause=None, outcome=None, retry_in_s=None
        )


class _Unwritten:
    async def record(self, event: AccountEvent) -> None:
        """Nobody reads it here."""


def page_circuits(identity: Identity, engine: str, model: str) -> APIRouter:
    """The routes, over that one."""
    return circuit_routes(Circuits(OneIsOut(engine, model), lambda _name: True, _Unwritten()), identity)


async def sees_circuits(page: Page, language: Language, shot: Callable[[str], Awaitable[None]]) -> None:
    """The view is open: why one is out, what was before; asked by hand it is back."""
    desk = page.locator("administration-desk")
    out = desk.locator(".circuit")
    await expect(out.locator(".problem")).to_contain_text(_said("why.in_a_row.broken", language, count=3))
    await expect(out).to_contain_text(_said("probes_failed", language, count=2))
    await desk.locator("summary", has_text=_said("history", language)).click()
    why = _said("why.rejected", language)
    await expect(desk.get_by_role("row", name=_said("went.open", language, why=why))).to_have_count(1)
    await shot("circuit-out")
    await out.get_by_role("button", name=_said("try_now", language)).click()
    await expect(out).to_have_count(0)


def _said(key: str, language: Language, **values: object) -> str:
    return str(getattr(CIRCUITS[key], language)).format_map(values)
