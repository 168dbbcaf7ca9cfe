"""What tokens cost: an operator's price for each model, in one currency. Pure.

A request is priced when it ends, so a later price changes nothing of what is past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from appliance.domain.answers import Cost
from inference.types import Usage

_PER = 1_000_000


class ModelPrice(BaseModel):
    """What a million tokens of a model cost; 0 is a price too, as of one's own hardware."""

    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False, description="A million tokens of the prompt.")
    cached_input: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Of those the engine had kept; empty: like the others."
    )
    output: float = Field(ge=0, allow_inf_nan=False, description="A million tokens of the answer.")

    def amount(self, usage: Usage) -> float:
        """For these tokens. An engine that says it kept more than the prompt had kept all of it."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        of_cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.prompt_tokens - cached
        return (fresh * self.input + cached * of_cached + usage.completion_tokens * self.output) / _PER


@dataclass(frozen=True, slots=True)
class Prices:
    """models: by a model's name, an alias, or MODEL@ENGINE where that engine has a price of its own."""

    models: Mapping[str, ModelPrice] = field(default_factory=dict)
    currency: str = "EUR"
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def told_currency(self) -> str | None:
        """None where nothing has a price, and so nothing is said of costs."""
        return self.currency if self.models else None

    def cost(self, model: str, engine: str | None, usage: Usage) -> Cost | None:
        """None where the operator set no price. model: as it was asked for; engine: who answered."""
        for name in (model, self.aliases.get(model, model)):
            price = self.models.get(f"{name}@{engine}") or self.models.get(name)
            if price is not None:
                return Cost(price.amount(usage), self.currency)
        return None


NO_PRICES = Prices()
