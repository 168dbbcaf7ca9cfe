"""Who waits and for how long, who was refused, and which part is slow now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

LONG_LINE = 20  # as the alert QueueTooLong
SLOW_TURN_S = 15.0  # as the alert SlowFirstToken
MANY_FAILURES = 0.05  # as the alert ManyFailures
SLOW_SEARCH_S = 2.0  # as the alert SearchSlow
_FEW = 10  # below it a percentile says nothing

# Milliseconds for a trifle: a hundred times what each takes on a quiet machine.
SLOW_MS = {"postgres": 20.0, "valkey": 10.0, "embedder": 500.0}
SLOW_ENGINE_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Line:
    """A pool's queue. who: e-mail addresses and how many of theirs wait, those with most first."""

    pool: str
    running: int
    waiting: int
    who: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class QueueReading:
    """wait_s: the 95th percentile of the last quarter of an hour's requests. The counts are of the last hour."""

    is_running: bool = True
    lines: tuple[Line, ...] = ()
    wait_s: float = 0.0
    waited: int = 0
    total: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SpeedReading:
    """probes: part -> milliseconds, the middle one of a few. first_word_s, search_s: 95th percentiles of late.

    search_step: that took most of the slow searches' time.
    """

    is_running: bool = True
    probes: Mapping[str, float] = field(default_factory=dict)
    engines: Mapping[str, float] = field(default_factory=dict)
    first_word_s: float | None = None
    answers: int = 0
    search_s: float | None = None
    search_step: str = ""
    searches: int = 0


def queue_findings(seen: QueueReading, ways: Ways) -> Iterator[Finding]:
    """Of all pools together, and of each where many wait."""
    if not seen.is_running:
        yield ok("queue.idle")
        return
    batch = ways.appliance("key create --user EMAIL --batch")
    is_well = True
    for line in seen.lines:
        if line.waiting > LONG_LINE:
            is_well = False
            who = ", ".join(f"{email} {count}" for email, count in line.who[:5]) or "–"
            yield warning("queue.waiting", batch, waiting=line.waiting, pool=line.pool, who=who)
    if seen.waited >= _FEW and seen.wait_s > SLOW_TURN_S:
        is_well = False
        yield warning("queue.slow", batch, wait_s=seen.wait_s)
    if refused := sum(seen.refused.values()):
        yield warning("queue.refused", ways.appliance("limit list"), count=refused, why=_told(seen.refused))
    failed = sum(seen.failed.values())
    if failed and failed > MANY_FAILURES * seen.total:
        say = error if seen.total >= _FEW else warning
        yield say("queue.failed", ways.log("engine"), count=failed, total=seen.total, why=_told(seen.failed))
    if seen.problem:
        yield warning("queue.alone", ways.appliance("doctor valkey"), detail=seen.problem)
    elif is_well:
        running, waiting = (sum(of) for of in zip(*((one.running, one.waiting) for one in seen.lines), strict=True)) \
            if seen.lines else (0, 0)  # fmt: skip
        yield ok("queue.ok", running=running, waiting=waiting, wait_s=seen.wait_s)


def speed_findings(seen: SpeedReading, ways: Ways) -> Iterator[Finding]:
    """Short probes now, and what people met in the last quarter of an hour."""
    if not seen.is_running:
        yield ok("speed.idle")
        return
    quick = []
    for part, ms in seen.probes.items():
        if ms > SLOW_MS[part]:
            yield warning(f"speed.{part}", _why_slow(part, ways), ms=ms)
        else:
            quick.append(f"{part} {max(1, round(ms))} ms")
    for name, ms in seen.engines.items():
        if ms > SLOW_ENGINE_MS:
            yield warning("speed.engine", ways.log("engine"), name=name, ms=ms)
        else:
            quick.append(f"{name} {max(1, round(ms))} ms")
    if quick:
        yield ok("speed.ok", figures=", ".join(quick))
    if seen.answers >= _FEW and (seen.first_word_s or 0) > SLOW_TURN_S:
        yield warning(
            "speed.first_word", ways.appliance("doctor gpu engines"), seconds=seen.first_word_s or 0
        )
    if seen.searches >= _FEW and (seen.search_s or 0) > SLOW_SEARCH_S:
        command = ways.appliance("doctor speed postgres embedder")
        yield warning("speed.search", command, seconds=seen.search_s or 0, step=seen.search_step or "–")


def _why_slow(part: str, ways: Ways) -> str:
    busy = "top -b -n 1 -c -o %CPU | head -n 20"
    if part == "embedder":
        return ways.set("knowledge.ingestion_jobs", "1")
    if ways.deployment != "docker":
        return busy
    if part == "postgres":
        query = "SELECT pid, now() - query_start AS since, wait_event, state FROM pg_stat_activity ORDER BY 2 DESC"
        return ways.inside("postgres", f'psql -U appliance_owner appliance -c "{query}"')
    return ways.inside(
        "valkey", "sh -c 'REDISCLI_AUTH=$(cat /run/secrets/valkey_password) valkey-cli SLOWLOG GET 10'"
    )


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(counts.items(), key=lambda one: -one[1]))
