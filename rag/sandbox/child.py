"""What the child of one document does: give up its rights, find out what the file is, parse or draw, answer, end."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from inference.giving_way import give_way_session
from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentRefused, DocumentTooLarge, UnsupportedFormat
from rag.limits import ParsingLimits
from rag.media_types import detect
from rag.notes import Note
from rag.rendering.order import PageOrder
from rag.sandbox import wire
from rag.sandbox.confinement import (
    Allowance,
    SandboxState,
    be_first_to_go,
    confine,
    die_with_parent,
    font_folders,
    library_folders,
    limit_resources,
    own_limits,
)
from rag.sandbox.task import Task, Worker
from rag.sandbox.tesseract import Tesseract, TesseractRecogniser, start

_RESULT_FD = 3
_PROGRESS_EVERY_S = 0.1
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class Order:
    """One document to read, or one page of it to be drawn; or a task, and then no document."""

    path: Path
    media_type: str | None
    scratch: Path
    page: PageOrder | None = None
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """What all children of one forkserver share. parsers: media type → "module:Class". tesseract: None without it.

    libraries: folders that every child may read; looked for once, since that costs as much as reading a small file.
    gives_way: nobody waits for what its children do.
    """

    parsers: Mapping[str, str]
    limits: ParsingLimits
    allowance: Allowance
    max_output_bytes: int
    state: SandboxState
    tesseract: Tesseract | None = None
    libraries: tuple[Path, ...] = field(default_factory=library_folders)
    gives_way: bool = True

    def load(self, media_type: str) -> Callable[..., Any]:
        """The parser class of a row; it is constructed with the limits and, as it asks, `progress` and `recogniser`."""
        try:
            module, _, name = self.parsers[media_type].partition(":")
            found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        except KeyError as error:
            raise UnsupportedFormat(f"No parser for {media_type}.") from error
        except ImportError as error:
            raise UnsupportedFormat(f"The parser for {media_type} is not installed ({error}).") from error
        return found


def run(reader: Reader, order: Order, result_fd: int, parent_pid: int) -> NoReturn:
    """Everything that happens between fork and exit; nothing of the forkserver's may be touched afterwards."""
    status = 1
    try:
        _detach(result_fd, parent_pid, gives_way=reader.gives_way)
        _write(_answer(reader, order))
        status = 0
    finally:
        os._exit(status)


def _detach(result_fd: int, parent_pid: int, *, gives_way: bool) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent_pid)
    os.setsid()
    if gives_way:
        give_way_session()  # a session of its own would else have as much of the processor as all our others together
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(result_fd, _RESULT_FD)
    for entry in list(
        Path("/proc/self/fd").iterdir()
    ):  # closerange would try a million numbers on older systems
        if int(entry.name) > _RESULT_FD:
            with contextlib.suppress(OSError):  # the listing's own is gone by now
                os.close(int(entry.name))


def _answer(reader: Reader, order: Order) -> bytes:
    try:
        tempfile.tempdir = str(order.scratch)
        be_first_to_go()
        limit_resources(reader.allowance)
        recogniser = _recogniser(reader, order)
        fonts = font_folders() if order.page is not None else ()
        files = (order.path,) if order.task is None else (*order.task.files, *own_limits())
        confine(reader.state, (*reader.libraries, *fonts, *files), (order.scratch, Path(os.devnull)))
        if order.task is not None:
            answer = _worked(reader, order.task, order.scratch)
        elif order.page is None:
            answer = wire.encode_document(_parse(reader, order, recogniser))
        else:
            answer = _drawn(reader, order)
        if recogniser is not None:
            recogniser.close()
    except DocumentRefused as refusal:
        return wire.encode_refusal(refusal)
    except MemoryError:
        return wire.encode_refusal(DocumentTooLarge(Note("reading_memory")))
    except Exception as error:
        # Parsers meet files their authors never imagined; whatever they raise, the file is what is broken.
        return wire.encode_refusal(DocumentDamaged(Note("parser_stopped", cause=type(error).__name__)))
    if len(answer) > reader.max_output_bytes:
        return wire.encode_refusal(DocumentTooLarge(Note("reading_too_large", most=reader.max_output_bytes)))
    return answer


def _drawn(reader: Reader, order: Order) -> bytes:
    renderer = reader.load(detect(order.path, reader.limits, order.media_type))(reader.limits)
    picture: bytes = renderer.render(order.path, order.page)
    return wire.HEADER.pack(wire.RESULT, len(picture)) + picture


def _worked(reader: Reader, task: Task, scratch: Path) -> bytes:
    worker: Worker = reader.load(task.name)(reader.limits)
    answer = worker.work(task.order, scratch)
    return wire.HEADER.pack(wire.RESULT, len(answer)) + answer


def _recogniser(reader: Reader, order: Order) -> TesseractRecogniser | None:
    """Only for what may be a picture, since it takes a fork; by the first bytes alone, the walls are not up yet."""
    if reader.tesseract is None or order.page is not None or order.task is not None:
        return None
    with order.path.open("rb") as file:
        head = file.read(1024)
    if b"%PDF-" not in head and not head.startswith(_PICTURES) and head[8:12] != b"WEBP":
        return None
    tesseract, wall_s = reader.tesseract, reader.allowance.wall_s

    def ask_for_time() -> None:
        signal.setitimer(signal.ITIMER_REAL, wall_s + tesseract.page_s)
        _write(wire.frame(wire.MORE_TIME, None))

    return start(tesseract, reader.state, order.scratch, ask_for_time)


def _parse(reader: Reader, order: Order, recogniser: TesseractRecogniser | None) -> ParsedDocument:
    media_type = detect(order.path, reader.limits, order.media_type)
    parser_class = reader.load(media_type)
    wanted = inspect.signature(parser_class).parameters
    offered = {"progress": _progress_writer(), "recogniser": recogniser}
    parser = parser_class(reader.limits, **{name: offered[name] for name in offered if name in wanted})
    document: ParsedDocument = parser.parse(order.path)
    return document


def _progress_writer() -> Callable[[int, int], None]:
    last_s = time.monotonic()

    def write(done: int, total: int) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _PROGRESS_EVERY_S:
            last_s = now_s
            _write(wire.frame(wire.PROGRESS, [done, total]))

    return write


def _write(content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(_RESULT_FD, view) :]
