"""The supervision itself, with small programs for children."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import StartupError
from appliance.supervisor.backoff import CALM_AFTER_S, FIRST_S, LONGEST_S, Backoff
from appliance.supervisor.child import Child, ChildSpec
from appliance.supervisor.log_sink import LogSink
from appliance.supervisor.remains import end_remains
from appliance.supervisor.state import ChildState, read_state, started_ticks
from appliance.supervisor.supervising import Plan, Supervisor
from appliance.telemetry import LoggingSettings

READY = "import os; os.write(int(os.environ['APPLIANCE_READY_FD']), b'1')"


def _program(name: str, body: str, **more: object) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", body), **more)  # type: ignore[arg-type]


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _running(spec: ChildSpec, lines: list[str]) -> AsyncIterator[Child]:
    child = Child(spec, lambda _, line: lines.append(line), lambda: None)
    task = asyncio.create_task(child.run())
    try:
        yield child
    finally:
        await child.stop(0)
        await task


@given(st.lists(st.floats(0, 2 * CALM_AFTER_S), max_size=30))
def test_pauses_grow_to_a_limit_and_start_again_after_calm(lives: list[float]) -> None:
    """Whatever a child does: never less than the first pause, never more than the longest, short again after calm."""
    backoff = Backoff()
    previous = 0.0
    for lived_s in lives:
        pause = backoff.after(lived_s)
        assert FIRST_S <= pause <= LONGEST_S
        assert pause == FIRST_S if lived_s >= CALM_AFTER_S else pause >= previous
        previous = pause


async def test_a_child_says_itself_when_it_is_ready() -> None:
    """Ready is when the child writes its byte, and its lines arrive under its name."""
    lines: list[str] = []
    body = f"print('hello', flush=True); {READY}; import time; time.sleep(60)"
    async with _running(_program("p", body), lines) as child:
        await asyncio.wait_for(child.wait_ready(), 60)
        await _eventually(lambda: "hello" in lines)

        assert child.status.state is ChildState.READY
    assert child.status.state is ChildState.STOPPED


async def test_what_a_dead_child_had_started_dies_too() -> None:
    """A grandchild in the child's process group does not outlive it and keep its port or files."""
    lines: list[str] = []
    body = (
        "import subprocess, sys, time; g = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"print(g.pid, flush=True); {READY}; time.sleep(600)"
    )
    async with _running(_program("p", body), lines) as child:
        await asyncio.wait_for(child.wait_ready(), 60)
        await _eventually(lambda: bool(lines))
        grandchild = int(lines[0])
        first = child.status.pid
        assert first is not None

        os.kill(first, signal.SIGKILL)

        await _eventually(lambda: started_ticks(grandchild) is None)
        await _eventually(lambda: child.status.state is ChildState.READY and child.status.pid != first)
        assert child.status.restarts == 1


async def test_a_child_that_ignores_its_signal_is_killed() -> None:
    """Politeness has an end: after its time a child is ended by force."""
    body = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}; time.sleep(600)"
    child = Child(_program("p", body, stop_timeout_s=0.2), lambda *_: None, lambda: None)
    task = asyncio.create_task(child.run())
    await asyncio.wait_for(child.wait_ready(), 60)

    await child.stop()
    await asyncio.wait_for(task, 60)

    assert child.status.state is ChildState.STOPPED


async def test_a_needed_child_that_cannot_start_ends_the_start(tmp_path: Path) -> None:
    """Three deaths before it was ever ready: the start fails and shows what the child said."""

    async def nothing() -> None:
        return

    log = LogSink(tmp_path / "logs", LoggingSettings())
    broken = _program("gateway", "import sys; sys.exit('the port is made of cheese')")
    supervisor = Supervisor(
        Plan([], nothing, [broken], []), tmp_path, log, asyncio.Event(), version="1", url=""
    )

    with pytest.raises(StartupError, match="made of cheese"):
        await supervisor.start()
    await supervisor.stop()
    log.close()


async def test_an_optional_child_that_cannot_start_ends_nothing(tmp_path: Path) -> None:
    """The appliance comes up without its page or an engine; the state file says who keeps failing."""

    async def nothing() -> None:
        return

    log = LogSink(tmp_path / "logs", LoggingSettings())
    good = _program("gateway", f"{READY}; import time; time.sleep(600)")
    broken = _program("ui", "raise SystemExit(3)")
    supervisor = Supervisor(
        Plan([], nothing, [good], [broken]), tmp_path, log, asyncio.Event(), version="1", url=""
    )

    await supervisor.start()

    def ui_failed() -> bool:
        state = read_state(tmp_path)
        return state is not None and "status 3" in state.children["ui"].last_exit

    await _eventually(ui_failed)
    await supervisor.stop()
    log.close()


async def test_the_second_signal_does_not_wait(tmp_path: Path) -> None:
    """Hurry ends at once what would have been given a minute."""

    async def nothing() -> None:
        return

    hurry = asyncio.Event()
    log = LogSink(tmp_path / "logs", LoggingSettings())
    body = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}; time.sleep(600)"
    stubborn = _program("gateway", body, stop_timeout_s=3600.0)
    supervisor = Supervisor(Plan([], nothing, [stubborn], []), tmp_path, log, hurry, version="1", url="")
    await supervisor.start()

    stopping = asyncio.create_task(supervisor.stop())
    hurry.set()

    await asyncio.wait_for(stopping, 60)
    log.close()


async def test_a_second_signal_is_passed_on_to_what_drains(tmp_path: Path) -> None:
    """Told once it finishes what it does; told twice it ends in order, and is not killed."""

    async def nothing() -> None:
        return

    body = (
        "import signal, sys; told = []\n"
        "def asked(*_): told.append(1); print('told', len(told), flush=True); len(told) > 1 and sys.exit(3)\n"
        f"signal.signal(signal.SIGTERM, asked); {READY}\n"
        "while True: signal.pause()"
    )
    hurry, log = asyncio.Event(), LogSink(tmp_path / "logs", LoggingSettings())
    draining = _program("gateway", body, drain_s=3600.0)
    supervisor = Supervisor(Plan([], nothing, [draining], []), tmp_path, log, hurry, version="1", url="")
    await supervisor.start()
    child = supervisor._children["gateway"]

    stopping = asyncio.create_task(supervisor.stop())
    await _eventually(lambda: "told 1" in child.last_lines)
    hurry.set()

    await asyncio.wait_for(stopping, 60)
    assert child.last_lines[-1] == "told 2"
    log.close()


async def test_remains_of_a_killed_run_are_ended(tmp_path: Path) -> None:
    """The state file of a run that died names its children by pid and start time; only those are ended."""
    log = LogSink(tmp_path / "logs", LoggingSettings())

    async def nothing() -> None:
        return

    survivor = _program("valkey", f"{READY}; import time; time.sleep(600)")
    supervisor = Supervisor(
        Plan([], nothing, [survivor], []), tmp_path, log, asyncio.Event(), version="1", url=""
    )
    await supervisor.start()
    state = read_state(tmp_path)
    assert state is not None
    pid = state.children["valkey"].pid
    assert pid is not None

    ended = await asyncio.to_thread(end_remains, tmp_path)

    assert ended == ["valkey"]
    assert started_ticks(pid) is None
    await supervisor.stop()
    log.close()
