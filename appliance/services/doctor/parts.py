"""The parts of a box: which one is down, and what its last words were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways

RESTARTS_WORTH_A_WORD = 3


@dataclass(frozen=True, slots=True)
class DataReading:
    """is_there: it has a box's secrets. refused: why this version may not use it. owner: whose it is, by name."""

    folder: str
    is_there: bool = True
    is_closed: bool = False
    refused: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class SettingsReading:
    """path: of the file that is read. problem: in the words of the settings' own check."""

    path: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """A child of the supervisor. state: starting, ready, restarting, stopped. lines: its last ones of the log."""

    name: str
    state: str
    restarts: int = 0
    last_exit: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessesReading:
    """is_supervised: a supervisor runs. is_contained: the parts are containers. last_at: when one last ran, a date."""

    is_supervised: bool
    is_contained: bool = False
    processes: tuple[Process, ...] = ()
    was_stopped: bool = True
    last_at: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortReading:
    """status: of /readyz, None where nothing answered, and then `problem` says why; parts: what is not ready there."""

    is_running: bool
    url: str
    host: str
    port: int
    status: int | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ValkeyReading:
    """problem: why it does not answer; empty where it does. policy: what it does when its memory is full."""

    is_idle: bool = False
    is_embedded: bool = True
    problem: str = ""
    used_bytes: int = 0
    most_bytes: int = 0
    policy: str = "noeviction"


@dataclass(frozen=True, slots=True)
class EmbedderReading:
    """served: (model and where it runs, what is the matter with it, whether it answers all the same)."""

    is_idle: bool = False
    problem: str = ""
    served: tuple[tuple[str, str, bool], ...] = ()


def data_findings(data: DataReading, ways: Ways) -> Iterator[Finding]:
    """Is there a box, and may we look?"""
    if data.is_closed:
        command = f"sudo -u {data.owner or 'appliance'} {ways.program} doctor --data {data.folder}"
        yield error("data.closed", command, folder=data.folder)
    elif not data.is_there:
        yield error("data.missing", f"{ways.program} up --data {data.folder}", folder=data.folder)
    elif data.refused:
        yield error("data.refused", detail=data.refused)
    else:
        yield ok("data.ok", folder=data.folder)


def settings_findings(settings: SettingsReading, _ways: Ways) -> Iterator[Finding]:
    """One line: the check of the settings names key and remedy itself."""
    if settings.problem:
        yield error("settings.wrong", f"${{EDITOR:-nano}} {settings.path}", detail=settings.problem)
    else:
        yield ok("settings.ok")


def processes_findings(seen: ProcessesReading, ways: Ways) -> Iterator[Finding]:
    """Of a box that is down: whether somebody stopped it, else its last words."""
    if seen.is_contained:
        yield ok("processes.containers")
    elif not seen.is_supervised:
        yield _not_running(seen, ways)
    well = []
    for one in seen.processes if seen.is_supervised else ():
        ended = f", {one.last_exit}" if one.last_exit else ""
        values: dict[str, Any] = {"name": one.name, "restarts": one.restarts, "exit": ended}
        if one.state == "restarting":
            yield error("processes.down", ways.log(), one.lines, **values)
        elif one.restarts >= RESTARTS_WORTH_A_WORD:
            yield warning("processes.restarted", ways.log(), one.lines, **values)
        else:
            well.append(one.name)
    if well:
        yield ok("processes.ok", names=", ".join(well))


def _not_running(seen: ProcessesReading, ways: Ways) -> Finding:
    if not seen.last_at:
        return warning("processes.never", ways.start())
    if seen.was_stopped:
        return warning("processes.stopped", ways.start(), date=seen.last_at)
    return error("processes.broken", ways.start(), seen.lines, date=seen.last_at)


def port_findings(seen: PortReading, ways: Ways) -> Iterator[Finding]:
    """Does the door answer; is it free where nothing runs?"""
    if not seen.is_running:
        if seen.problem:
            command = f"sudo ss -ltnp 'sport = :{seen.port}'"
            yield error("port.taken", command, host=seen.host, port=str(seen.port), detail=seen.problem)
        else:
            yield ok("port.free", host=seen.host, port=str(seen.port))
    elif seen.status is None:
        yield error("port.silent", ways.log(), url=seen.url, detail=seen.problem)
    elif seen.parts:
        told = ", ".join(f"{name}: {state}" for name, state in seen.parts.items())
        checks = " ".join(sorted(_check_of(name) for name in seen.parts))
        yield error("port.unready", ways.appliance(f"doctor {checks}"), url=seen.url, parts=told)
    else:
        yield ok("port.ok", url=seen.url)


def _check_of(part: str) -> str:
    return {"postgresql": "postgres", "worker": "processes"}.get(part, part)


def valkey_findings(seen: ValkeyReading, ways: Ways) -> Iterator[Finding]:
    """Nothing in it needs keeping, but what it holds must not be thrown away while it is in use."""
    if seen.is_idle:
        yield ok("valkey.idle")
        return
    if seen.problem:
        command = ways.start("valkey") if seen.is_embedded or ways.deployment == "docker" else ways.log()
        yield error("valkey.down", command, detail=seen.problem)
        return
    used, most = seen.used_bytes / 2**20, seen.most_bytes / 2**20
    yield ok("valkey.ok", used_mb=used)
    if seen.most_bytes and seen.policy != "noeviction":
        command = "valkey-cli CONFIG SET maxmemory-policy noeviction"
        yield warning("valkey.evicts", _in_valkey(command, ways), policy=seen.policy)
    if seen.most_bytes and seen.used_bytes > 0.9 * seen.most_bytes:
        command = f"valkey-cli CONFIG SET maxmemory {int(most * 2)}mb"
        yield warning("valkey.full", _in_valkey(command, ways), used_mb=used, most_mb=most)


def _in_valkey(command: str, ways: Ways) -> str:
    if ways.deployment != "docker":
        return command
    return ways.inside("valkey", f"sh -c 'REDISCLI_AUTH=$(cat /run/secrets/valkey_password) {command}'")


def embedder_findings(seen: EmbedderReading, ways: Ways) -> Iterator[Finding]:
    """Without it search finds words only."""
    if seen.is_idle:
        yield ok("embedder.idle")
    elif seen.problem:
        yield error("embedder.down", ways.log("embedder"), detail=f" ({seen.problem})")
    for model, problem, is_serving in () if seen.problem or seen.is_idle else seen.served:
        if not problem:
            yield ok("embedder.ok", model=model)
        else:
            say = warning if is_serving else error
            yield say("embedder.problem", ways.appliance("settings"), model=model, detail=problem)


def sandbox_findings(weaknesses: tuple[str, ...], _ways: Ways) -> Iterator[Finding]:
    """What a document that is read could reach."""
    for sentence in weaknesses:
        yield warning("sandbox.weak", "uname -r", detail=sentence)
    if not weaknesses:
        yield ok("sandbox.ok")
