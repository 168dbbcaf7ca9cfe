"""Reads what left: the ledger's chain, its sums, and the stop switch."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from appliance.bootstrap.doctor.place import Place
from appliance.bootstrap.egress import way_out
from appliance.domain.egress import EgressQuery
from appliance.services.doctor.egress import EgressReading
from appliance.storage.egress_ledger import CURRENT
from appliance.storage.egress_reading import EgressReader

_DAYS = 30


def read_egress(place: Place) -> EgressReading:
    """Walks the whole ledger."""
    out, now = way_out(place.needed_box), datetime.now(UTC)
    reader, stop = EgressReader(out.folder), out.switch.read()
    report = reader.verified()
    sums = reader.totals(EgressQuery(since=now - timedelta(days=_DAYS)))
    ledger = out.folder / CURRENT
    return EgressReading(
        lines=report.lines,
        problems=report.problems,
        is_closed=ledger.exists() and not os.access(ledger, os.W_OK),
        stopped_by=None if stop is None else stop.actor,
        stopped_hours=int((now - stop.since).total_seconds() // 3600) if stop and stop.since else 0,
        by_settings=stop is not None and stop.by_settings,
        departures=sum(one.departures for one in sums),
        refused=sum(one.refused for one in sums),
    )
