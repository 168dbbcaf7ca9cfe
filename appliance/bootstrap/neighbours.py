"""Engines and embedders have to be servers of the own network; what is sent to others would leave unseen."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from appliance.bootstrap.box import Box
from appliance.bootstrap.egress import way_out
from appliance.bootstrap.inference import (
    CLOUD_REMEDY,
    Inference,
    build_inference,
    cloud_hosts,
    clouds_of,
    outside,
    read_engine_settings,
)
from appliance.errors import StartupError
from inference.egress import Neighbours
from inference.settings import EngineSettings


def require_neighbours(box: Box) -> None:
    """Raises StartupError that names the section and both remedies. Blocks for the name service; a name that nobody
    knows now is judged when it is connected to.
    """
    neighbours = Neighbours(box.settings.egress.inside)
    engines = read_engine_settings(box.settings.engines, box.engine_socket)
    clouds = clouds_of(engines)
    for name, one in engines.items():
        if name not in clouds:
            _require(neighbours, f"engines.{name}", one.base_url, CLOUD_REMEDY)
    _require(neighbours, "embedding", box.settings.embedding.base_url, "an address of your own network")


def _require(neighbours: Neighbours, section: str, url: str, remedy: str) -> None:
    if why := neighbours.refusal(url):
        raise StartupError(outside(section, url, why, neighbours, remedy))


def open_engines(
    box: Box, engines: Mapping[str, EngineSettings], watched_by: aiohttp.TraceConfig | None = None
) -> Inference:
    """As build_inference, with the way out to the clouds of the settings and to nobody else; to none of them while
    nothing may leave.
    """
    out, leaving = way_out(box), box.settings.leaving
    may_leave = leaving.when != "never"
    return build_inference(
        engines,
        box.settings.models.aliases,
        watched_by=watched_by,
        egress=out.door(cloud_hosts(engines), inside=out.settings.inside) if may_leave else None,
        offers_cloud=may_leave and leaving.by_name,
        neighbours=out.neighbours,
    )
