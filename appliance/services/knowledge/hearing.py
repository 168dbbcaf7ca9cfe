"""Turning a recording into a document before it is indexed: a transcriber hears it, its text and times are kept.

One recording at a time, and each only for a while before others have their turn. What has been heard is kept beside
the recording piece by piece, so that a worker that is killed goes on where it was; what is kept goes with the content.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from inference.errors import AudioRefused, SpeechNotInstalled, SpeechUnavailable
from inference.ports import Transcriber
from inference.speech.types import (
    SpeechEnd,
    SpeechHeader,
    SpeechPart,
    SpeechProgress,
    SpeechSegment,
    SpeechWish,
)
from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentRefused, DocumentTooLarge, RecordingRefused, RecordingSilent
from rag.notes import Note
from rag.recording_types import RecordingKind, recognise_file
from rag.recordings import Said, Word, as_document
from rag.spoken_time import clock

_SLICE_S = 300.0  # of work on one recording while others may wait
_AWAY_S, _NOT_INSTALLED_S, _BUSY_S, _PAUSE_S = 10.0, 60.0, 5.0, 1.0  # until the next try
_REFUSALS: Mapping[str, tuple[type[DocumentRefused], str]] = {
    "empty": (DocumentDamaged, "recording_damaged"),
    "damaged": (DocumentDamaged, "recording_damaged"),
    "not_audio": (RecordingRefused, "recording_not_audio"),
    "no_sound": (RecordingRefused, "recording_no_sound"),
    "unknown_codec": (RecordingRefused, "recording_unknown_codec"),
    "protected": (RecordingRefused, "recording_protected"),
    "too_many_channels": (RecordingRefused, "recording_channels"),
    "odd_sample_rate": (RecordingRefused, "recording_rate"),
    "too_large": (DocumentTooLarge, "recording_too_large"),
    "too_long": (DocumentTooLarge, "recording_too_long"),
    "took_too_long": (RecordingRefused, "recording_slow"),
}

OnHeard = Callable[[float, float], None]
"""Told (seconds heard, seconds in all) now and then."""


class HearingPostponed(Exception):
    """It is heard later, or goes on later; note tells its owner why."""

    def __init__(self, note: Note, delay_s: float) -> None:
        super().__init__(str(note))
        self.note = note
        self.delay_s = delay_s


class Spool(Protocol):
    """Where is kept what has been heard of a content; goes with the content. Blocking."""

    def lines(self, sha256: bytes) -> Sequence[Mapping[str, Any]]: ...

    def append(self, sha256: bytes, line: Mapping[str, Any]) -> None: ...

    def forget(self, sha256: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording as a document. language: ISO 639-1."""

    document: ParsedDocument
    duration_s: float
    language: str | None


@dataclass
class _Kept:
    """What is known of a recording so far. whole_s: its length, once all of it was heard."""

    said: list[Said] = field(default_factory=list)
    heard_s: float = 0.0
    language: str | None = None
    whole_s: float | None = None


