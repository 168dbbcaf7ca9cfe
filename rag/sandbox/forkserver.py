"""Starts a forkserver and speaks with it; see `rag.sandbox.server` for the other end."""

from __future__ import annotations

import array
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.rendering.order import PageOrder
from rag.sandbox.confinement import Allowance, SandboxState
from rag.sandbox.task import Task
from rag.sandbox.tesseract import INSTALL, ORIENTATION, Tesseract, find_program, installed_languages
from rag.settings import ParsingSettings

_START_S = 30.0
_CLOSE_S = 3.0
_WALL_GRACE_S = 5.0
_MESSAGE_BYTES = 64 * 1024
_BOOT = (
    "import json, sys; options = json.loads(sys.argv[1]); sys.path[:] = options['sys_path'];"
    "from rag.sandbox.server import main; main(sys.argv[1])"
)


class ForkServerLost(Exception):
    """The forkserver ended while a document was being read."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended. peak_bytes: its largest resident memory."""

    signal: int | None
    exit_code: int | None
    peak_bytes: int

    @property
    def described(self) -> str:
        if self.signal is not None:
            return signal.Signals(self.signal).name
        return f"exit code {self.exit_code}" if self.exit_code is not None else "it could not be started"


class ForkServerHandle:
    """A running forkserver."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, state: SandboxState) -> None:
        self.state = state
        self.pid = process.pid
        self.is_lost = False
        self._process = process
        self._control = control
        self._endings: dict[int, asyncio.Future[Ending]] = {}
        self._next_id = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(control.fileno(), self._receive)

    def order(
        self,
        path: Path,
        media_type: str | None,
        result_fd: int,
        page: PageOrder | None = None,
        task: Task | None = None,
    ) -> tuple[int, asyncio.Future[Ending]]:
        """Have a document read, a page of it drawn, or a task done; the result goes to result_fd, which is copied."""
        self._next_id += 1
        order_id = self._next_id
        message = {
            "op": "parse",
            "id": order_id,
            "path": os.fspath(path.absolute()),
            "media_type": media_type,
            "page": None if page is None else page.as_json(),
            "task": None if task is None else task.as_json(),
        }
        ending: asyncio.Future[Ending] = self._loop.create_future()
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [result_fd]))
            self._control.sendmsg([json.dumps(message).encode()], [rights])
        except OSError as error:
            self._lose()
            raise ForkServerLost from error
        self._endings[order_id] = ending
        return order_id, ending

    def kill(self, order_id: int) -> None:
        """Kill the child of an order; its ending is reported as any other."""
        try:
            self._control.send(json.dumps({"op": "kill", "id": order_id}).encode())
        except OSError:
            self._lose()

    async def close(self) -> None:
        """Let go of the server; it kills its children and ends. One that does not is killed."""
        self._lose()
        try:
            await asyncio.to_thread(self._process.wait, _CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _receive(self) -> None:
        try:
            data = self._control.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        message = json.loads(data)
        ending = self._endings.pop(message["id"], None)
        if ending is not None and not ending.done():
            ending.set_result(_ending(message))

    def _lose(self) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        for ending in self._endings.values():
            if not ending.done():
                ending.set_exception(ForkServerLost())
                ending.exception()  # whoever waits still gets it; nobody waiting is no mistake
        self._endings.clear()


def _ending(message: dict[str, Any]) -> Ending:
    status, peak_bytes = message["status"], message["maxrss_kib"] * 1024
    if status is None:
        return Ending(None, None, peak_bytes)
    if os.WIFSIGNALED(status):
        return Ending(os.WTERMSIG(status), None, peak_bytes)
    return Ending(None, os.WEXITSTATUS(status), peak_bytes)


async def start_forkserver(
    settings: ParsingSettings, parsers: Mapping[str, str], scratch: Path, *, gives_way: bool = True
) -> ForkServerHandle:
    """Start one and wait for its hello. ForkServerLost where it ends at once or stays silent.

    gives_way: its children leave the processor to whatever else wants it.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        tesseract, complaint = await asyncio.to_thread(_find_tesseract, settings)
        process = await asyncio.to_thread(_spawn, settings, parsers, scratch, theirs, tesseract, gives_way)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    try:
        async with asyncio.timeout(_START_S):
            hello = await asyncio.get_running_loop().sock_recv(ours, _MESSAGE_BYTES)
        if not hello:
            raise ForkServerLost("The reading process ended while it started; its log says why.")
    except BaseException:
        ours.close()
        process.kill()
        await asyncio.to_thread(process.wait)
        raise
    message = json.loads(hello)
    state = SandboxState(
        message["no_new_privs"],
        message["seccomp"],
        message["landlock_abi"],
        tuple((media_type, reason) for media_type, reason in message["missing"]),
        complaint,
    )
    return ForkServerHandle(process, ours, state)


def _find_tesseract(settings: ParsingSettings) -> tuple[Tesseract | None, str]:
    """The program with what may be used of it, and what the operator should know about that."""
    if not settings.ocr_program:
        return None, ""
    program = find_program(settings.ocr_program)
    if program is None:
        return None, f"Scans cannot be read: {settings.ocr_program} is not installed. {INSTALL}"
    installed = installed_languages(program)
    languages = tuple(language for language in settings.ocr_languages if language in installed)
    missing = tuple(language for language in settings.ocr_languages if language not in installed)
    if not languages:
        return (
            None,
            f"Scans cannot be read: {program} has none of the languages {', '.join(missing)}. {INSTALL}",
        )
    complaint = f"Scans are read without these languages: {', '.join(missing)}. {INSTALL}" if missing else ""
    found = Tesseract(
        program,
        languages,
        missing,
        ORIENTATION in installed,
        settings.ocr_dpi,
        settings.ocr_min_confidence,
        settings.ocr_page_timeout_s,
        settings.ocr_timeout_s,
        settings.ocr_max_pages,
        settings.memory_bytes,
    )
    return found, complaint


def _spawn(
    settings: ParsingSettings,
    parsers: Mapping[str, str],
    scratch: Path,
    control: socket.socket,
    tesseract: Tesseract | None,
    gives_way: bool,
) -> subprocess.Popen[bytes]:
    options = {
        "control_fd": control.fileno(),
        "sys_path": sys.path,
        "scratch": os.fspath(scratch),
        "parsers": dict(parsers),
        "limits": asdict(settings.limits()),
        "allowance": asdict(
            Allowance(settings.memory_bytes, settings.cpu_s, settings.timeout_s + _WALL_GRACE_S)
        ),
        "max_output_bytes": settings.max_output_bytes,
        "tesseract": asdict(tesseract) if tesseract else None,
        "gives_way": gives_way,
    }
    # Nothing of our environment goes along: it may hold secrets. One arena keeps the mapped memory small.
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
    return subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-c", _BOOT, json.dumps(options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
        pass_fds=[control.fileno()],
        start_new_session=True,
    )
