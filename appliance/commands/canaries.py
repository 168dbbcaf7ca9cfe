"""What `appliance doctor --canaries` says: how often somebody tried what is not theirs, and whether they got it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import aiohttp

from appliance.bootstrap.box import Box
from appliance.bootstrap.canaries import run_canaries
from appliance.commands.findings import Finding, Verdict
from appliance.errors import ApplianceError
from appliance.services.canaries.plants import Tally
from appliance.supervisor.state import read_state

_REMEDY = "Take the appliance off the network and report this; the log has a line for each."


def canary_findings(box: Box) -> Iterator[Finding]:
    """Runs them now, against the appliance that runs from this data folder."""
    state = read_state(box.data)
    if state is None:
        yield Finding("canaries", Verdict.FAIL, "The appliance does not run here.", "appliance up")
        return
    try:
        tally = asyncio.run(run_canaries(box, state.url))
    except (ApplianceError, aiohttp.ClientError, RuntimeError, TimeoutError, OSError) as error:
        yield Finding("canaries", Verdict.FAIL, f"They could not be run: {error}", "appliance doctor")
        return
    yield from tally_findings(tally)


def tally_findings(tally: Tally) -> Iterator[Finding]:
    """One line for all, and one for each way that was open."""
    sentence = f"{tally.probes} probes, {len(tally.hits)} hits."
    if tally.unanswered:
        sentence += f" {tally.unanswered} were not answered."
    open_ways = Counter((hit.probe, hit.role) for hit in tally.hits)
    for (probe, role), count in sorted(open_ways.items()):
        yield Finding("canaries", Verdict.FAIL, f"{count} x {probe}, as {role}.", _REMEDY)
    for reason in tally.controls_failed:
        yield Finding("canaries", Verdict.FAIL, f"The probes prove nothing: {reason}.", "Does search work?")
    verdict = Verdict.OK if tally.is_clean and not tally.unanswered else Verdict.WARN
    yield Finding("canaries", Verdict.FAIL if tally.hits else verdict, sentence)
