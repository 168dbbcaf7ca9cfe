"""What clouds cost: published prices with their days, the operator's own before them, in the box's currency."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import inference.cloud
from appliance.fairness.accounting.cloud_prices import unpriced, with_clouds
from appliance.fairness.accounting.pricing import ModelPrice, Prices, Used
from inference.cloud.price_list import published
from inference.cloud.providers import PROVIDERS
from inference.cloud.settings import CloudSettings
from inference.types import Usage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MILLION = Used(Usage(prompt_tokens=100_000, completion_tokens=100_000))


def cloud(**more: Any) -> CloudSettings:
    """A section of OpenAI's."""
    told = {"engine": "cloud", "provider": "openai", "model_map": {"llama": "gpt-4o-mini"}, **more}
    return CloudSettings.model_validate(told)


def cost(prices: Prices, model: str, engine: str, at: datetime = NOW) -> float | None:
    """Of a hundred thousand tokens each way."""
    found = prices.cost_of(model, engine, MILLION, at)
    return None if found is None else round(found.amount, 6)


def test_a_cloud_costs_what_its_list_says_and_the_box_what_the_operator_says() -> None:
    """Under the name of the model that it stands in for, an alias of that, and its own."""
    own = Prices({"llama": ModelPrice(input=0.1, output=0.1)}, "USD", {"fast": "llama"})

    prices = with_clouds(own, {"far": cloud()}, us_dollar=1.0)

    assert cost(prices, "llama", "here") == 0.02
    assert cost(prices, "llama", "far") == cost(prices, "fast", "far") == 0.075
    assert cost(prices, "gpt-4o-mini", "far") == 0.075


def test_dollars_are_counted_in_the_box_s_currency() -> None:
    """By the operator's rate; where the box counts in dollars there is nothing to convert."""
    euros = with_clouds(Prices(currency="EUR"), {"far": cloud()}, us_dollar=0.8)
    dollars = with_clouds(Prices(currency="USD"), {"far": cloud()}, us_dollar=0.8)

    assert (cost(euros, "llama", "far"), cost(dollars, "llama", "far")) == (0.06, 0.075)


@pytest.mark.parametrize("name", ["llama@far", "gpt-4o-mini@far", "gpt-4o-mini"])
def test_the_operator_s_own_price_wins_as_it_is(name: str) -> None:
    """By any of the names, and in the box's own currency."""
    own = Prices({name: ModelPrice(input=1, output=1)}, "EUR")

    prices = with_clouds(own, {"far": cloud()}, us_dollar=0.5)

    assert cost(prices, "llama", "far") == 0.2


def test_a_model_nobody_knows_has_no_price_and_not_that_of_the_box() -> None:
    """What own hardware costs says nothing of a cloud; whoever caps spending has to be told."""
    settings = cloud(model_map={"llama": "gpt-unheard-of"})
    own = Prices({"llama": ModelPrice(input=0.1, output=0.1)}, "USD")

    prices = with_clouds(own, {"far": settings}, us_dollar=1.0)

    assert cost(prices, "llama", "far") is None
    assert unpriced(prices, {"far": settings}) == ["gpt-unheard-of@far", "llama@far"]
    assert unpriced(with_clouds(own, {"far": cloud()}, 1.0), {"far": cloud()}) == []


def test_azure_s_deployments_are_priced_by_the_model_behind_them() -> None:
    """A deployment's name says nothing."""
    azure = cloud(
        provider="azure",
        base_url="https://x.openai.azure.com/openai/v1",
        model_map={"llama": "our-gpt"},
        behind={"our-gpt": "o4-mini"},
    )

    prices = with_clouds(Prices(currency="USD"), {"far": azure}, 1.0)

    assert cost(prices, "llama", "far") == 0.55


def test_long_prompts_cost_more_where_the_list_says_so() -> None:
    """Every token of such a request, prompt and answer."""
    prices = with_clouds(Prices(currency="USD"), {"far": cloud(model_map={"llama": "gpt-6-sol"})}, 1.0)

    def of(prompt_tokens: int) -> float:
        used = Used(Usage(prompt_tokens=prompt_tokens, completion_tokens=1000, cached_tokens=1000))
        found = prices.cost_of("llama", "far", used, NOW)
        assert found is not None
        return found.amount

    assert of(272_000) == pytest.approx((271_000 * 2 + 1000 * 0.2 + 1000 * 10) / 1e6)
    assert of(272_001) == pytest.approx((271_001 * 4 + 1000 * 0.4 + 1000 * 15) / 1e6)


def test_a_price_counts_from_its_day() -> None:
    """What changed in the autumn was charged at the old price before."""
    prices = with_clouds(Prices(currency="USD"), {"far": cloud(model_map={"llama": "gpt-5.6-luna"})}, 1.0)

    before, after = datetime(2026, 7, 29, 12, tzinfo=UTC), datetime(2026, 7, 30, 12, tzinfo=UTC)

    assert (cost(prices, "llama", "far", before), cost(prices, "llama", "far", after)) == (0.7, 0.14)


def test_the_list_is_whole_and_dated() -> None:
    """Every row is a price with a day of its own, every list has models, and the file says where it is from."""
    for provider in PROVIDERS.values():
        if provider.prices:
            assert published()[provider.prices], provider.name
    for models in published().values():
        for rows in models.values():
            prices = [ModelPrice.model_validate(row) for row in rows]
            days = [price.since or date.min for price in prices]
            assert days == sorted(set(days))
            assert all(0 < (price.input or 0) <= (price.output or 0) for price in prices)
    text = Path(inference.cloud.__file__).with_name("price_list.toml").read_text(encoding="utf-8")
    assert text.count('page = "https://') == len(published())
    assert "taken_on = 2026-" in text
