"""The published prices that come with the appliance: US dollars for a million tokens, with the days they count from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from inference.cloud.settings import CloudSettings

_FILE = Path(__file__).with_name("price_list.toml")

PriceRow = Mapping[str, Any]
"""`input`, `cached_input`, `output`, `from` and `above`, as an operator would write a price."""


@cache
def published() -> Mapping[str, Mapping[str, Sequence[PriceRow]]]:
    """Provider -> model -> its prices, oldest first."""
    listed = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        name: {
            model: rows if isinstance(rows, list) else [rows] for model, rows in provider["models"].items()
        }
        for name, provider in listed.items()
        if isinstance(provider, dict)
    }


def published_price(settings: CloudSettings, theirs: str) -> Sequence[PriceRow]:
    """Of a provider's model by the name that its section uses; empty: nobody published one that is known here."""
    return published().get(settings.preset.prices, {}).get(settings.model_behind(theirs), ())
