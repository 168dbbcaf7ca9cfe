"""The watchdog of a gateway, joined to what it looks at: the roster's engines, the supervisor's file, the disk."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.bootstrap.gate import GateRoom
from appliance.bootstrap.metrics.watchdog import WatchdogMetrics
from appliance.domain.people import AccountEvent
from appliance.errors import PartUnavailable
from appliance.services.watchdog import Restart, Watchman
from appliance.storage.accounts import record_event
from appliance.storage.database import Database
from appliance.supervisor.state import ChildStatus, read_state, started_ticks
from inference.gpu_health import GpuHealth
from inference.keeping.states import KeptModel
from inference.roster import Roster
from inference.types import EngineState
from inference.watchdog.looking import PatientLook, gpu_look, read_disk, read_engine
from inference.watchdog.readings import ChildReading, EngineReading, Reading

logger = logging.getLogger(__name__)

_PREFIX = "engine-"
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Kept = Callable[[], Mapping[str, KeptModel]]
"""By the name of their engine on the roster."""
RestartKept = Callable[[str], Awaitable[object]]


def _nothing_kept() -> Mapping[str, KeptModel]:
    return {}


class BoxReader:
    """Takes readings of a running box. kept: the models that the keeper runs."""

    def __init__(
        self,
        box: Box,
        room: GateRoom,
        roster: Roster,
        kept: Kept = _nothing_kept,
        look: PatientLook[GpuHealth] | None = None,
    ) -> None:
        self._box = box
        self._room = room
        self._roster = roster
        self._kept = kept
        self._look = look or gpu_look()
        self._is_contained = any(mark.exists() for mark in _CONTAINER_MARKS)

    async def read(self) -> Reading:
        """Takes as long as the slowest engine or driver does, some seconds at most."""
        children = supervised(self._box.data)
        kept = self._kept()
        asked = asyncio.gather(
            *(self._engine(state, children, kept) for state in self._roster.states() if not state.is_cloud)
        )
        health, engines = await asyncio.gather(self._look(), asked)
        return Reading(
            at_s=time.time(),
            gpus=health,
            engines=tuple(engine for engine in engines if engine is not None),
            children=(
                *(_child(name, status) for name, status in children.items()),
                *(
                    ChildReading(f"{_PREFIX}{name}", one.restarts, one.reason, name)
                    for name, one in kept.items()
                ),
            ),
            disk=read_disk((self._box.models_folder, self._box.data)),
            is_contained=self._is_contained,
        )

    async def _engine(
        self, state: EngineState, children: Mapping[str, ChildStatus], kept: Mapping[str, KeptModel]
    ) -> EngineReading | None:
        engine = self._roster.engine(state.name)
        if engine is None:
            return None
        child, model = children.get(f"{_PREFIX}{state.name}"), kept.get(state.name)
        pid = child.pid if child is not None else model.pid if model is not None else None
        section = self._box.settings.engines.get(state.name, {})
        return await read_engine(
            engine,
            state.engine,
            is_healthy=state.is_healthy,
            is_ours=child is not None or model is not None,
            decoding=self._room.gate.leases.requests.writing.get(state.name, 0),
            pid=pid,
            wants_gpu=int(section.get("gpu_layers", -1)) > 0,
        )


def supervised(data: Path) -> Mapping[str, ChildStatus]:
    """The supervisor's children; none where it is gone, or nobody supervises."""
    state = read_state(data)
    if state is None or started_ticks(state.pid) is None:
        return {}
    return state.children


def _child(name: str, status: ChildStatus) -> ChildReading:
    engine = name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""
    return ChildReading(name, status.restarts, status.last_exit, engine)


def end_child(data: Path, name: str) -> bool:
    """Ask a supervised process to end; its supervisor starts it again. False: there is none, or it is not ours."""
    status = supervised(data).get(name)
    if status is None or status.pid is None or status.started_ticks != started_ticks(status.pid):
        return False
    try:
        os.kill(status.pid, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def epoch_of(data: Path) -> str:
    """This start of the machine and of the supervisor: GPUs may be taken out in between."""
    state = read_state(data)
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return f"{boot} {state.started_at if state is not None else ''}"


def build_watchman(
    box: Box,
    room: GateRoom,
    roster: Roster,
    database: Database,
    *,
    kept: Kept = _nothing_kept,
    restart_kept: RestartKept | None = None,
) -> Watchman:
    """Run it as a task; its metrics are registered. database: as the api role. kept, restart_kept: of the keeper."""
    settings = box.settings.watchdog

    async def restart(engine: str) -> bool:
        model = kept().get(engine)
        if restart_kept is not None and model is not None:
            await restart_kept(model.name)
            return True
        return end_child(box.data, f"{_PREFIX}{engine}")

    async def note(restart: Restart) -> None:
        detail = {"engine": restart.engine, "why": restart.finding.kind, "done": restart.was_done}
        event = AccountEvent("engine.restarted", None, None, detail)
        try:
            async with database.connection() as connection:
                await record_event(connection, event)
        except PartUnavailable as error:
            logger.warning("the restart of %s is in the log only: %s", restart.engine, error)

    watchman = Watchman(
        BoxReader(box, room, roster, kept).read,
        room.valkey.command,
        is_watcher=lambda: room.gate.loads.is_watcher,
        restart=restart,
        on_restart=note,
        most_per_hour=settings.restarts_per_hour,
        every_s=settings.every_s,
        epoch=lambda: epoch_of(box.data),
    )
    room.metrics.register(WatchdogMetrics(lambda: watchman.found))
    return watchman
