"""Joins the way out: one ledger, one stop switch and the operator's hosts, for every process that has to go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.bootstrap.box import Box
from appliance.storage.egress_ledger import EgressLedger
from appliance.storage.egress_switch import StopFile
from inference.egress import Egress
from inference.egress.settings import EgressSettings


@dataclass(frozen=True, slots=True)
class WayOut:
    """What all doors of a box share."""

    settings: EgressSettings
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


def way_out(box: Box) -> WayOut:
    """Opens nothing yet: the ledger's folder is made with its first line."""
    settings = box.settings.egress
    ledger = EgressLedger(
        box.data / "egress", segment_bytes=settings.segment_mib * 2**20, keep_days=settings.keep_days
    )
    return WayOut(settings, ledger, StopFile(box.data / "egress.stop", by_settings=settings.stopped))
