"""The circuit breakers from their parts: the shared circuits, who asks the engines, and how each engine is judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter

from appliance.api.circuits import circuit_routes
from appliance.api.identity import Identity
from appliance.domain.people import AccountEvent
from appliance.fairness.breakers.circuit_breakers import CircuitBreakers, Terms
from appliance.fairness.breakers.metrics import BreakerMetrics
from appliance.fairness.breakers.probing import Asked, Prober
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.breakers.shared_circuits import SharedCircuits
from appliance.fairness.kept_engines import KeptEngines
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.services.circuits import Circuits
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from inference.breaker.circuit import CircuitState, Position
from inference.breaker.probe import can_be_asked
from inference.roster import Roster
from inference.settings import EngineSettings
from inference.types import EngineState, ModelInfo


@dataclass(frozen=True, slots=True)
class BreakerRoom:
    """open() once Valkey's link is open, close() before it closes."""

    breakers: CircuitBreakers
    prober: Prober
    judged: RosterJudged

    async def open(self) -> None:
        await self.breakers.open()
        await self.prober.open()

    def out(self) -> list[CircuitState]:
        """Circuits of engines on the roster that are not closed."""
        return [
            state
            for state in self.breakers.states()
            if state.position is not Position.CLOSED and self.judged.is_there(state.engine)
        ]

    async def close(self) -> None:
        """What is being asked is broken off, and told."""
        await self.prober.close()
        await self.breakers.close()


def build_breakers(
    settings: BreakerSettings,
    roster: Roster,
    link: ValkeyLink,
    engines: Mapping[str, EngineSettings],
    kept: KeptEngines,
    metrics: BreakerMetrics,
) -> BreakerRoom:
    """engines: the configured ones, by name. Before the link is opened."""
    judged = RosterJudged(settings, roster, engines, kept)
    breakers = CircuitBreakers(SharedCircuits(link), judged, on_change=metrics.changed)
    prober = Prober(
        breakers,
        judged.reach,
        judged.present,
        patience_s=settings.probe_timeout_s,
        on_probe=metrics.probed,
    )
    metrics.watch(lambda: [state for state in breakers.states() if judged.is_there(state.engine)])
    return BreakerRoom(breakers, prober, judged)


def build_circuits(room: BreakerRoom, database: Database, identity: Identity) -> APIRouter:
    """database: of the api role."""
    return circuit_routes(Circuits(room.breakers, room.judged.is_there, WrittenEvents(database)), identity)


class WrittenEvents:
    """Fulfils services.circuits.CircuitEvents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: AccountEvent) -> None:
        async with self._database.transaction() as connection:
            await record_event(connection, event)


def digest_of(settings: EngineSettings) -> str:
    """Another one for other settings, the key included: what was refused before may be accepted now."""
    text = f"{settings.model_dump_json()}\n{settings.key()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class RosterJudged:
    """Fulfils circuit_breakers.Judged. What the roster says is read anew when it has changed."""

    def __init__(
        self,
        settings: BreakerSettings,
        roster: Roster,
        engines: Mapping[str, EngineSettings],
        kept: KeptEngines,
    ) -> None:
        self._settings = settings
        self._roster = roster
        self._kept = kept
        self._configs = {name: digest_of(engine) for name, engine in engines.items()}
        self._version = -1
        self._states: dict[str, EngineState] = {}
        self._terms: dict[tuple[str, str], Terms] = {}

    def terms(self, engine: str, model: str) -> Terms:
        """An engine that has left the roster is judged as one on the box, and asked no more."""
        states = self._read()
        known = self._terms.get((engine, model))
        if known is None:
            state = states.get(engine)
            is_cloud = state is not None and state.is_cloud
            found = _model_of(state, model)
            known = self._terms[engine, model] = Terms(
                self._settings.rules(is_cloud=is_cloud),
                self._settings.slow_first_token_s,
                self._configs.get(engine, ""),
                is_asked=not is_cloud and found is not None and can_be_asked(found.kind),
            )
        return known

    def is_coming(self, engine: str) -> bool:
        """By what the keeper and the roster say."""
        state = self._read().get(engine)
        return (state is not None and state.is_asleep) or self._kept.loading(engine) is not None

    def is_alone(self, engine: str, model: str) -> bool:
        """Clouds do not count: not every request may go there."""
        return not any(
            state.name != engine and not state.is_cloud and _model_of(state, model) is not None
            for state in self._read().values()
        )

    def is_there(self, engine: str) -> bool:
        """Whether it is on the roster."""
        return engine in self._read()

    def reach(self, engine: str, model: str) -> Asked | None:
        """Whom to ask; None: nobody is there to be asked just now."""
        asked = self._roster.engine(engine)
        found = _model_of(self._read().get(engine), model)
        if asked is None or found is None or self.is_coming(engine) or self._kept.refusal(engine):
            return None
        return Asked(asked, found)

    def present(self) -> list[str]:
        """Engines that are up and in memory."""
        return [name for name, state in self._read().items() if state.is_healthy and not self.is_coming(name)]

    def _read(self) -> Mapping[str, EngineState]:
        if self._roster.version != self._version:
            self._version = self._roster.version
            self._states = {state.name: state for state in self._roster.states()}
            self._terms = {}
        return self._states


def _model_of(state: EngineState | None, model: str) -> ModelInfo | None:
    if state is None:
        return None
    return next((known for known in state.models if known.id == model), None)
