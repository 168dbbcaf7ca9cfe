"""Is the clock right, by those who have one too and by whoever keeps it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

NOTABLE_S, BAD_S = 2.0, 60.0
_KEEP = "sudo timedatectl set-ntp true && timedatectl timesync-status"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """others: how far ahead of us each is, in seconds; is_coarse: known to a second only (an HTTP Date).

    is_kept: whether a time server keeps it, None where nobody says. drift_s: how far off that server says we are.
    """

    others: Mapping[str, float] = field(default_factory=dict)
    is_kept: bool | None = None
    drift_s: float | None = None


def clock_findings(clock: ClockReading, _ways: Ways) -> Iterator[Finding]:
    """One line where all agree."""
    is_well = True
    for other, seconds in clock.others.items():
        if abs(seconds) >= NOTABLE_S:
            is_well = False
            say = error if abs(seconds) >= BAD_S else warning
            yield say("clock.differs", _KEEP, other=other, seconds=seconds)
    if clock.drift_s is not None and abs(clock.drift_s) >= NOTABLE_S:
        is_well = False
        say = error if abs(clock.drift_s) >= BAD_S else warning
        yield say("clock.drifts", "sudo chronyc makestep || sudo systemctl restart systemd-timesyncd",
                  seconds=clock.drift_s)  # fmt: skip
    if clock.is_kept is False:
        is_well = False
        yield warning("clock.unkept", _KEEP)
    if is_well and clock.others:
        yield ok("clock.ok", others=", ".join(clock.others))
    elif is_well:
        yield ok("clock.alone")
