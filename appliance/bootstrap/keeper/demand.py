"""What the gateway processes say of the models: who runs there, who waits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """Of one gateway process. seen: the last version of our state that it has acted upon."""

    seen: int = 0
    running: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)


def read_report(fields: Mapping[str, Any]) -> Report:
    """Of what came over the wire. Raises ValueError, TypeError."""
    return Report(
        int(fields.get("seen", 0)),
        {str(name): int(count) for name, count in dict(fields.get("running") or {}).items()},
        {str(name): int(count) for name, count in dict(fields.get("waiting") or {}).items()},
    )


class Demand:
    """All gateway processes that are connected now."""

    def __init__(self) -> None:
        self._reports: dict[object, Report] = {}

    def take(self, gateway: object, report: Report) -> None:
        """What it says now; it replaces what it said before."""
        self._reports[gateway] = report

    def forget(self, gateway: object) -> None:
        """It is gone, and its requests with it."""
        self._reports.pop(gateway, None)

    def running(self, model: str, closed_version: int = 0) -> int:
        """Answers under way. A gateway that has not heard of the closing yet may send one any moment: it counts."""
        return sum(
            report.running.get(model, 0) + (report.seen < closed_version) for report in self._reports.values()
        )

    def waiting(self, model: str) -> int:
        """Requests in line for it."""
        return sum(report.waiting.get(model, 0) for report in self._reports.values())
