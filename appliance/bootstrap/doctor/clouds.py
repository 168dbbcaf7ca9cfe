"""Reads the sections of clouds, their key files and the door they would go through. Nothing is asked of anybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from appliance.bootstrap.doctor.place import Place
from appliance.bootstrap.inference import cloud_hosts, clouds_of, read_engine_settings
from appliance.fairness.accounting.cloud_prices import unpriced, with_clouds
from appliance.services.doctor.clouds import CloudReading, CloudsReading
from inference.cloud.settings import CloudSettings
from inference.egress.hosts import AllowList


def read_clouds(place: Place) -> CloudsReading:
    """Raises StartupError for a section that is not valid."""
    box = place.needed_box
    settings, models = box.settings, box.settings.models
    clouds = clouds_of(read_engine_settings(settings.engines, box.engine_socket))
    hosts = AllowList(cloud_hosts(clouds), settings.egress.inside)
    own = models.all_prices
    prices = with_clouds(own, clouds, models.us_dollar)
    unknown = unpriced(prices, clouds)
    return CloudsReading(
        clouds=[
            CloudReading(
                name=name,
                provider=one.preset.title,
                url=one.base_url,
                models=one.own_names,
                has_key=bool(one.key()),
                needs_key=one.provider != "custom",
                key_file=str(one.api_key_file or ""),
                is_key_open=_is_open(one.api_key_file),
                way=hosts.refusal(one.base_url),
                unpriced=[model for model in one.own_names if f"{model}@{name}" in unknown],
                misnamed=_misnamed(one, models.aliases),
                is_published=any(
                    f"{model}@{name}" not in unknown
                    and model not in own.models
                    and f"{model}@{name}" not in own.models
                    for model in one.own_names
                ),
            )
            for name, one in clouds.items()
        ],
        may_leave=settings.leaving.when != "never",
        currency=models.currency,
        is_at_par=models.currency != "USD" and models.us_dollar == 1.0,
    )


def _is_open(path: Path | None) -> bool:
    return path is not None and bool(path.stat().st_mode & 0o077)


def _misnamed(cloud: CloudSettings, aliases: Mapping[str, str]) -> tuple[str, str] | None:
    """A request for an alias is one for its model, so what stands in for the alias is never looked for."""
    return next(((name, aliases[name]) for name in cloud.model_map if name in aliases), None)
