"""What may leave, joined: the operator's file, the rules in PostgreSQL, the detector of personal data, the routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter

from appliance.api.identity import Identity
from appliance.api.leaving import leaving_routes
from appliance.errors import PartUnavailable
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.fairness.leaving.deciding import Decisions
from appliance.fairness.leaving.decisions import Decision
from appliance.fairness.leaving.rules import Permission
from appliance.fairness.leaving.settings import LeavingSettings
from appliance.fairness.shared_metrics import own
from appliance.services.audit import Audit
from appliance.services.leaving import LeavingPolicy
from appliance.storage.audit import PostgresAudit
from appliance.storage.database import Database
from appliance.storage.leaving import PostgresLeaving, remove_old_stays
from inference.errors import ModelNotFound
from inference.personal_data.patterns import PatternDetector
from inference.roster import Roster

logger = logging.getLogger(__name__)

_EVERY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class LeavingRoom:
    """open() before the first request, close() after the last. decisions: what the ladder asks."""

    decisions: Decisions
    repository: PostgresLeaving
    database: Database
    known_models: Callable[[], Collection[str]]

    async def open(self) -> None:
        await self.decisions.open()

    async def close(self) -> None:
        await self.decisions.close()

    def count_in(self, registry: CollectorRegistry) -> None:
        """Decisions are counted there from now on."""
        self.decisions.told = _counted(registry)

    def routes(self, identity: Identity) -> APIRouter:
        """/api/leaving."""
        policy = LeavingPolicy(self.repository, self.decisions, self.known_models)
        return leaving_routes(policy, Audit(PostgresAudit(self.database)), identity)


def build_leaving(
    settings: LeavingSettings,
    database: Database,
    roster: Roster,
    aliases: Mapping[str, str],
) -> LeavingRoom:
    """database: of the api role. aliases: of the configuration."""
    repository = PostgresLeaving(database)
    decisions = Decisions(
        Permission.of(settings),
        repository,
        PatternDetector(),
        names=_names(roster, aliases),
        new_id=uuid7,
        now=lambda: datetime.now(UTC),
    )
    return LeavingRoom(decisions, repository, database, lambda: _known(roster, aliases))


async def remove_old_stays_forever(database: Database, days: int) -> None:
    """Decisions to stay that are older, at the start and then once a day. database: as the worker's role."""
    while True:
        try:
            removed = await remove_old_stays(database, days)
        except PartUnavailable:
            logger.warning("old decisions to stay could not be removed; trying again", exc_info=True)
        else:
            if removed:
                logger.info("%d old decisions to stay were removed", removed)
        await asyncio.sleep(_EVERY_S)


def _names(
    roster: Roster, aliases: Mapping[str, str]
) -> Callable[[str], tuple[frozenset[str], frozenset[str]]]:
    def names(model: str) -> tuple[frozenset[str], frozenset[str]]:
        here, elsewhere = {model, aliases.get(model, model)}, set[str]()
        with suppress(ModelNotFound):
            here |= {own_name for _, own_name in roster.resolve(model)}
        with suppress(ModelNotFound):
            elsewhere |= {own_name for _, own_name in roster.resolve_cloud(model)}
        here |= {alias for alias, target in aliases.items() if target in here}
        return frozenset(here), frozenset(elsewhere)

    return names


def _known(roster: Roster, aliases: Mapping[str, str]) -> frozenset[str]:
    """Every name of a model here and elsewhere; none while no engine has told any."""
    states = roster.states()
    found = {model.id for state in states for model in state.models}
    found |= {name for state in states for pair in state.stands_in_for for name in pair}
    return frozenset(found | set(aliases)) if found else frozenset()


def _counted(registry: CollectorRegistry) -> Callable[[Decision], None]:
    counter = Counter(
        "appliance_leaving_decisions",
        "Decisions whether a request may leave the box, by what was decided and why.",
        ["decision", "code"],
        registry=own(registry),
    )

    def counted(decision: Decision) -> None:
        counter.labels("leave" if decision.leaves else "stay", decision.code).inc()

    return counted
