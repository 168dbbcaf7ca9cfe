"""The embedding process and its client: a real process, killed, stopped and overloaded."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import struct
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from inference.embedding.client import EmbedderClient
from inference.embedding.lanes import Lanes
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from tests.embedding_models import MODELS, built_model

PASSAGE = "The dock doors close at 18:00 and open at 06:00, on Sundays not at all. " * 8


class EmbeddingProcess:
    """The process under test, on a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "embedder.sock"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; the client waits until it answers."""
        command = ["-m", "inference.embedding.server", "--socket", str(self.socket), "--models", str(MODELS)]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stderr=asyncio.subprocess.DEVNULL
        )

    async def end(self, signal_number: int) -> int:
        """Send a signal and return the exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal_number)
        return await self.process.wait()


@pytest.fixture
async def process() -> AsyncIterator[EmbeddingProcess]:
    """A running embedding process."""
    built_model()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        running = EmbeddingProcess(Path(folder))
        await running.start()
        yield running
        await running.end(signal.SIGKILL)


@pytest.fixture
async def client(process: EmbeddingProcess) -> AsyncIterator[EmbedderClient]:
    """A client with patience for a slow machine."""
    made = EmbedderClient(process.socket, query_patience_s=120, passages_patience_s=120)
    yield made
    await made.close()


async def test_the_client_gives_the_models_own_vectors(client: EmbedderClient) -> None:
    """Across the socket nothing changes: same numbers, same model id."""
    local = OnnxEmbedder(built_model())
    texts = [f"Rule {number}: {PASSAGE[: number * 40]}" for number in range(20)]

    remote: Embedder = client
    vectors = await remote.embed_passages(texts)

    assert np.array_equal(vectors, np.array([local.vector(text) for text in texts]))
    assert np.array_equal(await remote.embed_query(texts[3]), vectors[3])
    assert (remote.model_id, remote.dimension, remote.max_tokens) == (local.model_id, 384, 256)
    assert await client.count_tokens(["hello world", ""]) == [4, 2]
    assert (await remote.embed_passages([])).shape == (0, 384)


async def test_a_question_goes_before_the_passages_that_wait(client: EmbedderClient) -> None:
    """Asked while 60 passages wait, it is answered before they are."""
    await client.connect_when_ready()
    passages = asyncio.create_task(client.embed_passages([PASSAGE] * 60))

    for _ in range(3):
        await client.embed_query("When do the doors close?")

    assert not passages.done()
    assert (await passages).shape == (60, 384)


async def test_a_crowd_is_served_and_leaves_few_connections(client: EmbedderClient) -> None:
    """A hundred questions at once are all answered; at most sixteen connections stay open afterwards."""
    await client.connect_when_ready()

    vectors = await asyncio.gather(*(client.embed_query(f"question {number}") for number in range(100)))

    assert len({vector.tobytes() for vector in vectors}) == 100
    assert 0 < len(client._idle) <= 16


async def test_a_killed_process_is_waited_for(process: EmbeddingProcess, client: EmbedderClient) -> None:
    """kill -9 in the middle of the work: whoever restarts it, no caller notices but by the clock."""
    before = await client.embed_query("When do the doors close?")
    work = asyncio.create_task(client.embed_passages([PASSAGE] * 40))
    await client.embed_query("is the work there?")

    await process.end(signal.SIGKILL)
    await process.start()

    assert (await work).shape == (40, 384)
    assert np.array_equal(await client.embed_query("When do the doors close?"), before)


async def test_a_process_that_stays_away_is_an_error_with_a_name(tmp_path: Path) -> None:
    """After its patience a call says that the embedder is away; so does asking for the model before an answer."""
    client = EmbedderClient(tmp_path / "nobody.sock", query_patience_s=0.1)

    with pytest.raises(EmbedderUnavailable):
        await client.embed_query("hello")
    with pytest.raises(EmbedderUnavailable):
        await client.connect()
    with pytest.raises(EmbedderUnavailable):
        _ = client.model_id


async def test_once_it_is_known_to_be_away_questions_do_not_wait(tmp_path: Path) -> None:
    """A second question fails at once, so that searching by words goes on; passages still wait their time."""
    client = EmbedderClient(tmp_path / "nobody.sock", query_patience_s=0.1)
    with pytest.raises(EmbedderUnavailable):
        await client.embed_query("hello")
    client = _with_endless_patience(client)

    with pytest.raises(EmbedderUnavailable):
        await client.embed_query("hello")  # would outlast the test if it waited


