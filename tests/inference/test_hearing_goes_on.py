"""Hearing a recording from where one was: nothing is heard twice, and nothing is missing."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from inference.speech.cutting import RATE, Piece, Samples
from inference.speech.decoding_limits import DecodingLimits
from inference.speech.hearing import Hearing
from inference.speech.types import SpeechEnd, SpeechProgress, SpeechSegment, SpeechWish

pytest.importorskip("av", reason="the extra `speech` is not installed: no recording was decoded")

LENGTH_S = 150
SPOKEN = ((3, 9), (20, 24), (55, 65), (70, 80), (118, 123), (140, 149))


class Names:
    """Hears when a piece began, to the second."""

    def check(self, language: str | None) -> None:
        return None

    def language_of(self, sound: Samples) -> tuple[str, float]:
        return "en", 1.0

    def hear(self, pieces: Sequence[Piece], language: str, wish: SpeechWish) -> list[SpeechSegment]:
        return [SpeechSegment(one.start_s, one.end_s, f"at {round(one.start_s)}") for one in pieces]


def _loud(sound: Samples) -> list[tuple[int, int]]:
    """Stretches in which anything sounds, to the sample."""
    edges = np.flatnonzero(np.diff(np.abs(sound) > 0.1, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half minutes, in which something sounds now and then, once over a window's edge."""
    path = tmp_path_factory.mktemp("recording") / "long.wav"
    sound = np.zeros(LENGTH_S * RATE, "<i2")
    for first, last in SPOKEN:
        sound[first * RATE : last * RATE] = 12_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.tobytes())
    return path


async def test_a_recording_can_be_heard_on_from_every_place_that_was_reported(recording: Path) -> None:
    """What came before the report and what comes after it make up the whole, each sentence once."""
    with ThreadPoolExecutor(1) as threads:
        hearing = Hearing(Names(), _loud, threads, DecodingLimits(max_s=600, cpu_s=60), max_bytes=2**30)
        parts = [part async for part in hearing.hear(recording, SpeechWish())]
        whole = [part.text for part in parts if isinstance(part, SpeechSegment)]
        places = sorted({part.heard_s for part in parts if isinstance(part, SpeechProgress)})
        for place in places[:: max(1, len(places) // 4)]:
            before = parts[: 1 + max(at for at, one in enumerate(parts) if _reports(one, place))]
            rest = [part async for part in hearing.hear(recording, SpeechWish(start_s=place, language="en"))]
            together = [part.text for part in [*before, *rest] if isinstance(part, SpeechSegment)]
            end = rest[-1]

            assert together == whole
            assert isinstance(end, SpeechEnd)
            assert end.duration_s == LENGTH_S
    assert whole == [f"at {first}" for first, _ in SPOKEN]
    assert len(places) > 3


def _reports(part: object, place: float) -> bool:
    return isinstance(part, SpeechProgress) and part.heard_s == place
