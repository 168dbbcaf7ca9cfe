"""The caller's side: hands documents to the forkserver and lives on, whatever becomes of them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentRefused, DocumentTooLarge, ParsingTimedOut
from rag.notes import Note
from rag.rendering.order import PageOrder
from rag.sandbox import wire
from rag.sandbox.confinement import SandboxState
from rag.sandbox.forkserver import Ending, ForkServerHandle, ForkServerLost, start_forkserver
from rag.sandbox.task import Task
from rag.settings import ParsingSettings

_PIPE_BYTES = 2**20
_KILL_WAIT_S = 5.0
_PNG = b"\x89PNG\r\n\x1a\n"
_NEARLY = 0.8
_TIME_SIGNALS = frozenset({signal.SIGXCPU, signal.SIGALRM})

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came through the result pipe before it closed; None where the child said nothing."""

    kind: bytes | None
    body: bytes = b""


class ParsingSandbox:
    """Reads documents in confined children; safe to call from many tasks at once.

    parsers: media type → "module:Class", as in `rag.parsers.PARSERS`; or `rag.rendering.RENDERERS`, for `render` alone.
    gives_way: whether its children leave the processor to others; False where somebody waits for a few milliseconds.
    """

    def __init__(
        self, settings: ParsingSettings, parsers: Mapping[str, str], *, gives_way: bool = True
    ) -> None:
        self._gives_way = gives_way
        self._settings = settings
        self._parsers = dict(parsers)
        self._slots = asyncio.Semaphore(settings.concurrent)
        self._starting = asyncio.Lock()
        self._server: ForkServerHandle | None = None
        self._scratch: Path | None = None

    @property
    def state(self) -> SandboxState | None:
        """What this machine's kernel grants; None before the first start."""
        return self._server.state if self._server else None

    @property
    def server_pid(self) -> int | None:
        """The forkserver's process id; None before the first start."""
        return self._server.pid if self._server else None

    async def start(self) -> SandboxState:
        """Start the forkserver, unless it runs; a document would do it too, a second later."""
        return (await self._running()).state

    async def close(self) -> None:
        """End the forkserver and every child of it. The sandbox can be started again."""
        server, self._server = self._server, None
        if server is not None:
            await server.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    async def parse(
        self, path: Path, media_type: str | None = None, on_progress: Progress | None = None
    ) -> ParsedDocument:
        """Read one document; cancelling kills its child.

        media_type: the uploader's claim, a hint between kinds of text. on_progress: pages done, pages in all.
        Raises a DocumentRefused: what the parser said, ParsingTimedOut, DocumentTooLarge when out of memory,
        DocumentDamaged when the parser crashed.
        """
        body = await self._answered(path, media_type, on_progress)
        return await asyncio.to_thread(wire.decode_document, body)

    async def render(self, path: Path, page: PageOrder) -> bytes:
        """A page of a document as PNG, its marks drawn; cancelling kills its child. Raises a DocumentRefused.

        What comes back was made from a stranger's file: hand it on as a picture, and open it nowhere with rights.
        """
        picture = await self._answered(path, page=page)
        if not picture.startswith(_PNG):
            raise DocumentDamaged("Its page could not be drawn.")
        return picture

    async def work(self, task: Task) -> bytes:
        """What a task answers; cancelling kills its child. Raises a DocumentRefused, as `parse` does.

        What comes back was made by a process in a stranger's hands.
        """
        return await self._answered(Path(os.devnull), task=task)

    async def _answered(
        self,
        path: Path,
        media_type: str | None = None,
        on_progress: Progress | None = None,
        page: PageOrder | None = None,
        task: Task | None = None,
    ) -> bytes:
        async with self._slots:
            try:
                return await self._answered_once(path, media_type, on_progress, page, task)
            except ForkServerLost:
                # Somebody killed the forkserver: the document had no part in it and gets a second chance.
                try:
                    return await self._answered_once(path, media_type, on_progress, page, task)
                except ForkServerLost as error:
                    raise DocumentRefused(Note("reader_stopped")) from error

    async def _answered_once(
        self,
        path: Path,
        media_type: str | None,
        on_progress: Progress | None,
        page: PageOrder | None,
        task: Task | None,
    ) -> bytes:
        server = await self._running()
        reading, writing = os.pipe()
        _widen(reading)
        try:
            order_id, ending = server.order(path, media_type, writing, page, task)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(self._settings.timeout_s) as clock:
                answer = await self._read_answer(reading, on_progress, self._lender(clock))
                ended = await asyncio.shield(ending)
        except TimeoutError:
            raise ParsingTimedOut(Note("time_limit", most=format(self._settings.timeout_s, "g"))) from None
        finally:
            if not ending.done():
                server.kill(order_id)
                await asyncio.wait([ending], timeout=_KILL_WAIT_S)
        return self._outcome(answer, ended)

    def _lender(self, clock: asyncio.Timeout) -> Callable[[], None]:
        """Puts a child's end off when it recognises a page, by that page's limit; all in all up to `ocr_timeout_s`."""
        settings = self._settings
        lent_s = 0.0

        def lend() -> None:
            nonlocal lent_s
            more_s = min(settings.ocr_page_timeout_s, settings.ocr_timeout_s - lent_s)
            when = clock.when()
            if settings.ocr_program and when is not None and more_s > 0 and not clock.expired():
                lent_s += more_s
                clock.reschedule(when + more_s)

        return lend

    async def _read_answer(
        self, reading: int, on_progress: Progress | None, lend: Callable[[], None]
    ) -> _Answer:
        """Frames up to the result, a refusal or the end of the pipe; closes the pipe."""
        stream = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", buffering=0)
        )
        try:
            while True:
                kind, length = wire.HEADER.unpack(await stream.readexactly(wire.HEADER.size))
                if kind != wire.RESULT and length > wire.MAX_JSON_BYTES:
                    return _Answer(b"?")
                if length > self._settings.max_output_bytes:
                    raise DocumentTooLarge(Note("text_too_large", most=self._settings.max_output_bytes))
                body = await stream.readexactly(length)
                if kind == wire.MORE_TIME:
                    lend()
                    continue
                if kind != wire.PROGRESS:
                    return _Answer(kind, body)
                if on_progress is not None:
                    _report(on_progress, body)
        except asyncio.IncompleteReadError:
            return _Answer(None)
        finally:
            transport.close()

    def _outcome(self, answer: _Answer, ended: Ending) -> bytes:
        if answer.kind == wire.RESULT:
            return answer.body
        if answer.kind == wire.REFUSAL:
            raise wire.decode_refusal(answer.body)
        if answer.kind is not None:
            raise DocumentDamaged(Note("parser_result_broken"))
        raise self._crash(ended)

    def _crash(self, ended: Ending) -> DocumentRefused:
        """The refusal for a child that ended without an answer."""
        if ended.signal in _TIME_SIGNALS:
            return ParsingTimedOut(Note("time_used", most=self._settings.cpu_s))
        if ended.peak_bytes > _NEARLY * self._settings.memory_bytes:
            limit_mib = self._settings.memory_bytes // 2**20
            return DocumentTooLarge(Note("memory_used", most=limit_mib))
        return DocumentDamaged(Note("parser_crashed", cause=ended.described))

    async def _running(self) -> ForkServerHandle:
        async with self._starting:
            if self._server is None or self._server.is_lost:
                if self._server is not None:
                    await self._server.close()
                if self._scratch is None:
                    self._scratch = Path(tempfile.mkdtemp(prefix="reading-"))
                self._server = await start_forkserver(
                    self._settings, self._parsers, self._scratch, gives_way=self._gives_way
                )
            return self._server


def _widen(pipe: int) -> None:
    """A wider pipe saves turns for large documents; unprivileged processes have a budget for it."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return


def _report(on_progress: Progress, body: bytes) -> None:
    try:
        done, total = orjson.loads(body)
    except (orjson.JSONDecodeError, ValueError, TypeError):
        return
    if isinstance(done, int) and isinstance(total, int):
        on_progress(done, total)
