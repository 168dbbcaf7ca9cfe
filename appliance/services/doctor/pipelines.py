"""Declared pipelines: are their files right, as far as they can be judged without what they name?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, ok, warning
from appliance.services.doctor.ways import Ways

_MOST_LINES = 10


@dataclass(frozen=True, slots=True)
class PipelineReading:
    """path: of its file. faults: a line for each, with its place."""

    name: str
    path: str
    faults: Sequence[str] = ()


def pipeline_findings(seen: Sequence[PipelineReading], ways: Ways) -> Iterator[Finding]:
    """A file with faults changes nothing for those who ask, and so nobody notices."""
    if not seen:
        yield ok("pipelines.none")
        return
    for one in seen:
        if one.faults:
            check = ways.appliance(f"pipeline check {shlex.quote(one.path)}")
            yield warning("pipelines.refused", check, tuple(one.faults[:_MOST_LINES]), name=one.name)
    right = sum(not one.faults for one in seen)
    if right:
        yield ok("pipelines.ok", count=right)
