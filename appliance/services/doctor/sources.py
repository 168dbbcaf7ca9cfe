"""The company's databases: do they answer, could the role write, did they change, who can read the password?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

_MOST_LINES = 10


@dataclass(frozen=True, slots=True)
class SourceReading:
    """problem: why it does not answer; empty: it does. writes: what its role can do beside reading. drift: a line for
    each change. open_file: its password's, where others can read it.
    """

    name: str
    problem: str = ""
    writes: Sequence[str] = ()
    drift: Sequence[str] = ()
    open_file: str = ""


def source_findings(seen: Sequence[SourceReading], ways: Ways) -> Iterator[Finding]:
    """Paused ones are not looked at."""
    if not seen:
        yield ok("sources.none")
        return
    for one in seen:
        if one.open_file:
            yield error("sources.open_file", f"chmod 600 {shlex.quote(one.open_file)}", name=one.name)
        elif one.problem:
            refresh = ways.appliance(f"source refresh {shlex.quote(one.name)}")
            yield warning("sources.unanswered", refresh, (one.problem,), name=one.name)
        if one.writes:
            yield warning(
                "sources.role_can_write",
                ways.appliance(f"source show {shlex.quote(one.name)}"),
                tuple(one.writes[:_MOST_LINES]),
                name=one.name,
            )
        if one.drift:
            tables = ways.appliance(f"source tables {shlex.quote(one.name)}")
            yield warning(
                "sources.drifted", tables, tuple(one.drift[:_MOST_LINES]), name=one.name, count=len(one.drift)
            )
    answering = sum(not one.problem for one in seen)
    if answering:
        yield ok("sources.ok", count=answering)
