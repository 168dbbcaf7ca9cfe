"""The order of things: which children start after which, what happens when one cannot start, and the way down.

Knows names and groups, not what the programs do; `appliance.bootstrap.children` says what to run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StartupError
from appliance.supervisor.child import Child, ChildSpec
from appliance.supervisor.log_sink import LogSink
from appliance.supervisor.state import SupervisorState, write_state
from appliance.telemetry import now

DEATHS_BEFORE_GIVING_UP = 3
SERVERS_TIMEOUT_S = 240.0
SERVICE_TIMEOUT_S = 240.0  # four seconds on an idle machine; on a busy one a wait is better than a refusal
HURRIED_S = 2.0


@dataclass(frozen=True)
class Plan:
    """Everything one box runs.

    servers: PostgreSQL and Valkey; started first.
    prepare: what must be done between them and the rest (migrations, the first administrator).
    required: without them `/v1` does not answer. others: start beside them, and may fail without ending the start.
    last: like others, but not before the required ones are ready, whose start they would slow down.
    """

    servers: Sequence[ChildSpec]
    prepare: Callable[[], Awaitable[None]]
    required: Sequence[ChildSpec]
    others: Sequence[ChildSpec] = ()
    last: Sequence[ChildSpec] = ()


class Supervisor:
    """Runs a Plan. data: where the state file lies; url: what people use.

    hurry: once set, nothing is waited for but an orderly end, HURRIED_S a phase.
    """

    def __init__(
        self, plan: Plan, data: Path, log: LogSink, hurry: asyncio.Event, *, version: str, url: str
    ) -> None:
        self._plan = plan
        self._data = data
        self._log = log
        self._version = version
        self._url = url
        self._began = now()
        self._children: dict[str, Child] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurry = hurry

    async def start(self) -> None:
        """Return when `/v1` answers. Raises StartupError when a needed part cannot start; call `stop` all the same."""
        await self._until_ready(self._begin(self._plan.servers), SERVERS_TIMEOUT_S)
        await self._plan.prepare()
        required = self._begin(self._plan.required)
        self._begin(self._plan.others)
        await self._until_ready(required, SERVICE_TIMEOUT_S)
        self._begin(self._plan.last)

    async def stop(self) -> None:
        """Phase by phase: the gateway first, so that it can finish what it is sending; the database last."""
        for phase in sorted({child.spec.stop_phase for child in self._children.values()}):
            await self._end([child for child in self._children.values() if child.spec.stop_phase == phase])
        self._publish()

    def _begin(self, specs: Sequence[ChildSpec]) -> list[Child]:
        begun = []
        for spec in specs:
            child = Child(spec, self._log.child_line, self._publish)
            self._children[spec.name] = child
            self._tasks[spec.name] = asyncio.create_task(child.run())
            begun.append(child)
        return begun

    async def _until_ready(self, children: list[Child], timeout_s: float) -> None:
        waiting = [asyncio.create_task(self._ready_or_failed(child)) for child in children]
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*waiting)
        except TimeoutError as error:
            late = ", ".join(child.spec.name for child in children if child.status.state != "ready")
            raise StartupError(
                f"{late} did not become ready within {timeout_s:.0f} s. Its lines are in {self._log.path}."
            ) from error
        finally:
            for task in waiting:
                task.cancel()

    async def _ready_or_failed(self, child: Child) -> None:
        ready = asyncio.create_task(child.wait_ready())
        try:
            while not ready.done():
                await asyncio.wait([ready], timeout=0.1)
                if child.failures >= DEATHS_BEFORE_GIVING_UP:
                    said = "\n  ".join(child.last_lines[-6:])
                    raise StartupError(
                        f"{child.spec.name} ended {child.failures} times before it was ready. "
                        f"Its last lines (all are in {self._log.path}):\n  {said}"
                    )
        finally:
            ready.cancel()

    async def _end(self, children: Sequence[Child]) -> None:
        stopping = asyncio.create_task(self._stop_all(children))
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not stopping.done():
            for child in children:
                child.hurry()
            await asyncio.wait({stopping}, timeout=HURRIED_S)
            await self._stop_all(children, 0)
            await stopping
        await asyncio.gather(*(self._tasks[child.spec.name] for child in children), return_exceptions=True)

    @staticmethod
    async def _stop_all(children: Sequence[Child], timeout_s: float | None = None) -> None:
        await asyncio.gather(*(child.stop(timeout_s) for child in children))

    def _publish(self) -> None:
        state = SupervisorState(
            pid=os.getpid(),
            version=self._version,
            url=self._url,
            started_at=self._began,
            children={name: child.status for name, child in self._children.items()},
        )
        with contextlib.suppress(OSError):  # a full disk must not stop the supervision
            write_state(self._data, state)
