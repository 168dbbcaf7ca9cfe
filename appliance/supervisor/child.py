"""One program that is kept running: started, watched, started again, stopped with all it started itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO

from appliance.supervisor.backoff import Backoff
from appliance.supervisor.parting import ends_with_us
from appliance.supervisor.readiness import READY_FD, Probe
from appliance.supervisor.state import ChildState, ChildStatus, started_ticks
from appliance.supervisor.unprivileged import Account
from appliance.telemetry import now

_PROBE_EVERY_S = 0.03
_LONGEST_LINE_BYTES = 64 * 1024
_LINES_REMEMBERED = 12


@dataclass(frozen=True)
class ChildSpec:
    """What to run.

    probe: None where it says so itself (readiness.announce_ready). account: the user it runs as, when not ours.
    death_signal: what the kernel sends it when the supervisor dies without a word.
    stop_phase: on the way down, lower phases are gone before the next begins; equal ones stop side by side.
    drain_s: what it may take beyond stop_timeout_s to finish what it is doing; a second stop signal tells it to hurry.
    """

    name: str
    argv: tuple[str, ...]
    probe: Probe | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 2.0
    stop_phase: int = 0
    drain_s: float = 0.0
    death_signal: signal.Signals = signal.SIGKILL


class Child:
    """A ChildSpec at work. log: (name, line). on_change: called after every change of status."""

    def __init__(
        self, spec: ChildSpec, log: Callable[[str, str], None], on_change: Callable[[], None]
    ) -> None:
        self.spec = spec
        self.failures = 0  # deaths before it was ready for the first time
        self.last_lines: list[str] = []
        self._log = log
        self._on_change = on_change
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._was_ready = False
        self._restarts = 0
        self._status = ChildStatus(ChildState.STARTING, None, None, 0, now())

    @property
    def status(self) -> ChildStatus:
        return self._status

    async def run(self) -> None:
        """Keep it running until `stop`."""
        backoff = Backoff()
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            why = await self._run_once()
            self._ready.clear()
            if self._stopping.is_set():
                break
            if not self._was_ready:
                self.failures += 1
            pause_s = backoff.after(loop.time() - began)
            self._restarts += 1
            self._become(ChildState.WAITING, last_exit=why)
            self._log(self.spec.name, f"warning: {why}; starting again in {pause_s:.1f} s")
            try:
                await asyncio.wait_for(self._stopping.wait(), pause_s)
            except TimeoutError:
                continue
        self._become(ChildState.STOPPED)

    async def wait_ready(self) -> None:
        """Return once it can be used."""
        await self._ready.wait()

    async def stop(self, timeout_s: float | None = None) -> None:
        """Ask it to end, wait, then end it and all it started. timeout_s 0: at once."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        patience_s = self.spec.stop_timeout_s + self.spec.drain_s if timeout_s is None else timeout_s
        if patience_s > 0:
            _signal(process.pid, self.spec.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), patience_s)
        if self._process is process:
            _signal_group(process.pid, signal.SIGKILL)

    def hurry(self) -> None:
        """What it was doing need not be finished."""
        if self._process is not None and self.spec.drain_s > 0:
            _signal(self._process.pid, self.spec.stop_signal)

    async def _run_once(self) -> str:
        ready_read, ready_write = os.pipe() if self.spec.probe is None else (-1, -1)
        try:
            process = self._spawn(ready_write)
        except OSError as error:
            _close(ready_read)
            return f"could not be started: {error}"
        finally:
            _close(ready_write)
        self._process = process
        self._ended.clear()
        self._become(ChildState.STARTING)
        assert process.stdout is not None
        reading = asyncio.create_task(self._pump(process.stdout))
        watching = asyncio.create_task(self._watch_ready(ready_read))
        try:
            await _exited(process)
        finally:
            code = process.poll()
            watching.cancel()
            _signal_group(process.pid, signal.SIGKILL)  # what it had started itself
            self._process = None
            self._ended.set()
            await asyncio.wait([reading], timeout=0.5)
            reading.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)
        return _explain(code)

    def _spawn(self, ready_write: int) -> subprocess.Popen[bytes]:
        spec = self.spec
        environment = {**os.environ, **spec.env}
        descriptors = spec.pass_fds
        if ready_write >= 0:
            environment[READY_FD] = str(ready_write)
            descriptors = (*descriptors, ready_write)
        return subprocess.Popen(
            spec.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=descriptors,
            process_group=0,
            user=spec.account.uid if spec.account else None,
            group=spec.account.gid if spec.account else None,
            extra_groups=[] if spec.account else None,
            preexec_fn=ends_with_us(spec.death_signal, is_other_user=spec.account is not None),
        )

    async def _watch_ready(self, ready_read: int) -> None:
        if self.spec.probe is None:
            try:
                if not await _first_byte(ready_read):
                    return
            finally:
                _close(ready_read)
        else:
            while not await asyncio.to_thread(self.spec.probe):  # noqa: ASYNC110 - another program's state
                await asyncio.sleep(_PROBE_EVERY_S)
        self._was_ready = True
        self._become(ChildState.READY)
        self._ready.set()

    async def _pump(self, pipe: IO[bytes]) -> None:
        reader = asyncio.StreamReader(limit=_LONGEST_LINE_BYTES)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        rest = b""
        try:
            while data := await reader.read(_LONGEST_LINE_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take_line(line)
                if len(rest) > _LONGEST_LINE_BYTES:
                    self._take_line(rest)
                    rest = b""
            self._take_line(rest)
        finally:
            transport.close()

    def _take_line(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            self.last_lines = [*self.last_lines[1 - _LINES_REMEMBERED :], text]
            self._log(self.spec.name, text)

    def _become(self, state: ChildState, last_exit: str | None = None) -> None:
        pid = self._process.pid if self._process is not None else None
        self._status = ChildStatus(
            state=state,
            pid=pid,
            started_ticks=started_ticks(pid) if pid is not None else None,
            restarts=self._restarts,
            since=now(),
            last_exit=self._status.last_exit if last_exit is None else last_exit,
        )
        self._on_change()


async def _exited(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a process without a thread for each."""
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(process.pid)
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _settle, ended)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _first_byte(descriptor: int) -> bytes:
    """The byte that means "ready"; empty when the other end was closed without it."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _settle, arrived)
    try:
        await arrived
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _explain(code: int | None) -> str:
    if code is None:
        return "is being stopped"
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)
