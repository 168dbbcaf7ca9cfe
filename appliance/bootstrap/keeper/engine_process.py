"""One engine's process: started, known to answer, its last lines kept, ended."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import deque
from collections.abc import Callable

from appliance.bootstrap.keeper.memory import MARK
from appliance.bootstrap.keeper.readiness import FirstAnswer
from appliance.supervisor.child import Child, ChildSpec
from appliance.supervisor.state import ChildState, ChildStatus
from inference.launching.launch import Launch
from inference.launching.vllm import SHUTDOWN_S

_LINES_READ = 400
_OF_THE_CHILD = re.compile(r"; starting again in [\d.]+ s$")  # not said by the engine, but of it
_LINES_SHOWN = 12


class EngineProcess:
    """say: told every line it writes. on_change: after every change of its status. mark: of whose keeper it is."""

    def __init__(
        self,
        name: str,
        kind: str,
        launch: Launch,
        mark: str,
        *,
        say: Callable[[str, str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._say = say
        self.lines: deque[str] = deque(maxlen=_LINES_READ)
        key = launch.environment.get("VLLM_API_KEY", "")
        self._answer = FirstAnswer(launch.socket, name, key, kind)
        is_vllm = bool(key)
        self._child = Child(
            ChildSpec(
                name=f"model-{name}",
                argv=launch.argv,
                probe=self._answer,
                env={**launch.environment, MARK: mark},
                stop_timeout_s=SHUTDOWN_S + 5.0 if is_vllm else 3.0,
                # vLLM ends its own workers, which hold the GPU's memory, only when it is asked to end
                death_signal=signal.SIGTERM if is_vllm else signal.SIGKILL,
            ),
            self._take_line,
            on_change,
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> ChildStatus:
        return self._child.status

    @property
    def is_ready(self) -> bool:
        return self._child.status.state is ChildState.READY

    @property
    def has_died(self) -> bool:
        """It ended, and is about to be started again."""
        return self._child.status.state is ChildState.WAITING

    @property
    def last_lines(self) -> tuple[str, ...]:
        """For people: what it said last."""
        return tuple(self.lines)[-_LINES_SHOWN:]

    @property
    def problem(self) -> str:
        """Why it does not count as ready."""
        return self._answer.problem

    def start(self) -> None:
        """It is kept running until `stop`."""
        self._task = asyncio.create_task(self._child.run())

    async def stop(self, *, now: bool = False) -> None:
        """now: without waiting for what it is doing."""
        await self._child.stop(0.0 if now else None)
        if self._task is not None:
            await asyncio.wait([self._task])

    def _take_line(self, name: str, line: str) -> None:
        if not _OF_THE_CHILD.search(line):
            self.lines.append(line)
        self._say(name, line)
