"""Joins the way out: one ledger, one stop switch and the operator's hosts, for every process that has to go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from appliance.bootstrap.box import Box
from appliance.storage.egress_ledger import EgressLedger
from appliance.storage.egress_switch import StopFile
from inference.egress import Crossing, Egress, Neighbours
from inference.egress.settings import EgressSettings


@dataclass(frozen=True, slots=True)
class WayOut:
    """What all doors of a box share. folder: the ledger's."""

    settings: EgressSettings
    folder: Path
    ledger: EgressLedger
    switch: StopFile

    def door(
        self, allowed: Sequence[str], *, inside: Sequence[str] = (), silence_timeout_s: float | None = None
    ) -> Egress:
        """A door to these hosts and to those of egress.inside, as far as inside names them; see Egress."""
        return Egress(
            allowed,
            self.ledger,
            inside=inside,
            switch=self.switch,
            connect_timeout_s=self.settings.connect_timeout_s,
            silence_timeout_s=silence_timeout_s or self.settings.silence_timeout_s,
        )

    @property
    def neighbours(self) -> Neighbours:
        """What counts as the own network."""
        return Neighbours(self.settings.inside)

    def crossing(self, allowed: Sequence[str]) -> Crossing:
        """For servers that may lie in the own network, where nothing is written down, or outside of it."""
        return Crossing(self.door(allowed, inside=self.settings.inside), self.neighbours)


def way_out(box: Box) -> WayOut:
    """Opens nothing yet: the ledger's folder is made with its first line."""
    return way_out_at(box.data, box.settings.egress)


def way_out_at(data: Path, settings: EgressSettings) -> WayOut:
    """data: the data folder."""
    folder = data / "egress"
    ledger = EgressLedger(folder, segment_bytes=settings.segment_mib * 2**20, keep_days=settings.keep_days)
    return WayOut(settings, folder, ledger, StopFile(data / "egress.stop", by_settings=settings.stopped))


def tracing_door(box: Box) -> Crossing:
    """To the collector that the settings name, wherever it is."""
    return way_out(box).crossing([urlsplit(box.settings.tracing.endpoint).netloc])
