"""inference.ports.Transcriber over the speech process's socket: one connection for each recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from inference.errors import SpeechNotInstalled
from inference.speech.types import SpeechFile, SpeechPart, SpeechWish


class SpeechClient:
    """socket None: there is no speech here, and every call says so."""

    def __init__(self, socket: Path | None) -> None:
        self._socket = socket

    @property
    def model_id(self) -> str:
        raise SpeechNotInstalled

    async def measure(self, audio: Path) -> SpeechFile:
        raise SpeechNotInstalled

    async def transcribe(self, audio: Path, wish: SpeechWish) -> AsyncIterator[SpeechPart]:
        for part in await self._parts(audio, wish):
            yield part

    async def _parts(self, audio: Path, wish: SpeechWish) -> list[SpeechPart]:
        raise SpeechNotInstalled

    async def close(self) -> None:
        """Nothing is kept between two calls."""
