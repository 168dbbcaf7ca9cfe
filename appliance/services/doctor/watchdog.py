"""What the watchdog has found lately, for what the doctor's own look at GPUs and parts does not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.services.doctor.findings import Finding, Severity, ok
from appliance.services.doctor.ways import Ways
from inference.watchdog.findings import Finding as Seen

SEEN_BY_THE_DOCTOR = ("gpu_lost", "gpu_memory", "gpu_throttled")
STALE_S = 120.0


@dataclass(frozen=True, slots=True)
class WatchdogReading:
    """looked_at_s: Unix time, None where nobody has looked. is_idle: the appliance is stopped."""

    now_s: float = 0.0
    looked_at_s: float | None = None
    findings: tuple[Seen, ...] = ()
    is_idle: bool = False


def watchdog_findings(reading: WatchdogReading, ways: Ways) -> Iterator[Finding]:
    """GPUs are told by the check of that name, which looks itself."""
    if reading.is_idle:
        yield ok("watchdog.idle")
        return
    if reading.looked_at_s is None or reading.now_s - reading.looked_at_s > STALE_S:
        yield Finding("watchdog.blind", Severity.WARNING, {}, ways.log())
        return
    told = [one for one in reading.findings if one.kind not in SEEN_BY_THE_DOCTOR]
    for one in told:
        since = datetime.fromtimestamp(one.since_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        values = {"subject": one.subject, "since": since}
        yield Finding(f"watchdog.{one.kind}", Severity(one.severity), values, ways.log())
    if not told:
        yield ok("watchdog.ok")
