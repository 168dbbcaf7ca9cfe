"""What tokens, seconds and energy cost: an operator's dated prices, in one currency. Pure.

A request is priced when it ends, by the prices of the day on which it began; a later price changes nothing of what is
past, unless it was dated into the past, and then only what ends from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from appliance.domain.answers import Cost
from inference.types import Usage

_PER = 1_000_000
_HOUR_S = 3600
_KWH_J = 3_600_000


@dataclass(frozen=True, slots=True)
class Used:
    """What a request took. None: nothing of the kind, or nobody knows."""

    usage: Usage
    audio_seconds: float | None = None
    engine_seconds: float | None = None


class Dated(BaseModel):
    """Something that counts from a day on."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: date | None = Field(
        None, alias="from", description="First day on which it counts; empty: from the beginning."
    )


class LongPromptPrice(BaseModel):
    """What every token of a request costs whose prompt is longer than so many tokens."""

    model_config = ConfigDict(extra="forbid")

    tokens: int = Field(gt=0, description="Of the prompt; a longer one costs this.")
    input: float = Field(ge=0, allow_inf_nan=False, description="A million tokens of the prompt.")
    cached_input: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Of those the engine had kept; empty: like the others."
    )
    output: float = Field(ge=0, allow_inf_nan=False, description="A million tokens of the answer.")


class ModelPrice(Dated):
    """What a million tokens of a model cost, an hour of sound, an hour of its engine; 0 is a price too."""

    input: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="A million tokens of the prompt."
    )
    cached_input: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Of those the engine had kept; empty: like the others."
    )
    output: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="A million tokens of the answer."
    )
    per_audio_hour: float = Field(0, ge=0, allow_inf_nan=False, description="An hour of sound that is heard.")
    per_hour: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="An hour of the engine, shared by the requests that run side by side: what own hardware costs.",
    )

    above: LongPromptPrice | None = Field(None, description="What long prompts cost, where they cost more.")

    @model_validator(mode="after")
    def _is_a_price(self) -> Self:
        if (self.input is None) != (self.output is None):
            raise ValueError("`input` and `output` belong together: give both, or neither")
        if self.above is not None and self.input is None:
            raise ValueError("`above` needs `input` and `output`")
        if self.input is None and not {"per_audio_hour", "per_hour"} & self.model_fields_set:
            raise ValueError("gives no price: set `input` and `output`, `per_audio_hour` or `per_hour`")
        return self

    def amount(self, usage: Usage) -> float:
        """For these tokens. An engine that says it kept more than the prompt had kept all of it."""
        if self.input is None or self.output is None:
            return 0.0
        rate: LongPromptPrice | ModelPrice = self
        of_prompt, of_answer = self.input, self.output
        if self.above is not None and usage.prompt_tokens > self.above.tokens:
            rate, of_prompt, of_answer = self.above, self.above.input, self.above.output
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        of_cached = of_prompt if rate.cached_input is None else rate.cached_input
        fresh = usage.prompt_tokens - cached
        return (fresh * of_prompt + cached * of_cached + usage.completion_tokens * of_answer) / _PER

    def amount_of(self, used: Used) -> float:
        """For tokens and seconds together."""
        sound = (used.audio_seconds or 0.0) * self.per_audio_hour
        engine = (used.engine_seconds or 0.0) * self.per_hour
        return self.amount(used.usage) + (sound + engine) / _HOUR_S


class ElectricityPrice(Dated):
    """What a kilowatt hour costs."""

    per_kwh: float = Field(ge=0, allow_inf_nan=False, description="A kilowatt hour.")


class HasDay(Protocol):
    """Something that counts from a day on; None: from the beginning."""

    @property
    def since(self) -> date | None: ...


D = TypeVar("D", bound=HasDay)


def _as_list(value: Any) -> Any:  # noqa: ANN401 - as the settings' file has it
    """One price for ever is a list of one."""
    return [value] if isinstance(value, dict | ModelPrice | ElectricityPrice) else value