class Hearing:
    """The step before indexing. clock: seconds that only grow."""

    def __init__(
        self,
        transcriber: Transcriber,
        spool: Spool,
        *,
        slice_s: float = _SLICE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transcriber = transcriber
        self._spool = spool
        self._slice_s = slice_s
        self._clock = clock
        self._one = asyncio.Lock()

    async def kind(self, path: Path) -> RecordingKind | None:
        """By its content; None: it is no recording."""
        return await asyncio.to_thread(recognise_file, path)

    async def hear(self, path: Path, kind: RecordingKind, sha256: bytes, on_heard: OnHeard) -> Heard:
        """Raises HearingPostponed, or a DocumentRefused."""
        if self._one.locked():
            raise HearingPostponed(Note("speech_busy"), _BUSY_S)
        async with self._one:
            try:
                return await self._heard(path, kind, sha256, on_heard)
            except SpeechNotInstalled as error:
                raise HearingPostponed(Note("speech_not_installed"), _NOT_INSTALLED_S) from error
            except SpeechUnavailable as error:
                raise HearingPostponed(Note("speech_away"), _AWAY_S) from error
            except AudioRefused as error:
                refusal, note = _REFUSALS.get(error.reason, (RecordingRefused, "recording_not_audio"))
                raise refusal(Note(note)) from error

    async def done(self, sha256: bytes) -> None:
        """It is in the index, or will never be: what was kept is not needed any more."""
        await asyncio.to_thread(self._spool.forget, sha256)

    async def _heard(self, path: Path, kind: RecordingKind, sha256: bytes, on_heard: OnHeard) -> Heard:
        measured = await self._transcriber.measure(path)
        kept = await self._so_far(sha256)
        if kept.whole_s is None:
            on_heard(kept.heard_s, measured.duration_s or 0.0)
            wish = SpeechWish(language=kept.language, words=True, start_s=kept.heard_s)
            async with aclosing(_iterator(self._transcriber.transcribe(path, wish))) as parts:
                await self._listen(parts, kept, sha256, on_heard)
        if kept.whole_s is None:
            raise SpeechUnavailable
        document = await asyncio.to_thread(as_document, kept.said, kind.media_type)
        if not document.pages:
            raise RecordingSilent
        return Heard(document, kept.whole_s, kept.language)

    async def _listen(
        self, parts: AsyncIterator[SpeechPart], kept: _Kept, sha256: bytes, on_heard: OnHeard
    ) -> None:
        """Keep each piece as soon as it has been heard whole."""
        until, piece = self._clock() + self._slice_s, list[Said]()
        async for part in parts:
            if isinstance(part, SpeechHeader):
                kept.language = part.language
            elif isinstance(part, SpeechSegment):
                piece.append(_said(part))
            elif isinstance(part, SpeechProgress):
                await self._keep(kept, piece, sha256, part.heard_s)
                piece = []
                on_heard(part.heard_s, part.duration_s or part.heard_s)
                if self._clock() >= until:
                    told = {"heard": clock(part.heard_s), "total": clock(part.duration_s or part.heard_s)}
                    raise HearingPostponed(Note("recording_heard", **told), _PAUSE_S)
            elif isinstance(part, SpeechEnd):
                await self._keep(kept, piece, sha256, part.duration_s, part.duration_s)
                piece = []

    async def _keep(
        self,
        kept: _Kept,
        piece: Sequence[Said],
        sha256: bytes,
        heard_s: float,
        whole_s: float | None = None,
    ) -> None:
        kept.said += piece
        kept.heard_s, kept.whole_s = heard_s, whole_s
        line = {
            "model": self._transcriber.model_id,
            "heard_s": heard_s,
            "whole_s": whole_s,
            "language": kept.language,
            "said": [_written(one) for one in piece],
        }
        await asyncio.to_thread(self._spool.append, sha256, line)

    async def _so_far(self, sha256: bytes) -> _Kept:
        """Another model begins anew: two would not fit together."""
        kept = _Kept()
        lines = await asyncio.to_thread(self._spool.lines, sha256)
        if lines and any(line["model"] != self._transcriber.model_id for line in lines):
            await asyncio.to_thread(self._spool.forget, sha256)
            return kept
        for line in lines:
            kept.said += map(_read, line["said"])
            kept.heard_s, kept.whole_s, kept.language = line["heard_s"], line["whole_s"], line["language"]
        return kept


async def _iterator(parts: AsyncIterator[SpeechPart]) -> AsyncGenerator[SpeechPart, None]:
    """Closing it closes what it reads from, where that can be closed."""
    try:
        async for part in parts:
            yield part
    finally:
        if close := getattr(parts, "aclose", None):
            await close()


def _said(segment: SpeechSegment) -> Said:
    words = tuple(Word(word.start_s, word.end_s, word.text) for word in segment.words)
    return Said(segment.start_s, segment.end_s, segment.text, words)


def _written(said: Said) -> list[Any]:
    words = [[word.start_s, word.end_s, word.text] for word in said.words]
    return [said.start_s, said.end_s, said.text, words]


def _read(kept: Sequence[Any]) -> Said:
    start_s, end_s, text, words = kept
    return Said(start_s, end_s, text, tuple(Word(*word) for word in words))
