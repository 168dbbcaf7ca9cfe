"""What leaves: is the ledger whole, can it be written, and was the stop switch forgotten?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

_FORGOTTEN_HOURS = 24


@dataclass(frozen=True, slots=True)
class EgressReading:
    """lines: of the ledger. problems: of its chain. is_closed: it cannot be written. stopped_by: None where nothing
    is stopped; empty for a file put there by hand. departures, refused: of the last 30 days.
    """

    lines: int = 0
    problems: Sequence[str] = ()
    is_closed: bool = False
    stopped_by: str | None = None
    stopped_hours: int = 0
    by_settings: bool = False
    departures: int = 0
    refused: int = 0


def egress_findings(seen: EgressReading, ways: Ways) -> Iterator[Finding]:
    """What a data-protection officer would ask."""
    if seen.is_closed:
        folder = shlex.quote(f"{ways.data}/egress")
        yield error("egress.closed", f"ls -la {folder} && df -h {folder}")
    if seen.problems:
        yield error("egress.broken", ways.appliance("egress verify"), lines=tuple(seen.problems))
    if seen.by_settings:
        yield ok("egress.off")
    elif seen.stopped_by is not None:
        kind = warning if seen.stopped_hours >= _FORGOTTEN_HOURS else ok
        who, hours = seen.stopped_by or "egress.stop", seen.stopped_hours
        if kind is ok:
            yield ok("egress.stopped", who=who, hours=hours)
        else:
            yield warning("egress.forgotten", ways.appliance("egress start"), who=who, hours=hours)
    if not seen.departures and not seen.refused:
        yield ok("egress.nothing")
    else:
        yield ok("egress.some", departures=seen.departures, refused=seen.refused)
