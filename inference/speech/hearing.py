"""One recording from its file to its last segment: decode, cut at silences, tell the language, hear piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol, TypeVar

from inference.speech.cutting import RATE, Cutter, FindSpeech, Piece, Samples, everything
from inference.speech.decoding import decoding
from inference.speech.decoding_limits import DecodingLimits
from inference.speech.types import (
    SpeechEnd,
    SpeechHeader,
    SpeechPart,
    SpeechProgress,
    SpeechSegment,
    SpeechWish,
)

_Result = TypeVar("_Result")


class Hears(Protocol):
    """The model; inference.speech.whisper.Whisper is one."""

    def check(self, language: str | None) -> None: ...

    def language_of(self, sound: Samples) -> tuple[str, float]: ...

    def hear(self, pieces: Sequence[Piece], language: str, wish: SpeechWish) -> list[SpeechSegment]: ...


class Hearing:
    """threads: as many recordings take turns on the model as it has threads; a turn is one pass.

    batch: pieces of one recording in a pass.
    """

    def __init__(
        self,
        model: Hears,
        find_speech: FindSpeech,
        threads: Executor,
        limits: DecodingLimits,
        *,
        max_bytes: int,
        batch: int = 1,
    ) -> None:
        self._model = model
        self._find_speech = find_speech
        self._threads = threads
        self._limits = limits
        self._max_bytes = max_bytes
        self._batch = batch

    async def hear(self, audio: Path, wish: SpeechWish) -> AsyncIterator[SpeechPart]:
        """As inference.ports.Transcriber.transcribe. Raises AudioRefused, LanguageUnknown."""
        self._model.check(wish.language)
        skipped = int(wish.start_s * RATE)
        cutter = Cutter(self._find_speech if wish.vad else everything, skipped)
        language, is_told, speech_s = wish.language, False, 0.0
        async with decoding(audio, self._limits, self._max_bytes) as sound:
            async for pieces in self._pieces(_after(skipped, sound.pieces), cutter):
                for place in range(0, len(pieces), self._batch):
                    together = pieces[place : place + self._batch]
                    sure = 1.0
                    if language is None:
                        language, sure = await self._in_turn(self._model.language_of, together[0].samples)
                    if not is_told:
                        is_told = True
                        yield SpeechHeader(str(language), sure)
                    for segment in await self._in_turn(self._model.hear, together, language, wish):
                        yield segment
                    speech_s += sum(piece.speech_s for piece in together)
                    last = together[-1]
                    yield SpeechProgress(last.end_s, sound.told.duration_s)
                yield SpeechProgress(cutter.done_s, sound.told.duration_s)
        yield SpeechEnd(cutter.heard_s, speech_s)

    async def _pieces(self, sound: AsyncIterator[Samples], cutter: Cutter) -> AsyncIterator[list[Piece]]:
        async for samples in sound:
            if cutter.is_full_with(samples):
                yield await asyncio.to_thread(cutter.feed, samples)
            else:
                cutter.feed(samples)
        yield await asyncio.to_thread(cutter.finish)

    async def _in_turn(self, work: Callable[..., _Result], *given: object) -> _Result:
        """On the model's threads, first come, first served."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)


async def _after(skipped: int, sound: AsyncIterator[Samples]) -> AsyncIterator[Samples]:
    """The sound without its first samples, which were heard before."""
    async for samples in sound:
        rest = samples[skipped:]
        skipped = max(0, skipped - len(samples))
        if len(rest):
            yield rest
