"""inference.ports.Transcriber over the speech process's socket: one connection for each recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import orjson

from inference.errors import AudioRefused, LanguageUnknown, SpeechNotInstalled, SpeechUnavailable
from inference.speech import wire
from inference.speech.types import SpeechFile, SpeechPart, SpeechWish

_RETRY_DELAY_S = 0.1
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SpeechClient:
    """socket None: there is no speech here, and every call says so. model_id: what /v1/models calls it.

    patience_s: how long a call waits for a process that is away, as it is while it restarts.
    """

    def __init__(self, socket: Path | None, model_id: str = "", *, patience_s: float = 10.0) -> None:
        self._socket = socket
        self._model_id = model_id
        self._patience_s = patience_s

    @property
    def model_id(self) -> str:
        if self._socket is None:
            raise SpeechNotInstalled
        return self._model_id

    async def measure(self, audio: Path) -> SpeechFile:
        """Raises AudioRefused, SpeechUnavailable, SpeechNotInstalled."""
        async with self._ordered({"audio": str(audio)}) as reader:
            _, payload = await _frame(reader)
            return SpeechFile(**orjson.loads(payload))

    async def transcribe(self, audio: Path, wish: SpeechWish) -> AsyncIterator[SpeechPart]:
        """Raises AudioRefused, LanguageUnknown, SpeechUnavailable, SpeechNotInstalled."""
        async with self._ordered({"audio": str(audio), "wish": asdict(wish)}) as reader:
            while True:
                kind, payload = await _frame(reader)
                if kind == wire.END:
                    return
                yield wire.decode_part(payload)

    async def close(self) -> None:
        """Nothing is kept between two calls."""

    @asynccontextmanager
    async def _ordered(self, order: dict[str, object]) -> AsyncIterator[asyncio.StreamReader]:
        reader, writer = await self._connected()
        try:
            await wire.write_frame(writer, wire.ORDER, orjson.dumps(order))
            yield reader
        except ConnectionError as error:
            raise SpeechUnavailable from error
        finally:
            writer.close()

    async def _connected(self) -> _Connection:
        if self._socket is None:
            raise SpeechNotInstalled
        until = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                return await asyncio.open_unix_connection(str(self._socket))
            except OSError as error:
                if asyncio.get_running_loop().time() >= until:
                    raise SpeechUnavailable from error
                await asyncio.sleep(_RETRY_DELAY_S)


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    try:
        kind, payload = await wire.read_frame(reader)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise SpeechUnavailable("It broke off in the middle of the recording.") from error
    if kind in (wire.REFUSED, wire.AWAY):
        _raise(orjson.loads(payload))
    return kind, payload


def _raise(told: dict[str, str]) -> NoReturn:
    if told["code"] == AudioRefused.code:
        raise AudioRefused(told["reason"], told["detail"])
    if told["code"] == LanguageUnknown.code:
        raise LanguageUnknown(told["detail"])
    raise SpeechUnavailable(told["detail"])
