"""Whatever a document does to its parser, the caller lives on and nothing leaves the child."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from rag.documents import Block, Page, ParsedDocument
from rag.errors import (
    DocumentDamaged,
    DocumentEmpty,
    DocumentRefused,
    DocumentTooLarge,
    ParsingTimedOut,
    UnsupportedFormat,
)
from rag.media_types import PDF, PLAIN_TEXT
from rag.parsers import PARSERS
from rag.sandbox import wire
from rag.sandbox.client import ParsingSandbox
from rag.sandbox.confinement import SandboxState
from rag.settings import ParsingSettings
from tests.documents import SENTENCE, docx, pdf, sample

HOSTILE = {PLAIN_TEXT: "tests.rag.hostile_parsers:Hostile"}
Deed = Callable[[str], Coroutine[None, None, str]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is built on Linux' system calls")


@pytest.fixture
async def sandbox() -> AsyncIterator[ParsingSandbox]:
    """With the product's own parsers."""
    made = ParsingSandbox(ParsingSettings(), PARSERS)
    yield made
    await made.close()


@pytest.fixture
async def hostile() -> AsyncIterator[ParsingSandbox]:
    """With a parser that does as the document says, and little time and memory."""
    settings = ParsingSettings(timeout_s=60, cpu_s=1, memory_bytes=128 * 2**20, max_output_bytes=2**20)
    made = ParsingSandbox(settings, HOSTILE)
    yield made
    await made.close()


@pytest.fixture
def do(hostile: ParsingSandbox, tmp_path: Path) -> Deed:
    """Have a deed done by a parser; returns what it says came of it."""

    async def deed(order: str) -> str:
        path = tmp_path / "document"
        path.write_text(order)
        return (await hostile.parse(path)).pages[0].text

    return deed


def _needs(sandbox: ParsingSandbox, wall: str) -> None:
    if not getattr(sandbox.state, wall):
        pytest.skip(f"{wall}: this machine's kernel or container does not offer it")