def _with_endless_patience(client: EmbedderClient) -> EmbedderClient:
    client._query_patience_s = 3600
    return client


async def test_a_hung_process_is_given_up(process: EmbeddingProcess) -> None:
    """A process that is there and does not answer counts as away; continued, it answers again."""
    client = EmbedderClient(process.socket, query_patience_s=120, answer_timeout_s=120)
    await client.embed_query("hello")
    assert process.process is not None
    client._answer_timeout_s = 0.2

    os.kill(process.process.pid, signal.SIGSTOP)
    with pytest.raises(EmbedderUnavailable):
        await client.embed_query("hello")
    os.kill(process.process.pid, signal.SIGCONT)
    client._answer_timeout_s = 30

    assert (await client.embed_query("hello")).shape == (384,)


async def test_sigterm_answers_what_is_under_way_and_leaves_no_socket(
    process: EmbeddingProcess, client: EmbedderClient
) -> None:
    """A clean stop: status 0, the answer arrives, the socket is gone."""
    await client.connect_when_ready()
    await asyncio.gather(client.embed_passages([PASSAGE]), client.embed_query("two connections are open"))
    answer = asyncio.create_task(client.embed_passages([PASSAGE] * 8))
    await asyncio.sleep(0)  # the passages are sent before the question
    await client.embed_query("is the work there?")

    status = await process.end(signal.SIGTERM)

    assert status == 0
    assert (await answer).shape == (8, 384)
    assert not process.socket.exists()


async def test_only_the_owner_may_open_the_socket(process: EmbeddingProcess, client: EmbedderClient) -> None:
    """Mode 0600, whatever the umask."""
    await client.connect_when_ready()

    assert process.socket.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack("!cI", b"q", 2) + b"{}",
        struct.pack("!cI", b"q", 3) + b"[1]",
        struct.pack("!cI", b"x", 5) + b'["a"]',
        struct.pack("!cI", b"q", 4) + b"\xff\xfe[[",
    ],
    ids=["no list", "no texts", "unknown kind", "no JSON"],
)
async def test_a_bad_request_is_refused_and_the_process_lives(
    process: EmbeddingProcess, client: EmbedderClient, frame: bytes
) -> None:
    """The connection stays in step; the next request is answered."""
    await client.connect_when_ready()
    reader, writer = await asyncio.open_unix_connection(str(process.socket))
    await _frame(reader)

    writer.write(frame)
    status, sentence = await _frame(reader)
    good = json.dumps(["hello"]).encode()
    writer.write(struct.pack("!cI", b"q", len(good)) + good)
    second, vector = await _frame(reader)
    writer.close()

    assert (status, second) == (b"r", b"d")
    assert sentence
    assert len(vector) == 4 * 384


async def test_an_oversized_frame_ends_its_connection_only(
    process: EmbeddingProcess, client: EmbedderClient
) -> None:
    """Four gigabytes announced are not waited for."""
    await client.connect_when_ready()
    reader, writer = await asyncio.open_unix_connection(str(process.socket))
    await _frame(reader)

    writer.write(struct.pack("!cI", b"q", 2**32 - 1))
    assert await reader.read() == b""
    writer.close()

    assert (await client.embed_query("hello")).shape == (384,)


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!cI", await reader.readexactly(5))
    return kind, await reader.readexactly(length)


async def test_urgent_work_goes_first_and_in_order() -> None:
    """Two lanes, one place: urgent ones in their order, then the others in theirs; a cancelled one is skipped."""
    lanes = Lanes(1)
    order: list[str] = []

    async def work(name: str, is_urgent: bool) -> None:
        async with lanes.place(is_urgent=is_urgent):
            order.append(name)
            await asyncio.sleep(0)

    async with lanes.place(is_urgent=False):
        waiting = [
            asyncio.create_task(work(name, name.startswith("urgent")))
            for name in ("a", "urgent 1", "b", "gone", "urgent 2")
        ]
        await asyncio.sleep(0)
        assert lanes.waiting == 5
        waiting[3].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert order == ["urgent 1", "urgent 2", "a", "b"]
    assert lanes.waiting == 0


async def test_a_place_that_came_with_the_cancellation_is_not_lost() -> None:
    """Whoever is cancelled in the moment of their turn hands it on."""
    lanes = Lanes(1)
    holder = lanes.place(is_urgent=False)
    await holder.__aenter__()

    async def wait() -> None:
        async with lanes.place(is_urgent=False):
            pass

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    async with asyncio.timeout(60), lanes.place(is_urgent=False):
        pass
