"""A transcriber that hears what it is told, piece by piece, for tests of what is done with the words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference.speech.types import (
    SpeechEnd,
    SpeechFile,
    SpeechHeader,
    SpeechPart,
    SpeechProgress,
    SpeechSegment,
    SpeechWish,
    SpeechWord,
)

WAV = b"RIFF\x24\0\0\0WAVEfmt "
"""What every WAV file begins with; enough for whoever only looks what it is."""


def spoken(start_s: float, text: str, word_s: float = 0.5) -> SpeechSegment:
    """A segment in which every word takes as long."""
    words = [word if at == 0 else f" {word}" for at, word in enumerate(text.split(" "))]
    timed = [
        SpeechWord(start_s + at * word_s, start_s + (at + 1) * word_s, word) for at, word in enumerate(words)
    ]
    return SpeechSegment(start_s, start_s + len(words) * word_s, text, tuple(timed))


@dataclass
class ScriptedTranscriber:
    """Fulfils inference.ports.Transcriber. pieces: of 30 seconds each.

    failing: asked before each piece, by its number; what it raises is raised. wishes: what was asked for.
    """

    pieces: Sequence[Sequence[SpeechSegment]]
    language: str = "es"
    model_id: str = "scripted"
    failing: Callable[[int], None] = lambda _piece: None
    wishes: list[SpeechWish] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)

    @property
    def duration_s(self) -> float:
        return 30.0 * len(self.pieces)

    async def measure(self, audio: Path) -> SpeechFile:
        self.failing(-1)
        return SpeechFile("wav", "pcm_s16le", 16_000, 1, self.duration_s)

    async def transcribe(self, audio: Path, wish: SpeechWish) -> AsyncIterator[SpeechPart]:
        self.wishes.append(wish)
        first = int(wish.start_s // 30)
        told = False
        for number, piece in list(enumerate(self.pieces))[first:]:
            self.failing(number)
            self.heard.append(number)
            if piece and not told:
                told = True
                yield SpeechHeader(self.language)
            for segment in piece:
                yield segment
            yield SpeechProgress(30.0 * (number + 1), self.duration_s)
        yield SpeechEnd(
            self.duration_s, sum(one.end_s - one.start_s for piece in self.pieces for one in piece)
        )

    async def close(self) -> None:
        return None
