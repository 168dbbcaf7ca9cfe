"""What `appliance doctor --canaries` says: how often somebody tried what is not theirs, and whether they got it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import aiohttp

from appliance.bootstrap.box import Box
from appliance.bootstrap.canaries import run_canaries
from appliance.errors import ApplianceError
from appliance.services.canaries.plants import Tally
from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways
from appliance.supervisor.state import read_state


def canary_findings(box: Box, ways: Ways) -> Iterator[Finding]:
    """Runs them now, against the appliance that runs from this data folder."""
    state = read_state(box.data)
    if state is None:
        yield error("canaries.broken", ways.start(), detail="the appliance does not run here.")
        return
    try:
        tally = asyncio.run(run_canaries(box, state.url))
    except (ApplianceError, aiohttp.ClientError, RuntimeError, TimeoutError, OSError) as failure:
        yield error("canaries.broken", ways.appliance("doctor"), detail=str(failure))
        return
    yield from tally_findings(tally, ways)


def tally_findings(tally: Tally, ways: Ways) -> Iterator[Finding]:
    """One line for all, and one for each way that was open."""
    open_ways = Counter((hit.probe, hit.role) for hit in tally.hits)
    for (probe, role), count in sorted(open_ways.items()):
        yield error("canaries.open", ways.log(), count=count, probe=probe, role=role)
    for reason in tally.controls_failed:
        yield error("canaries.void", ways.appliance("doctor embedder index"), detail=reason)
    if tally.unanswered:
        again = ways.appliance("doctor --canaries")
        yield warning("canaries.unanswered", again, count=tally.unanswered, probes=tally.probes)
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    if tally.hits:
        yield error("canaries.hit", ways.log(), probes=tally.probes, hits=len(tally.hits), date=date)
    else:
        yield ok("canaries.ok", probes=tally.probes, date=date)
