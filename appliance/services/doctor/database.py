"""PostgreSQL: does it answer, was it prepared, and is an external one set up for this? And what stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

LEAST_POSTGRES, LEAST_PGVECTOR = 18, (0, 8, 4)
SMALL_BUFFERS_MB = 128  # PostgreSQL's own default, of 1990s' machines
_OTHERS = 15  # connections of worker, ledger, migrations, monitoring and psql


@dataclass(frozen=True, slots=True)
class PostgresReading:
    """problem: why it does not answer. wanted_connections: what our processes may open. Sizes in MB."""

    is_idle: bool = False
    is_embedded: bool = True
    problem: str = ""
    lines: tuple[str, ...] = ()
    version: str = ""
    vector: str = ""
    applied: int = 0
    missing: int = 0
    buffers_mb: float = 256.0
    cache_mb: float = 4096.0
    unsafe: tuple[str, ...] = ()
    most_connections: int = 120
    wanted_connections: int = 0


@dataclass(frozen=True, slots=True)
class IndexedModelReading:
    """state: active, building, leaving."""

    model: str
    state: str
    problem: str = ""
    is_renewing: bool = False
    done: int = 0
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class CanariesReading:
    """Of the last run. date: empty where there was none. is_idle: the database is stopped, and nobody knows."""

    is_idle: bool = False
    date: str = ""
    probes: int = 0
    hits: int = 0


def postgres_findings(seen: PostgresReading, ways: Ways) -> Iterator[Finding]:
    """What is set by us is not looked at: shared_buffers and the like are an external server's."""
    if seen.is_idle:
        yield ok("postgres.idle")
        return
    if seen.problem:
        is_ours = seen.is_embedded or ways.deployment == "docker"
        command = ways.start("postgres") if is_ours else ways.appliance("settings")
        yield error("postgres.down", command, seen.lines, detail=seen.problem)
        return
    if seen.missing:
        yield error("postgres.migrations", ways.start("prepare gateway worker"), count=seen.missing)
    else:
        yield ok("postgres.ok", version=seen.version, migrations=seen.applied)
    if not seen.is_embedded:
        yield from _external(seen, ways)


def _external(seen: PostgresReading, ways: Ways) -> Iterator[Finding]:
    if _numbers(seen.version)[:1] < (LEAST_POSTGRES,) or (
        seen.vector and _numbers(seen.vector) < LEAST_PGVECTOR
    ):
        yield warning("postgres.old", _sql(ways, "ALTER EXTENSION vector UPDATE"),
                      version=seen.version, vector=seen.vector)  # fmt: skip
    if seen.buffers_mb < SMALL_BUFFERS_MB:
        command = _sql(ways, "ALTER SYSTEM SET shared_buffers = '1GB'")
        yield warning("postgres.buffers_small", command, mb=seen.buffers_mb)
    elif seen.buffers_mb > seen.cache_mb:
        command = _sql(ways, "ALTER SYSTEM SET effective_cache_size = '8GB'")
        yield warning("postgres.buffers_large", command, mb=seen.buffers_mb, cache_mb=seen.cache_mb)
    for setting in seen.unsafe:
        yield error("postgres.unsafe", _sql(ways, f"ALTER SYSTEM SET {setting} = on"), setting=setting)
    wanted = seen.wanted_connections + _OTHERS
    if wanted > seen.most_connections:
        command = _sql(ways, f"ALTER SYSTEM SET max_connections = {wanted + 20}")
        yield warning("postgres.connections", command, wanted=wanted, most=seen.most_connections)


def index_findings(models: tuple[IndexedModelReading, ...], ways: Ways) -> Iterator[Finding]:
    """What search goes by."""
    for one in models:
        if one.problem:
            yield warning("index.waits", ways.appliance("index status"), model=one.model, detail=one.problem)
        elif one.state == "active" and not one.is_renewing:
            yield ok("index.ok", model=one.model)
        elif one.state != "leaving":
            yield ok("index.making", model=one.model, done=one.done, count=one.chunks)


def canaries_findings(seen: CanariesReading, ways: Ways) -> Iterator[Finding]:
    """Whether somebody reached what is not theirs, the last time that it was tried."""
    if seen.is_idle:
        return
    if not seen.date:
        never = ok("canaries.never")
        yield Finding(never.id, never.severity, {}, ways.appliance("doctor --canaries"))
    elif seen.hits:
        yield error("canaries.hit", ways.appliance("doctor --canaries"), date=seen.date, probes=seen.probes,
                    hits=seen.hits)  # fmt: skip
    else:
        yield ok("canaries.ok", date=seen.date, probes=seen.probes)


def _sql(ways: Ways, statement: str) -> str:
    if ways.deployment == "docker":
        return ways.inside("postgres", f'psql -U appliance_owner appliance -c "{statement}"')
    return f'psql "$DATABASE_URL" -c "{statement}"  # as its administrator'


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split()[0].split(".") if part.isdecimal()) if version else ()