def _as_electricity(value: Any) -> Any:  # noqa: ANN401 - as the settings' file has it
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [{"per_kwh": value}]
    return _as_list(value)


def _on_different_days(prices: list[D]) -> list[D]:
    days = [price.since for price in prices]
    if len(set(days)) != len(days):
        raise ValueError("two prices count from the same day")
    return prices


ModelPrices = Annotated[list[ModelPrice], BeforeValidator(_as_list)]
ElectricityPrices = Annotated[list[ElectricityPrice], BeforeValidator(_as_electricity)]


@dataclass(frozen=True, slots=True)
class _Since:
    """from_s: Unix time at which its first day begins."""

    from_s: float
    price: Any


@dataclass(frozen=True)
class Prices:
    """models: by a model's name, an alias, or MODEL@ENGINE where that engine has a price of its own; one price, or
    several with the days from which they count. zone: whose days. clouds: engines elsewhere, for which the price of
    a model of this box does not count. Raises ValueError for two of the same day."""

    models: Mapping[str, ModelPrice | Sequence[ModelPrice]] = field(default_factory=dict)
    currency: str = "EUR"
    aliases: Mapping[str, str] = field(default_factory=dict)
    electricity: Sequence[ElectricityPrice] = ()
    zone: tzinfo = UTC
    clouds: frozenset[str] = frozenset()
    _models: Mapping[str, Sequence[_Since]] = field(init=False, repr=False, compare=False)
    _electricity: Sequence[_Since] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lists = {name: _as_list(prices) for name, prices in self.models.items()}
        dated = {name: _by_day(prices, self.zone) for name, prices in lists.items()}
        object.__setattr__(self, "_models", dated)
        object.__setattr__(self, "_electricity", _by_day(self.electricity, self.zone))

    @property
    def told_currency(self) -> str | None:
        """None where nothing has a price, and so nothing is said of costs."""
        return self.currency if self.models or self.electricity else None

    def cost(self, model: str, engine: str | None, usage: Usage, at: datetime | None = None) -> Cost | None:
        """Of tokens alone; at: now, where nothing else is said."""
        return self.cost_of(model, engine, Used(usage), at or datetime.now(UTC))

    def cost_of(self, model: str, engine: str | None, used: Used, at: datetime) -> Cost | None:
        """None where no price counted then. model: as it was asked for; engine: who answered; at: its beginning."""
        price = self.price_of(model, engine, at)
        return None if price is None else Cost(price.amount_of(used), self.currency)

    def price_of(self, model: str, engine: str | None, at: datetime) -> ModelPrice | None:
        """By which `cost_of` counts."""
        if not self._models:
            return None
        for name in (model, self.aliases.get(model, model)):
            here = () if engine in self.clouds else (name,)
            for which in (f"{name}@{engine}", *here):
                price: ModelPrice | None = _at(self._models.get(which, ()), at)
                if price is not None:
                    return price
        return None

    def energy_cost(self, joules: float | None, at: datetime) -> Cost | None:
        """None where nobody knows the energy, or no price counted then."""
        if joules is None or not self._electricity:
            return None
        price: ElectricityPrice | None = _at(self._electricity, at)
        return None if price is None else Cost(joules / _KWH_J * price.per_kwh, self.currency)


def _by_day(prices: Sequence[HasDay], zone: tzinfo) -> Sequence[_Since]:
    """Newest first."""
    _on_different_days(list(prices))
    found = [
        _Since(
            float("-inf") if one.since is None else datetime.combine(one.since, time(), zone).timestamp(),
            one,
        )
        for one in prices
    ]
    return sorted(found, key=lambda one: -one.from_s)


def _at(prices: Sequence[_Since], at: datetime) -> Any:  # noqa: ANN401 - the caller knows which
    moment = at.timestamp()
    return next((one.price for one in prices if moment >= one.from_s), None)


NO_PRICES = Prices()