async def test_every_format_is_read_through_the_sandbox(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """The walls do not stand in the parsers' own way."""
    for media_type in (row for row in PARSERS if not row.startswith("image/")):
        document = await sandbox.parse(sample(media_type, tmp_path / "upload"), media_type)
        assert document.media_type == media_type
        inside = (child.content.decode() for child in document.children)
        assert SENTENCE in " ".join([*(page.text for page in document.pages), *inside])


async def test_a_refusal_comes_back_as_the_class_it_was_raised_as(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Code and detail survive the pipe."""
    empty = tmp_path / "empty.pdf"
    empty.touch()
    with pytest.raises(DocumentEmpty, match="zero bytes"):
        await sandbox.parse(empty)
    with pytest.raises(DocumentRefused, match="FileNotFoundError"):
        await sandbox.parse(tmp_path / "gone")


async def test_progress_is_told_while_a_long_document_is_read(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Pages done never exceed pages in all, and rise."""
    reports: list[tuple[int, int]] = []
    path = pdf(
        tmp_path / "long.pdf", [[f"line {n} of page {page}" for n in range(50)] for page in range(400)]
    )
    await sandbox.parse(path, PDF, lambda done, total: reports.append((done, total)))
    assert reports == sorted(reports)
    assert all(0 < done <= total == 400 for done, total in reports)


async def test_internet_sockets_are_refused_and_unix_sockets_lead_nowhere(
    do: Deed, hostile: ParsingSandbox, tmp_path: Path
) -> None:
    """No address family but AF_UNIX can be opened, and no socket can be connected, the database's included."""
    await hostile.start()
    _needs(hostile, "seccomp")
    for family in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"):
        assert await do(f"socket {family}") == "refused: Operation not permitted"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        assert await do(f"unix {tmp_path / 's'}") == "refused: Operation not permitted"


async def test_other_files_can_be_neither_read_nor_written(
    do: Deed, hostile: ParsingSandbox, tmp_path: Path
) -> None:
    """Only the document, the libraries and a scratch folder that goes with the child."""
    await hostile.start()
    _needs(hostile, "landlock_abi")
    secret = tmp_path / "credentials.json"
    secret.write_text("password")
    assert await do(f"read {secret}") == "refused: Permission denied"
    assert await do("read /etc/passwd") == "refused: Permission denied"
    assert await do(f"read {Path.cwd() / 'pyproject.toml'}") == "refused: Permission denied"
    assert await do(f"write {tmp_path / 'document'}") == "refused: Permission denied"
    scratch = await do("scratch")
    assert scratch.startswith("done: ")
    assert not Path(scratch.removeprefix("done: ")).parent.exists()


async def test_no_process_can_be_made_replaced_or_signalled(do: Deed, hostile: ParsingSandbox) -> None:
    """A parser that was taken over stays alone in its child."""
    await hostile.start()
    _needs(hostile, "seccomp")
    assert await do("fork") == "refused: Operation not permitted"
    assert await do("execute /bin/true") == "refused: Operation not permitted"
    assert await do(f"kill {os.getpid()}") == "refused: Operation not permitted"


async def test_secrets_of_the_caller_are_not_inherited(do: Deed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its environment nor its open files."""
    monkeypatch.setenv("APPLIANCE_DATABASE__PASSWORD", "hunter2")
    assert "hunter2" not in await do("environment")
    assert await do("descriptors") == "3"


async def test_a_hanging_parser_is_stopped_at_the_wall_clock_limit(tmp_path: Path) -> None:
    """The sentence names the limit, and the child is gone."""
    sandbox = ParsingSandbox(ParsingSettings(timeout_s=0.5), HOSTILE)
    path = tmp_path / "document"
    path.write_text("hang")
    try:
        with pytest.raises(ParsingTimedOut, match=r"0\.5 seconds"):
            await sandbox.parse(path)
        assert await _children_of(sandbox) == []
    finally:
        await sandbox.close()


async def test_a_busy_parser_is_stopped_at_its_processor_time(do: Deed) -> None:
    """The kernel counts, so it also holds while the caller is stopped."""
    with pytest.raises(ParsingTimedOut, match="processor time"):
        await do("spin")


async def test_a_memory_hog_is_stopped_and_the_callers_memory_stays_flat(do: Deed) -> None:
    """The document is refused as too large; this process grows by less than a tenth of what was eaten."""
    await do("flood 10")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        with pytest.raises(DocumentTooLarge, match="memory"):
            await do("hog")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 12 * 1024


async def test_an_answer_beyond_the_cap_is_refused(do: Deed) -> None:
    """Neither the child nor a lying child can fill the caller's memory."""
    with pytest.raises(DocumentTooLarge, match="1048576"):
        await do("flood 3000000")


@pytest.mark.parametrize(
    ("deed", "words"), [("crash", "SIGSEGV"), ("quit", "exit code 7"), ("raise", "RuntimeError")]
)
async def test_a_crash_is_a_damaged_document_and_the_next_one_is_read(
    deed: str, words: str, do: Deed
) -> None:
    """The reason names the signal or the error's class, never its text, which may hold paths."""
    with pytest.raises(DocumentDamaged, match=words) as caught:
        await do(deed)
    assert "/etc" not in str(caught.value)
    assert await do("flood 3") == "xxx"


async def test_cancelling_kills_the_child(hostile: ParsingSandbox, tmp_path: Path) -> None:
    """A deleted document stops being read."""
    path = tmp_path / "document"
    path.write_text("hang")
    await hostile.start()
    task = asyncio.create_task(hostile.parse(path))
    await _children_at_work(hostile)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _children_of(hostile) == []


async def test_a_killed_forkserver_is_replaced_and_its_document_read(
    hostile: ParsingSandbox, tmp_path: Path
) -> None:
    """The document in hand gets a second chance; the orphan dies with its parent."""
    await hostile.start()
    path = tmp_path / "document"
    path.write_text("hang")
    task = asyncio.create_task(hostile.parse(path))
    children = await _children_at_work(hostile)
    first = _server_pid(hostile)
    path.write_text("flood 4")
    os.kill(first, signal.SIGKILL)
    assert (await task).pages[0].text == "xxxx"
    assert _server_pid(hostile) != first
    assert not any(_is_alive(child) for child in children)


async def test_twenty_documents_in_a_row_leave_no_process_descriptor_or_file(
    sandbox: ParsingSandbox, tmp_path: Path
) -> None:
    """Good and bad ones mixed."""
    good, bad = docx(tmp_path / "good"), tmp_path / "bad"
    bad.write_bytes(b"PK\x03\x04")
    await sandbox.parse(good)
    before = _descriptors(os.getpid()), _descriptors(_server_pid(sandbox))
    for _ in range(10):
        await sandbox.parse(good)
        with pytest.raises(DocumentDamaged):
            await sandbox.parse(bad)
    assert await _children_of(sandbox) == []
    assert (_descriptors(os.getpid()), _descriptors(_server_pid(sandbox))) == before


async def test_many_documents_at_once_are_read_side_by_side(sandbox: ParsingSandbox, tmp_path: Path) -> None:
    """Answers do not get mixed up."""
    paths = [pdf(tmp_path / f"{n}", [[f"number {n}"]]) for n in range(12)]
    documents = await asyncio.gather(*(sandbox.parse(path) for path in paths))
    assert [document.pages[0].text for document in documents] == [f"number {n}" for n in range(12)]


async def test_closing_ends_every_process_and_starting_again_works(
    hostile: ParsingSandbox, tmp_path: Path
) -> None:
    """Children of documents in hand included."""
    path = tmp_path / "document"
    path.write_text("hang")
    await hostile.start()
    task = asyncio.create_task(hostile.parse(path))
    children = await _children_at_work(hostile)
    server = _server_pid(hostile)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await hostile.close()
    assert not any(_is_alive(pid) for pid in (server, *children))
    path.write_text("flood 2")
    assert (await hostile.parse(path)).pages[0].text == "xx"


async def test_a_killed_caller_takes_forkserver_and_children_along(tmp_path: Path) -> None:
    """Nobody is left to read on for a worker that is gone."""
    path = tmp_path / "document"
    path.write_text("hang")
    code = (
        "import asyncio, pathlib, sys\n"
        "from rag.sandbox.client import ParsingSandbox\n"
        "from rag.settings import ParsingSettings\n"
        "async def main():\n"
        f"    sandbox = ParsingSandbox(ParsingSettings(), {HOSTILE!r})\n"
        "    await sandbox.start()\n"
        "    print(sandbox.server_pid, flush=True)\n"
        f"    await sandbox.parse(pathlib.Path({str(path)!r}))\n"
        "asyncio.run(main())\n"
    )
    caller = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=Path.cwd(), stdout=asyncio.subprocess.PIPE
    )
    assert caller.stdout is not None
    server = int(await caller.stdout.readline())
    children: list[int] = []
    while not children:
        children = await _read_children(server)
    caller.kill()
    await caller.wait()
    for _ in range(1000):
        if not any(_is_alive(pid) for pid in (server, *children)):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the forkserver or its child outlived the caller")


async def test_a_parser_that_is_not_installed_hurts_only_its_own_format(tmp_path: Path) -> None:
    """The state says so, for the operator; the other formats are read."""
    sandbox = ParsingSandbox(ParsingSettings(), {**PARSERS, PDF: "no_such_package:Parser"})
    try:
        state = await sandbox.start()
        assert [media_type for media_type, _ in state.missing] == [PDF]
        assert any(PDF in sentence for sentence in state.weaknesses)
        with pytest.raises(UnsupportedFormat, match="not installed"):
            await sandbox.parse(pdf(tmp_path / "a", [["x"]]))
        assert (await sandbox.parse(docx(tmp_path / "b"))).pages
    finally:
        await sandbox.close()


def test_a_machine_without_walls_says_what_that_means() -> None:
    """Each missing wall is a sentence about what it would have stopped."""
    assert len(SandboxState().weaknesses) == 2
    assert SandboxState(no_new_privs=True, seccomp=True, landlock_abi=1).weaknesses == ()


def test_a_document_survives_the_wire() -> None:
    """Everything but nothing more."""
    page = Page(1, "Título\n\ntexto", (Block("heading", 0, 6, 2), Block("paragraph", 8, 13)))
    document = ParsedDocument("application/pdf", (page, Page(2, "")), "T", ("a note",))
    assert wire.decode_document(wire.encode_document(document)[wire.HEADER.size :]) == document


HEAD = '["text/plain","t",[],[[1,3,1]]]'


def _result(head: str, blocks: bytes, text: bytes) -> bytes:
    return struct.pack("!I", len(head)) + head.encode() + blocks + text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xff\xff\xff",
        _result("not json", b"", b""),
        _result("[]", b"", b""),
        _result('["text/plain",null,[],[]]', b"", b""),
        _result('["text/plain","t",[],[[0,1,0]]]', b"", b"x"),
        _result('["text/plain","t",[],[[1,9,0]]]', b"", b"x"),
        _result('["text/plain","t",[],[[1,1,-1]]]', b"", b"x"),
        _result('["text/plain","t",[],[[1,1,999999999]]]', b"", b"x"),
        _result('["text/plain","t",[],[[1,1,0]]]', b"", b"x and more"),
        _result('["text/plain","t",[],[[1,1,0]]]', b"", b"\xff"),
        _result(HEAD, struct.pack("!BBII", 1, 0, 0, 4), b"xyz"),
        _result(HEAD, struct.pack("!BBII", 1, 0, 2, 1), b"xyz"),
        _result(HEAD, struct.pack("!BBII", 9, 0, 0, 1), b"xyz"),
        _result(HEAD, struct.pack("!BBII", 1, 7, 0, 1), b"xyz"),
        _result('["text/plain","t",[],[[1,3,2]]]', struct.pack("!BBIIBBII", 1, 0, 1, 2, 1, 0, 0, 1), b"xyz"),
    ],
)
def test_a_lying_child_is_not_believed(body: bytes) -> None:
    """Spans beyond the text, lengths beyond the frame, wrong types and foreign kinds are refused."""
    with pytest.raises(DocumentDamaged):
        wire.decode_document(body)


def test_a_document_of_too_many_pieces_is_refused_before_it_travels() -> None:
    """What would take much more memory as objects than as bytes is not sent, and not read."""
    blocks = tuple(Block("paragraph", n, n + 1) for n in range(1_000_001))
    with pytest.raises(DocumentTooLarge):
        wire.encode_document(ParsedDocument("text/plain", (Page(None, "x" * 1_000_001, blocks),)))


def _server_pid(sandbox: ParsingSandbox) -> int:
    assert sandbox.server_pid is not None
    return sandbox.server_pid


async def _children_of(sandbox: ParsingSandbox) -> list[int]:
    return await _read_children(_server_pid(sandbox))


async def _read_children(pid: int) -> list[int]:
    text = await asyncio.to_thread(Path(f"/proc/{pid}/task/{pid}/children").read_text)
    return [int(child) for child in text.split()]


async def _children_at_work(sandbox: ParsingSandbox) -> list[int]:
    """Waits until there is one; the process table has no event to wait for."""
    for _ in range(1000):
        if children := await _children_of(sandbox):
            return children
        await asyncio.sleep(0.01)
    raise AssertionError("no child was started")


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] not in "ZX"
