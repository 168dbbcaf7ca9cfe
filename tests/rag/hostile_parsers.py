"""Parsers that do what a parser taken over by its document would do; for the tests of the sandbox."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rag.documents import Page, ParsedDocument
from rag.limits import ParsingLimits
from rag.sandbox import wire


class Hostile:
    """The file's first line names the deed; what came of it is the text."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        deed, _, argument = path.read_text().strip().partition(" ")
        deeds: dict[str, Callable[[str], str]] = {
            "read": _read,
            "write": _write,
            "scratch": _scratch,
            "socket": _socket,
            "unix": _unix,
            "fork": _fork,
            "execute": _execute,
            "kill": _kill,
            "hang": _hang,
            "spin": _spin,
            "hog": _hog,
            "crash": _crash,
            "raise": _raise,
            "flood": _flood,
            "environment": lambda _: " ".join(f"{name}={value}" for name, value in os.environ.items()),
            "descriptors": _open_descriptors,
            "borrow": _borrow,
            "quit": lambda _: os._exit(7),
        }
        return ParsedDocument("text/plain", (Page(None, deeds[deed](argument)),))


def _attempt(deed: Callable[[], object]) -> str:
    try:
        return f"done: {deed()}"
    except OSError as error:
        return f"refused: {error.strerror}"


def _read(path: str) -> str:
    return _attempt(lambda: Path(path).read_bytes()[:20])


def _write(path: str) -> str:
    return _attempt(lambda: Path(path).write_text("taken over"))


def _scratch(_: str) -> str:
    def write() -> str:
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        return file.name

    return _attempt(write)


def _socket(family: str) -> str:
    return _attempt(lambda: socket.socket(getattr(socket, family)).close())


def _unix(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        return _attempt(lambda: client.connect(path))


def _fork(_: str) -> str:
    def fork() -> int:
        child = os.fork()
        if child == 0:
            os._exit(0)
        return child

    return _attempt(fork)


def _execute(program: str) -> str:
    return _attempt(lambda: os.execv(program, [program]))


def _kill(pid: str) -> str:
    return _attempt(lambda: os.kill(int(pid), signal.SIGTERM))


def _hang(_: str) -> str:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def _borrow(seconds: str) -> str:
    """Ask for time again and again, as if pages were recognised."""
    end_s = time.monotonic() + float(seconds)
    while time.monotonic() < end_s:
        os.write(3, wire.frame(wire.MORE_TIME, None))
        time.sleep(0.05)
    return "paid back"


def _spin(_: str) -> str:
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    while True:
        pass


def _hog(_: str) -> str:
    blocks = []
    while True:
        blocks.append(bytearray(16 * 2**20))


def _crash(_: str) -> str:
    return str(ctypes.string_at(8))


def _raise(_: str) -> str:
    raise RuntimeError("secret path /etc/hidden")


def _flood(size: str) -> str:
    return "x" * int(size)


def _open_descriptors(_: str) -> str:
    found = []
    for number in range(3, 64):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return " ".join(map(str, found))
