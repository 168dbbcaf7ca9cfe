"""Are the sections of clouds in order? Nothing is sent to find out: only what is written here is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways


@dataclass(frozen=True, slots=True)
class CloudReading:
    """One section. key_file: its path, empty where the key stands in the settings. way: why the door would not let a
    request out; empty: it would. unpriced: models whose price nobody knows. misnamed: names in model_map that are
    aliases of a model, and that model. is_published: what it costs is counted by published prices.
    """

    name: str
    provider: str
    url: str
    models: Sequence[str]
    has_key: bool = True
    needs_key: bool = True
    key_file: str = ""
    is_key_open: bool = False
    way: str = ""
    unpriced: Sequence[str] = ()
    misnamed: tuple[str, str] | None = None
    is_published: bool = False


@dataclass(frozen=True, slots=True)
class CloudsReading:
    """may_leave: the operator permits that anything goes there. is_at_par: a dollar counts as one of `currency`."""

    clouds: Sequence[CloudReading] = ()
    may_leave: bool = False
    currency: str = "EUR"
    is_at_par: bool = False


def cloud_findings(seen: CloudsReading, ways: Ways) -> Iterator[Finding]:
    """One line where there is none."""
    if not seen.clouds:
        yield ok("clouds.none")
        return
    for cloud in seen.clouds:
        yield from _one(cloud, ways)
    if not seen.may_leave:
        yield ok("clouds.never")
    if seen.is_at_par and any(cloud.is_published for cloud in seen.clouds):
        yield warning("clouds.at_par", ways.set("models.us_dollar", "0.92"), currency=seen.currency)


def _one(cloud: CloudReading, ways: Ways) -> Iterator[Finding]:
    section = f"engines.{cloud.name}"
    if cloud.needs_key and not cloud.has_key:
        command = ways.set(f"{section}.api_key_file", f'"/etc/appliance/{cloud.name}.key"')
        yield error("clouds.no_key", command, name=cloud.name, provider=cloud.provider)
    elif cloud.is_key_open:
        yield error("clouds.key_open", f"chmod 600 {cloud.key_file}", path=cloud.key_file)
    if cloud.way:
        yield error(
            "clouds.no_way", ways.appliance("settings"), name=cloud.name, url=cloud.url, detail=cloud.way
        )
    if cloud.misnamed is not None:
        alias, model = cloud.misnamed
        yield warning(
            "clouds.misnamed", ways.appliance("settings"), name=cloud.name, alias=alias, model=model
        )
    if cloud.unpriced:
        models = ", ".join(cloud.unpriced)
        command = ways.set(f'models.prices."{cloud.unpriced[0]}"', "{input = 1, output = 4}")
        yield warning("clouds.unpriced", command, name=cloud.name, models=models)
    yield ok("clouds.ok", name=cloud.name, provider=cloud.provider, models=", ".join(cloud.models))
