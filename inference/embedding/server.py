"""The embedding process: `python -m inference.embedding.server --socket PATH --models DIR [--specs FILE]`.

One process with the models of the whole appliance. A question never waits for a passage. The socket appears when a
model is loaded, so a connection means ready; SIGTERM ends it after the answers under way. Whoever can open the socket
may use it: it lies in a folder of mode 0700.
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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inference.embedding import wire
from inference.embedding.following import FollowedSpecs
from inference.embedding.refusals import TokensRefused
from inference.embedding.served_models import LocalThreads, ServedModel, served
from inference.embedding.served_reranker import ServedReranker
from inference.embedding.specs import BUILT_IN, read_specs
from inference.errors import EmbedderUnavailable

log = logging.getLogger("inference.embedding")
STOP_GRACE_S = 8.0


class EmbeddingServer:
    """Answers frames (inference.embedding.wire) with its models, the wanted one first."""

    def __init__(self, models: Sequence[ServedModel], reranker: ServedReranker | None = None) -> None:
        self._models = list(models)
        self._reranker = reranker or ServedReranker(None, None)
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._hellos = 0  # grows when what a hello told is out of date

    async def serve(self, socket: Path, stopping: asyncio.Event) -> None:
        """Listen until `stopping`, then finish what is being answered (at most STOP_GRACE_S)."""
        previous_mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._converse, str(socket), backlog=512)
        finally:
            os.umask(previous_mask)
        log.info("ready on %s: %s", socket, ", ".join(model.name for model in self._models))
        await stopping.wait()
        self._is_stopping = True
        server.close()
        with suppress(FileNotFoundError):
            socket.unlink()  # noqa: ASYNC240 - one system call, at the end
        if self._answering:
            await asyncio.wait(self._answering, timeout=STOP_GRACE_S)
        for writer in self._connections.values():
            writer.close()
        await self._part()
        for model in self._models:
            await model.close()

    async def _part(self) -> None:
        """Who neither reads what is sent nor leaves is cut off."""
        if self._connections:
            await asyncio.wait(list(self._connections), timeout=STOP_GRACE_S)
        for connection, writer in list(self._connections.items()):
            writer.transport.abort()
            connection.cancel()

    def want(self, model: ServedModel) -> None:
        """It is the first from now on. Whoever is connected learns it by coming again, after the answer under way."""
        if self._models[0] is model:
            return
        self._models = [model, *(other for other in self._models if other is not model)]
        self._hellos += 1
        log.info("%s is the one that is wanted", model.name)
        for connection, writer in self._connections.items():
            if connection not in self._answering:
                writer.close()

    def serves(self, model: ServedModel) -> bool:
        """Whether it has not been let go."""
        return any(other is model for other in self._models)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections[connection] = writer
        try:
            hello = self._hellos
            await wire.write_frame(writer, wire.HELLO, self._hello())
            while not self._is_stopping and hello == self._hellos:
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

    def _hello(self) -> bytes:
        told = [
            {"name": model.name, "card": model.card and asdict(model.card), "problem": model.problem}
            for model in self._models
        ]
        return json.dumps(told).encode()

    async def _answer(self, kind: bytes, payload: bytes) -> tuple[bytes, bytes]:
        try:
            told = json.loads(payload)
        except ValueError:
            return wire.REFUSED, b"The payload is not JSON."
        asked = told if isinstance(told, dict) else {"texts": told}
        wanted, texts = asked.get("model"), asked.get("texts")
        if kind == wire.DECODE and isinstance(texts, list):
            return await self._decoded(wanted, texts)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return wire.REFUSED, b"A JSON list of texts was expected."
        try:
            if kind == wire.ONLY:
                await self._keep_only(texts)
                return wire.DONE, b""
            if kind == wire.RERANK and texts:
                return wire.DONE, json.dumps(await self._reranker.judged(texts[0], texts[1:])).encode()
            if kind == wire.COUNT:
                return wire.DONE, json.dumps(await self._model(wanted).counts(texts)).encode()
            if kind in (wire.QUERY, wire.PASSAGES):
                return wire.DONE, await self._vectors(self._model(wanted), texts, is_query=kind == wire.QUERY)
        except EmbedderUnavailable as error:
            return wire.AWAY, str(error).encode()
        return wire.REFUSED, b"Unknown kind of request."

    async def _decoded(self, wanted: str | None, lists: list[Any]) -> tuple[bytes, bytes]:
        if not all(isinstance(ids, list) and ids and all(type(one) is int for one in ids) for ids in lists):
            return wire.REFUSED, b"Lists of token ids were expected."
        try:
            return wire.DONE, json.dumps({"texts": await self._model(wanted).texts_of(lists)}).encode()
        except TokensRefused as refusal:
            return wire.DONE, json.dumps({"refused": refusal.why, "place": refusal.place}).encode()
        except EmbedderUnavailable as error:
            return wire.AWAY, str(error).encode()

    def _model(self, wanted: str | None) -> ServedModel:
        if wanted is None:
            return self._models[0]
        for model in self._models:
            if model.card is not None and model.card.model_id == wanted:
                return model
        away = [model for model in self._models if model.card is None]
        raise EmbedderUnavailable(away[0].problem if away else f"The model {wanted} is not served.")

    async def _vectors(self, model: ServedModel, texts: list[str], *, is_query: bool) -> bytes:
        vectors = await model.vectors(texts, is_query=is_query)
        if not is_query:
            _give_memory_back()
        return vectors.astype("<f4", copy=False).tobytes()

    async def _keep_only(self, wanted: list[str]) -> None:
        """The others' memory comes back. The first stays: it is the one that is wanted."""
        gone = [m for m in self._models[1:] if m.card is not None and m.card.model_id not in wanted]
        self._models = [model for model in self._models if model not in gone]
        for model in gone:
            log.info("%s is not served any more", model.name)
            await model.close()
        _give_memory_back()


