"""What answers of clouds cost: the operator's price where there is one, else the published one. Pure.

Published prices are in US dollars; they are counted in the box's currency by the operator's own rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from appliance.fairness.accounting.pricing import ModelPrice, Prices
from inference.cloud.price_list import PriceRow, published_price
from inference.cloud.settings import CloudSettings

_MONEY = ("input", "cached_input", "output")


def with_clouds(prices: Prices, clouds: Mapping[str, CloudSettings], us_dollar: float) -> Prices:
    """The same prices and those of clouds, by MODEL@ENGINE for every name that leads there.

    clouds: by the engine's name. us_dollar: what one costs in the currency of prices; it counts where that is another
    one. Of the operator's own, MODEL@ENGINE goes before the provider's name of a model.
    """
    rate = 1.0 if prices.currency == "USD" else us_dollar
    found = dict(prices.models)
    for engine, settings in clouds.items():
        leads = {name: name for name in settings.own_names} | settings.model_map
        for asked, theirs in leads.items():
            own = prices.models.get(f"{theirs}@{engine}") or prices.models.get(theirs)
            price = own or [_in_currency(row, rate) for row in published_price(settings, theirs)]
            if price:
                found.setdefault(f"{asked}@{engine}", price)
    return replace(prices, models=found, clouds=frozenset(clouds))


def unpriced(prices: Prices, clouds: Mapping[str, CloudSettings]) -> Sequence[str]:
    """MODEL@ENGINE of every way to a cloud for which nobody knows what it costs. prices: as with_clouds made them."""
    return [
        f"{asked}@{engine}"
        for engine, settings in clouds.items()
        for asked in {**dict.fromkeys(settings.own_names), **settings.model_map}
        if f"{asked}@{engine}" not in prices.models
    ]


def _in_currency(row: PriceRow, rate: float) -> ModelPrice:
    told: dict[str, Any] = {**row, **_converted(row, rate)}
    if "above" in row:
        told["above"] = {**row["above"], **_converted(row["above"], rate)}
    return ModelPrice.model_validate(told)


def _converted(row: PriceRow, rate: float) -> dict[str, float]:
    return {name: row[name] * rate for name in _MONEY if name in row}
