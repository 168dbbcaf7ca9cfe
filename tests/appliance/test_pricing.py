"""What tokens cost: prices by model, alias and engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.domain.answers import Cost
from appliance.errors import StartupError
from appliance.fairness.accounting.pricing import ElectricityPrice, ModelPrice, Prices, Used
from appliance.settings import ModelSettings, load_settings
from inference.types import Usage

PRICE = ModelPrice(input=2.0, cached_input=0.5, output=8.0)
tokens = st.integers(0, 10_000_000)


def test_prompt_kept_prompt_and_answer_have_prices_of_their_own() -> None:
    """A million of each, 400,000 of the prompt's kept: 1.2 + 0.2 + 8."""
    assert PRICE.amount(Usage(1_000_000, 1_000_000, 400_000)) == pytest.approx(9.4)


def test_what_was_kept_costs_like_the_rest_where_nothing_else_is_said() -> None:
    """Unset is not free."""
    assert ModelPrice(input=2.0, output=8.0).amount(Usage(1_000_000, 0, 400_000)) == pytest.approx(2.0)


@given(prompt=tokens, completion=tokens, cached=tokens)
def test_a_cost_lies_between_all_kept_and_nothing_kept(prompt: int, completion: int, cached: int) -> None:
    """Whatever an engine says it had kept, also more than there was."""
    cost = PRICE.amount(Usage(prompt, completion, cached))

    least = PRICE.amount(Usage(prompt, completion, prompt))
    most = PRICE.amount(Usage(prompt, completion, 0))
    assert least - 1e-9 <= cost <= most + 1e-9


def test_an_alias_costs_what_its_model_costs() -> None:
    """Unless it has a price of its own."""
    prices = Prices({"llama": PRICE}, "USD", {"gpt-4o-mini": "llama"})
    own = Prices({"llama": PRICE, "gpt-4o-mini": ModelPrice(input=1, output=0)}, "USD", prices.aliases)

    assert prices.cost("gpt-4o-mini", "local", Usage(1_000_000)) == Cost(2.0, "USD")
    assert own.cost("gpt-4o-mini", "local", Usage(1_000_000)) == Cost(1.0, "USD")


def test_the_same_model_may_cost_something_else_elsewhere() -> None:
    """MODEL@ENGINE counts where that engine answered."""
    prices = Prices({"llama": ModelPrice(input=0, output=0), "llama@rented": PRICE})

    assert prices.cost("llama", "rented", Usage(1_000_000)) == Cost(2.0, "EUR")
    assert prices.cost("llama", "own", Usage(1_000_000)) == Cost(0.0, "EUR")


def test_what_has_no_price_has_no_cost() -> None:
    """Nothing and zero are told apart."""
    assert Prices({"llama": PRICE}).cost("mistral", "local", Usage(9, 9)) is None
    assert Prices().told_currency is None and Prices({"llama": PRICE}).told_currency == "EUR"


@pytest.mark.parametrize(
    "values",
    [
        {"prices": {"llama": {"input": -1, "output": 1}}},
        {"prices": {"llama": {"input": float("nan"), "output": 1}}},
        {"prices": {"llama": {"input": 1}}},
        {"currency": "euros"},
        {"prices": {"llama": {"from": "2026-10-01"}}},
        {"prices": {"llama": [{"input": 1, "output": 1}, {"per_hour": 1}]}},
        {"prices_time_zone": "Europe/Atlantis"},
        {"electricity_per_kwh": -0.2},
    ],
    ids=[
        "negative",
        "no number",
        "half a price",
        "no currency",
        "nothing priced",
        "two of one day",
        "no place on earth",
        "negative electricity",
    ],
)
def test_prices_that_make_no_sense_are_refused(values: dict[str, object]) -> None:
    """Before anything is billed by them."""
    with pytest.raises(ValidationError):
        ModelSettings.model_validate(values)


def test_a_misspelt_price_is_an_error_that_names_it(tmp_path: Path) -> None:
    """As with every setting."""
    file = tmp_path / "appliance.toml"
    file.write_text('[models.prices."llama"]\ninput = 1\noutput = 2\ncached = 1\n')

    with pytest.raises(StartupError, match="cached"):
        load_settings(file, {})


MADRID = ZoneInfo("Europe/Madrid")
CHANGED = [ModelPrice(input=1, output=1), ModelPrice(since=date(2026, 10, 1), input=3, output=3)]


@given(seconds=st.integers(-200_000, 200_000), zone=st.sampled_from(("UTC", "Europe/Madrid", "Asia/Tokyo")))
def test_a_request_costs_what_counted_on_its_day(seconds: int, zone: str) -> None:
    """Across midnight of the day of the change, as the clocks there show it; electricity the same."""
    place = ZoneInfo(zone)
    prices = Prices(
        {"llama": CHANGED},
        electricity=[ElectricityPrice(since=date(2026, 10, 1), per_kwh=0.5)],
        zone=place,
    )
    moment = datetime(2026, 10, 1, tzinfo=place).astimezone(UTC) + timedelta(seconds=seconds)

    cost = prices.cost_of("llama", "gpu", Used(Usage(1_000_000)), moment)
    energy = prices.energy_cost(3_600_000, moment)

    is_new = moment.astimezone(place).date() >= date(2026, 10, 1)
    assert cost == Cost(3.0 if is_new else 1.0, "EUR")
    assert energy == (Cost(0.5, "EUR") if is_new else None)


def test_before_its_first_day_a_model_has_no_price() -> None:
    """None, not nothing; the general price of the model is not asked where an engine has its own list."""
    prices = Prices({"llama": CHANGED[1:]}, zone=MADRID)

    assert prices.cost_of("llama", "gpu", Used(Usage(1)), datetime(2026, 9, 30, tzinfo=MADRID)) is None


def test_seconds_of_sound_and_of_engines_have_prices() -> None:
    """An hour and a half of sound at 0.36, and twenty minutes of the engine at 1.20."""
    price = ModelPrice(per_audio_hour=0.36, per_hour=1.2)

    assert price.amount_of(Used(Usage(), 5400, 1200)) == pytest.approx(0.54 + 0.4)
    assert price.amount_of(Used(Usage(9, 9))) == 0


def test_settings_hold_one_price_or_one_for_each_time(tmp_path: Path) -> None:
    """As people write them; what was written before goes on to count."""
    file = tmp_path / "appliance.toml"
    file.write_text(
        "[models]\nelectricity_per_kwh = 0.22\n"
        'prices_time_zone = "Europe/Madrid"\n'
        '[models.prices]\n"old" = {input = 1, output = 2}\n'
        '"new" = [{input = 1, output = 2}, {from = 2026-10-01, input = 0.5, output = 1}]\n'
    )

    models = load_settings(file, {}).models

    assert [price.output for price in models.prices["old"]] == [2]
    assert [price.since for price in models.prices["new"]] == [None, date(2026, 10, 1)]
    assert models.electricity_per_kwh[0].per_kwh == 0.22
