"""The forkserver: imports the parsers once, then forks a child for each document and reports how it ended.

Single-threaded, reads no document itself, and ends with its caller: the control socket is its only tie. Started as
`python -I -c …` by `rag.sandbox.client` with one JSON argument.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import UnsupportedFormat
from rag.limits import ParsingLimits
from rag.rendering.order import PageOrder
from rag.sandbox.child import Order, Reader, run
from rag.sandbox.confinement import Allowance, probe
from rag.sandbox.task import Task
from rag.sandbox.tesseract import Tesseract

MESSAGE_BYTES = 64 * 1024
_PR_SET_CHILD_SUBREAPER = 36


class ForkServer:
    """One per sandbox. Messages are JSON, one a packet."""

    def __init__(self, control: socket.socket, reader: Reader, scratch: Path) -> None:
        self._control = control
        self._reader = reader
        self._scratch = scratch
        self._children: dict[int, tuple[int, Path]] = {}  # pid → order id, its scratch folder

    def serve(self) -> None:
        """Until the caller closes its end of the control socket."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if woken in ready:
                    os.read(woken, 4096)
                    self._reap()
                if self._control.fileno() in ready and not self._receive():
                    break
        self._kill_all()

    def _receive(self) -> bool:
        descriptors = array.array("i")
        try:
            data, ancillary, _, _ = self._control.recvmsg(
                MESSAGE_BYTES, socket.CMSG_LEN(descriptors.itemsize)
            )
        except OSError:
            return False
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        if not data:
            return False
        message = json.loads(data)
        if message["op"] == "parse":
            self._fork(message, descriptors[0])
        else:
            self._kill(message["id"])
        return True

    def _fork(self, message: dict[str, Any], result_fd: int) -> None:
        own_pid = os.getpid()
        scratch = Path(tempfile.mkdtemp(dir=self._scratch))
        page = PageOrder.of_json(message["page"]) if message["page"] else None
        task = Task.of_json(message["task"]) if message["task"] else None
        order = Order(Path(message["path"]), message["media_type"], scratch, page, task)
        try:
            pid = os.fork()
        except OSError as error:
            self._send(
                {"op": "done", "id": message["id"], "status": None, "reason": str(error), "maxrss_kib": 0}
            )
            shutil.rmtree(scratch, ignore_errors=True)
            return
        if pid == 0:
            run(self._reader, order, result_fd, own_pid)
        os.close(result_fd)
        self._children[pid] = (message["id"], scratch)

    def _kill(self, order_id: int) -> None:
        for pid, (running, _) in self._children.items():
            if running == order_id:
                _kill_group(pid)

    def _kill_all(self) -> None:
        for pid in self._children:
            _kill_group(pid)
        while self._children:
            self._reap(0)

    def _reap(self, options: int = os.WNOHANG) -> None:
        while self._children:
            try:
                pid, status, usage = os.wait4(-1, options)
            except ChildProcessError:
                self._children.clear()
                return
            if pid == 0:
                return
            order_id, scratch = self._children.pop(pid, (-1, None))
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
                self._send({"op": "done", "id": order_id, "status": status, "maxrss_kib": usage.ru_maxrss})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:
            return  # the caller is gone; the closed socket ends the loop


def _kill_group(pid: int) -> None:
    """The child is not reaped yet, so the number is still its own; it may not have made its group yet."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _tesseract(told: dict[str, Any] | None) -> Tesseract | None:
    if told is None:
        return None
    return Tesseract(**{**told, "languages": tuple(told["languages"]), "missing": tuple(told["missing"])})


def _adopt_orphans() -> None:
    """What a killed child leaves behind comes to us to be reaped, not to a first process that may not care."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main(arguments: str) -> None:
    """Preload, probe the walls, say hello, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the caller closes us
    options = json.loads(arguments)
    control = socket.socket(fileno=options["control_fd"])
    reader = Reader(
        options["parsers"],
        ParsingLimits(**options["limits"]),
        Allowance(**options["allowance"]),
        options["max_output_bytes"],
        probe(),
        _tesseract(options["tesseract"]),
        gives_way=options["gives_way"],
    )
    _adopt_orphans()
    for late in ("charset_normalizer", "ftfy.badness"):  # rag.decoding imports them at its first guess only
        importlib.import_module(late)
    missing = []
    for media_type in reader.parsers:
        try:
            reader.load(media_type)
        except UnsupportedFormat as error:
            missing.append((media_type, error.detail))
    state = replace(reader.state, missing=tuple(missing))
    gc.collect()
    gc.freeze()  # the children share these pages as long as nobody touches them
    control.send(
        json.dumps(
            {
                "op": "ready",
                "no_new_privs": state.no_new_privs,
                "seccomp": state.seccomp,
                "landlock_abi": state.landlock_abi,
                "missing": missing,
            }
        ).encode()
    )
    ForkServer(control, reader, Path(options["scratch"])).serve()
    os._exit(0)  # nothing is left to be done, and libraries that complain as they are unloaded are not asked
