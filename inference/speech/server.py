"""The speech process: `python -m inference.speech.server --socket PATH --model DIR --settings JSON`.

One Whisper for the whole appliance. The socket appears at once, the model is loaded behind it, and who asks meanwhile
waits. A connection is one recording; closing it stops the work within a piece. Recordings take turns piece by piece.
Whoever can open the socket may use it: it lies in a folder of mode 0700.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from inference.errors import AudioRefused, InferenceError, LanguageUnknown, SpeechUnavailable
from inference.speech import wire
from inference.speech.decoding import measured
from inference.speech.decoding_limits import DecodingLimits
from inference.speech.hearing import Hearing
from inference.speech.settings import SpeechSettings
from inference.speech.types import SpeechWish

log = logging.getLogger("inference.speech")
STOP_GRACE_S = 0.2


class SpeechServer:
    """Answers orders (inference.speech.wire). opening: the model, being loaded; SpeechUnavailable where it cannot."""

    def __init__(self, opening: asyncio.Future[Hearing], limits: DecodingLimits, max_bytes: int) -> None:
        self._opening = opening
        self._limits = limits
        self._max_bytes = max_bytes
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, socket: Path, stopping: asyncio.Event) -> None:
        """Listen until `stopping`; recordings under way are cut off, their callers ask again."""
        previous_mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._converse, str(socket), backlog=128)
        finally:
            os.umask(previous_mask)
        log.info("ready on %s", socket)
        await stopping.wait()
        server.close()
        with suppress(FileNotFoundError):
            socket.unlink()  # noqa: ASYNC240 - one system call, at the end
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=STOP_GRACE_S)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            kind, payload = await wire.read_frame(reader)
            if kind != wire.ORDER:
                return
            answering = asyncio.create_task(self._answer(orjson.loads(payload), writer))
            leaving = asyncio.create_task(reader.read(1))
            try:
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (answering, leaving):
                    task.cancel()
                await asyncio.gather(answering, leaving, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError, wire.FrameTooLarge):
            pass  # the client is gone, or none of ours
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _answer(self, order: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        try:
            async with aclosing(self._frames(order)) as frames:  # type: ignore[type-var]
                async for kind, payload in frames:
                    await wire.write_frame(writer, kind, payload)
        except ConnectionError:
            return
        except InferenceError as error:
            kind = wire.REFUSED if isinstance(error, AudioRefused | LanguageUnknown) else wire.AWAY
            await wire.write_frame(writer, kind, _told(error))
        except Exception:
            log.exception("a recording could not be heard")
            await wire.write_frame(writer, wire.AWAY, _told(SpeechUnavailable("It met an error of its own.")))

    async def _frames(self, order: dict[str, Any]) -> AsyncIterator[tuple[bytes, bytes]]:
        audio = Path(order["audio"])
        if "wish" not in order:
            found = await measured(audio, self._limits, self._max_bytes)
            yield wire.HEADER, orjson.dumps(asdict(found))
            return
        hearing = await asyncio.shield(self._opening)
        async with aclosing(hearing.hear(audio, SpeechWish(**order["wish"]))) as parts:  # type: ignore[type-var]
            async for part in parts:
                yield wire.PART, wire.encode_part(part)
        yield wire.END, b""


def _told(error: InferenceError) -> bytes:
    if isinstance(error, AudioRefused):
        return orjson.dumps({"code": error.code, "reason": error.reason, "detail": error.more})
    sentence = (type(error).__doc__ or "").strip()
    return orjson.dumps({"code": error.code, "detail": str(error).removeprefix(sentence).strip()})


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopping.set)
    settings = SpeechSettings.model_validate_json(arguments.settings)
    limits = DecodingLimits(max_s=settings.max_minutes * 60, cpu_s=settings.decoding_cpu_s)
    max_bytes = settings.max_file_mb * 2**20
    threads = ThreadPoolExecutor(settings.at_once, "speech")

    def opened() -> Hearing:
        try:
            from inference.speech.whisper import Whisper, find_speech
        except ImportError as error:
            raise SpeechUnavailable(f"The extra `speech` is not whole: {error}.") from error
        model = Whisper(arguments.model, settings)
        log.info("%s hears on %s", arguments.model.name, settings.device)
        return Hearing(
            model, find_speech, threads, limits, max_bytes=max_bytes, batch=settings.pieces_together
        )

    opening = loop.run_in_executor(threads, opened)
    opening.add_done_callback(_tell)
    await SpeechServer(opening, limits, max_bytes).serve(arguments.socket, stopping)


def _tell(opening: asyncio.Future[Hearing]) -> None:
    if not opening.cancelled() and (error := opening.exception()) is not None:
        log.warning("%s", error)


def main(argv: list[str] | None = None) -> int:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(prog="inference.speech.server", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where to listen; at most 100 bytes")
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--settings", default="{}", help="the section [speech] as JSON")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    asyncio.run(_run(arguments))
    sys.stderr.flush()
    os._exit(0)  # a thread may be in the middle of a piece: nobody waits for it any more


if __name__ == "__main__":
    main()
