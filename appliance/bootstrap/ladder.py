"""The ladder from its parts: what the operator allows beside the model that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.fairness.breakers.port import Breakers
from appliance.fairness.budgets.port import Budgets
from appliance.fairness.kept_engines import KeptEngines
from appliance.fairness.ladder.climbing import Surroundings
from appliance.fairness.ladder.ladder import PlannedLadder
from appliance.fairness.ladder.settings import LadderSettings
from appliance.fairness.leaving.port import NOTHING_LEAVES, Leaving
from appliance.fairness.routing import Routing


@dataclass(frozen=True)
class LadderPlan:
    """What is decided before there is a gate. leaving: who may be answered by a cloud."""

    settings: LadderSettings = field(default_factory=LadderSettings)
    aliases: Mapping[str, str] = field(default_factory=dict)
    leaving: Leaving = NOTHING_LEAVES

    def ladder(
        self, routing: Routing, kept: KeptEngines, breakers: Breakers, budgets: Budgets
    ) -> PlannedLadder:
        """For the gate that routes so."""
        around = Surroundings(routing, kept, breakers, self.leaving, budgets)
        return PlannedLadder(around, self.settings.smaller, self.settings.abilities, self.aliases)
