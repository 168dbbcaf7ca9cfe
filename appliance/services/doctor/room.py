"""The doctor for whoever runs the box by the page: administrators and auditors. Many who look share one examination."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.accounts.people import require_reader
from appliance.services.doctor.findings import Finding

KEPT_S = 10.0

Examine = Callable[[Caller, Sequence[str]], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Examined:
    """findings: in the order of the checks."""

    at: datetime
    findings: tuple[Finding, ...]


class DoctorRoom:
    """checks: tells their names. now: the time. An examination takes a second or two, and is kept for ten."""

    def __init__(
        self, examine: Examine, checks: Callable[[], Collection[str]], now: Callable[[], datetime]
    ) -> None:
        self._examine, self._checks, self._now = examine, checks, now
        self._kept: dict[tuple[str, ...], Examined] = {}
        self._one_at_a_time = asyncio.Lock()

    async def examined(self, caller: Caller, names: Sequence[str] = ()) -> Examined:
        """names: of checks; none: all. Raises NotPermitted, InvalidRequest."""
        require_reader(caller)
        for name in names:
            if name not in self._checks():
                raise InvalidRequest(f"There is no check {name!r}. There are: {', '.join(self._checks())}.")
        wanted = tuple(sorted(set(names)))
        async with self._one_at_a_time:
            kept = self._kept.get(wanted)
            if kept is None or (self._now() - kept.at).total_seconds() > KEPT_S:
                found = tuple(await self._examine(caller, wanted))
                self._kept = {wanted: Examined(self._now(), found)}
            return self._kept[wanted]
