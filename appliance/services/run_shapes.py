"""The steps of a declared pipeline as a turn shows and keeps them. Holds no word of what was asked or found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.domain.pipelines import Stepped


def as_step(event: Stepped) -> dict[str, Any]:
    """For whoever waits: which step runs."""
    return {"state": "step", "done": event.number, "total": event.total, "name": event.step.name}


class RunTrace:
    """The run of one answer, step by step, as it is kept beside the trace of its search."""

    def __init__(self) -> None:
        self._pipeline = ""
        self._steps: dict[int, dict[str, Any]] = {}

    def note(self, event: Stepped) -> None:
        """A step began or ended; one that never ends stays as running."""
        self._pipeline = event.pipeline
        self._steps[event.number] = event.step.as_json()

    def within(self, trace: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """The trace of the search with the run in it; as it was where no declared pipeline answered."""
        if not self._steps:
            return trace
        steps = [self._steps[number] for number in sorted(self._steps)]
        return {**(trace or {}), "run": {"pipeline": self._pipeline, "steps": steps}}