def _give_memory_back() -> None:
    """glibc keeps about 25 MB of buffers after long texts; elsewhere there is nothing to call."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    specs = (read_specs(arguments.specs) if arguments.specs else []) or [BUILT_IN]
    threads = LocalThreads(arguments.threads)
    models = [served(spec, arguments.models, threads) for spec in specs]
    opening: list[asyncio.Task[Any]] = [asyncio.create_task(_opened(model)) for model in models]
    try:
        # Whether an engine answers is not for us to wait for: it is asked again whenever somebody asks us.
        await _until_one_is_open(
            [t for t, spec in zip(opening, specs, strict=True) if spec.source != "engine"]
        )
        if not any(task.done() and task.result() for task in opening) and specs == [BUILT_IN]:
            raise EmbedderUnavailable(models[0].problem)
        if not stopping.is_set():
            server = EmbeddingServer(models, ServedReranker(arguments.reranker, threads))
            if arguments.specs:
                pairs = list(zip(specs, models, strict=True))
                followed = FollowedSpecs(
                    arguments.specs, pairs, lambda spec: served(spec, arguments.models, threads)
                )
                opening.append(asyncio.create_task(followed.follow(server)))
            await server.serve(arguments.socket, stopping)
    finally:
        for task in opening:
            task.cancel()
        threads.close()


async def _opened(model: ServedModel) -> bool:
    try:
        await model.open()
    except EmbedderUnavailable as error:
        log.warning("%s cannot be used: %s", model.name, error)
        return False
    if model.problem:
        log.warning("%s: %s", model.name, model.problem)
    return True


async def _until_one_is_open(opening: Sequence[asyncio.Task[bool]]) -> None:
    """Or until none is going to be."""
    for finished in asyncio.as_completed(opening):
        if await finished:
            return


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM; 1 when the built-in model cannot be had."""
    parser = argparse.ArgumentParser(prog="inference.embedding.server", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where to listen; at most 100 bytes")
    parser.add_argument("--models", type=Path, required=True, help="where built models are kept")
    parser.add_argument("--threads", type=int, default=1, help="texts embedded side by side")
    parser.add_argument("--specs", type=Path, help="file that names the models; without it the built-in one")
    parser.add_argument(
        "--reranker", type=Path, help="folder of a cross-encoder in ONNX, opened at its first use"
    )
    arguments: Any = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        asyncio.run(_run(arguments))
    except (EmbedderUnavailable, ValueError) as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
