"""The embedding process: `python -m inference.embedding.server --socket PATH --models DIR [--threads N]`.

One model in memory for every process of the appliance. A question never waits for more than the passages
already in work. The socket appears when the model is loaded, so a connection means ready; SIGTERM ends it
after the answers under way. Whoever can open the socket may use it: it lies in a folder of mode 0700.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.embedding import wire
from inference.embedding.build_minilm import ensure
from inference.embedding.lanes import Lanes
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.errors import EmbedderUnavailable

log = logging.getLogger("inference.embedding")
STOP_GRACE_S = 2.0


class EmbeddingServer:
    """Answers frames (inference.embedding.wire) with one embedder, `threads` texts side by side."""

    def __init__(self, embedder: OnnxEmbedder, threads: int) -> None:
        self._embedder = embedder
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="embed")
        self._lanes = Lanes(threads)
        self._hello = json.dumps(asdict(embedder.card)).encode()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def serve(self, socket: Path, stopping: asyncio.Event) -> None:
        """Listen until `stopping`, then finish what is being answered (at most STOP_GRACE_S)."""
        previous_mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._converse, str(socket), backlog=512)
        finally:
            os.umask(previous_mask)
        log.info("ready: %s on %s", self._embedder.model_id, socket)
        await stopping.wait()
        server.close()
        with suppress(FileNotFoundError):
            socket.unlink()  # noqa: ASYNC240 - one system call, at the end
        if self._answering:
            await asyncio.wait(self._answering, timeout=STOP_GRACE_S)
        for writer in self._connections.values():
            writer.close()
        await asyncio.gather(*self._connections)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections[connection] = writer
        try:
            await wire.write_frame(writer, wire.HELLO, self._hello)
            while True:
                kind, payload = await wire.read_frame(reader)
                self._answering.add(connection)
                await wire.write_frame(writer, *await self._answer(kind, payload))
                self._answering.discard(connection)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone
        except wire.FrameTooLarge as error:
            log.warning("a client was disconnected: frame of %s", error)
        finally:
            del self._connections[connection]
            self._answering.discard(connection)
            writer.close()

    async def _answer(self, kind: bytes, payload: bytes) -> tuple[bytes, bytes]:
        try:
            texts = json.loads(payload)
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                return wire.REFUSED, b"A JSON list of texts was expected."
            if kind == wire.COUNT:
                return wire.DONE, await self._counts(texts)
            if kind in (wire.QUERY, wire.PASSAGES):
                return wire.DONE, await self._vectors(texts, is_urgent=kind == wire.QUERY)
            return wire.REFUSED, b"Unknown kind of request."
        except ValueError:
            return wire.REFUSED, b"The payload is not JSON."

    async def _counts(self, texts: list[str]) -> bytes:
        loop = asyncio.get_running_loop()
        counts = [await loop.run_in_executor(self._threads, self._embedder.count_tokens, t) for t in texts]
        return json.dumps(counts).encode()

    async def _vectors(self, texts: list[str], *, is_urgent: bool) -> bytes:
        rows: list[bytes] = []
        for text in texts:  # one by one, so that an urgent text goes between two others
            async with self._lanes.place(is_urgent=is_urgent):
                vector = await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._embedder.vector, text
                )
            rows.append(_little_endian(vector))
        if not is_urgent and not self._lanes.waiting:
            _give_memory_back()
        return b"".join(rows)


def _little_endian(vector: NDArray[np.float32]) -> bytes:
    return vector.astype("<f4", copy=False).tobytes()


def _give_memory_back() -> None:
    """glibc keeps about 25 MB of buffers after long texts; elsewhere there is nothing to call."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    folder = await asyncio.to_thread(ensure, arguments.models)
    if stopping.is_set():
        return
    embedder = OnnxEmbedder(folder)
    await EmbeddingServer(embedder, arguments.threads).serve(arguments.socket, stopping)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM; 1 when the model cannot be had."""
    parser = argparse.ArgumentParser(prog="inference.embedding.server", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where to listen; at most 100 bytes")
    parser.add_argument("--models", type=Path, required=True, help="where built models are kept")
    parser.add_argument("--threads", type=int, default=1, help="texts embedded side by side")
    arguments: Any = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        asyncio.run(_run(arguments))
    except EmbedderUnavailable as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
