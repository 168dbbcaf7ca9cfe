"""Text recognition inside the sandbox: a second confined process that may start tesseract and nothing else.

The child that parses stays as sealed as it is without; it writes a picture into its scratch folder and asks over a
socket pair. The other process was forked before, never looks at the picture, and starts one program with fixed
arguments, under limits of its own and under walls that the program inherits: no network, no other files, no children.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from inference import seccomp
from rag.notes import Note
from rag.recognition import GreyImage, RecognisedPage, RecognitionFailed, read_tsv
from rag.sandbox.confinement import SandboxState, confine, die_with_parent, library_folders

_PICTURE, _RESULT = "page.pgm", "page"
_MAX_TSV_BYTES = 16 * 2**20
_DONE, _LATE, _FAILED = b"done", b"late", b"failed"
_LISTING_S = 20.0
ORIENTATION = "osd"
# The dynamic linker starts every program; the kernel wants the right to execute it too.
_LINKERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1")
_SHARED = ("/usr/share/tesseract-ocr", "/usr/share/tessdata", "/usr/local/share/tessdata", "/etc/ld.so.cache")
INSTALL = "An administrator can install it: apt-get install tesseract-ocr tesseract-ocr-spa."


@dataclass(frozen=True, slots=True)
class Tesseract:
    """The program as it was found, and what of it is used; plain values, they travel as JSON.

    languages: those asked for that are installed. missing: those that are not. page_s, total_s: wall-clock limits of
    a page and of all pages of a document. max_pages: of a document.
    """

    program: str
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    can_turn_pages: bool
    dpi: int
    min_confidence: float
    page_s: float
    total_s: float
    max_pages: int
    memory_bytes: int

    def command(self, dpi: int) -> list[str]:
        """Segmentation 1 also finds out how a page was turned on the scanner's glass; 3 cannot."""
        mode = "1" if self.can_turn_pages else "3"
        options = ["-l", "+".join(self.languages), "--psm", mode, "--dpi", str(dpi)]
        return [self.program, _PICTURE, _RESULT, *options, "tsv"]


def find_program(name: str) -> str | None:
    """Its real path; name: a path, or what is looked for on PATH. None where there is none."""
    found = shutil.which(name) if name else None
    return os.path.realpath(found) if found else None


def installed_languages(program: str) -> frozenset[str]:
    """What the program says it knows; empty where it cannot be run."""
    try:
        done = subprocess.run(
            [program, "--list-langs"], capture_output=True, text=True, timeout=_LISTING_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    return frozenset(line.strip() for line in done.stdout.splitlines()[1:])


def start(
    tesseract: Tesseract, state: SandboxState, scratch: Path, on_page: Callable[[], None]
) -> TesseractRecogniser:
    """Fork the second process; to be called before the walls go up. on_page: told before each page is read."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        _serve(tesseract, state, scratch, theirs, parent_pid)
    theirs.close()
    return TesseractRecogniser(tesseract, scratch, ours, pid, on_page)


class TesseractRecogniser:
    """The sealed child's end; a `rag.recognition.Recogniser`."""

    def __init__(
        self,
        tesseract: Tesseract,
        scratch: Path,
        socket_: socket.socket,
        pid: int,
        on_page: Callable[[], None],
    ) -> None:
        self._tesseract = tesseract
        self._scratch = scratch
        self._socket = socket_
        self._pid = pid
        self._on_page = on_page
        self._started_s: float | None = None

    @property
    def dpi(self) -> int:
        return self._tesseract.dpi

    @property
    def max_pages(self) -> int:
        return self._tesseract.max_pages

    @property
    def warning(self) -> str:
        missing = self._tesseract.missing
        return Note("recognition_languages", languages=", ".join(missing)) if missing else ""

    def read(self, image: GreyImage) -> RecognisedPage:
        """Raises RecognitionFailed where the program fails, takes too long, or the document has had its time."""
        now_s = time.monotonic()
        self._started_s = now_s if self._started_s is None else self._started_s
        if now_s - self._started_s > self._tesseract.total_s:
            raise RecognitionFailed(
                f"recognition of one document may take {self._tesseract.total_s:g} seconds in all"
            )
        self._on_page()
        (self._scratch / _PICTURE).write_bytes(image.as_pgm())
        result = self._scratch / f"{_RESULT}.tsv"
        result.unlink(missing_ok=True)
        self._socket.send(str(min(max(image.dpi, 70), 1200)).encode())
        answer = self._socket.recv(16)
        if answer == _LATE:
            raise RecognitionFailed(f"recognition of a page may take {self._tesseract.page_s:g} seconds")
        if answer != _DONE or not result.is_file() or result.stat().st_size > _MAX_TSV_BYTES:
            raise RecognitionFailed("the recognition program failed")
        tsv = result.read_text(encoding="utf-8", errors="replace")
        return read_tsv(tsv, image, self._tesseract.min_confidence)

    def close(self) -> None:
        """Let the second process end, and wait for it."""
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _serve(
    tesseract: Tesseract, state: SandboxState, scratch: Path, requests: socket.socket, parent_pid: int
) -> NoReturn:
    """Everything the second process does, from fork to exit."""
    try:
        die_with_parent(parent_pid)
        _keep_only(requests.fileno())
        os.chdir(scratch)
        readable = (*library_folders(), *_data_folders(tesseract.program))
        executable = (Path(tesseract.program), *(Path(linker).resolve() for linker in _LINKERS))
        confine(state, readable, (scratch,), executable, seccomp.Rights.START)
        while request := requests.recv(16):
            requests.send(_recognise(tesseract, state, int(request)))
    finally:
        os._exit(0)


def _keep_only(kept: int) -> None:
    """Whoever waits for the end of the result's pipe must not wait for this process too."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        number = int(entry.name)
        if number > 2 and number != kept:
            with contextlib.suppress(OSError):  # the listing's own is gone by now
                os.close(number)


def _data_folders(program: str) -> Sequence[Path]:
    """Trained data and libraries, also of a program that was not installed by the system."""
    prefix = Path(program).parent.parent
    own = () if prefix == Path("/") else (prefix / "lib", prefix / "share" / "tessdata")
    return [*own, *map(Path, _SHARED)]


def _recognise(tesseract: Tesseract, state: SandboxState, dpi: int) -> bytes:
    """Run the program once; its limits are set between fork and exec, where nobody else's are touched."""
    parent_pid = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent(parent_pid)
            seconds = math.ceil(tesseract.page_s)
            _, most_s = resource.getrlimit(resource.RLIMIT_CPU)  # the reader's own; it can only be lowered
            last_s = seconds + 1 if most_s == resource.RLIM_INFINITY else min(seconds + 1, most_s)
            resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, last_s), last_s))
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            memory = (
                tesseract.memory_bytes
                if most == resource.RLIM_INFINITY
                else min(tesseract.memory_bytes, most)
            )
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, tesseract.page_s)  # survives the exec
            if state.seccomp:
                seccomp.install(os.getpid(), seccomp.Rights.EXECUTE)
            # One thread: the documents beside this one and the chat have the other processors.
            environment = {"OMP_THREAD_LIMIT": "1", "LC_ALL": "C"}
            os.execve(tesseract.program, tesseract.command(dpi), environment)  # noqa: S606 – that is the point
        finally:
            os._exit(127)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL):
        return _LATE
    return _DONE if status == 0 else _FAILED
