"""The real speech process with the tiny Whisper of the tests, and recordings of its sentences in any format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.speech.client import SpeechClient

TINY = Path(__file__).parent / "models" / "tiny-whisper"
MODEL = TINY / "model"
NAME = "tiny-whisper"
RATE = 16_000
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Sentence:
    """One that the tiny Whisper knows."""

    name: str
    language: str
    text: str
    english: str

    @property
    def clip(self) -> Path:
        return TINY / "clips" / f"{self.name}.flac"


SENTENCES = [Sentence(**told) for told in json.loads((TINY / "sentences.json").read_text(encoding="utf-8"))]
BY_NAME = {sentence.name: sentence for sentence in SENTENCES}


@dataclass
class SpeechProcess:
    """The process and a client of it; the client keeps no connection, so it may be used in any event loop."""

    client: SpeechClient
    process: subprocess.Popen[bytes]
    socket: Path


@contextmanager
def speech_process(model: Path = MODEL, **settings: object) -> Iterator[SpeechProcess]:
    """Skips where the extra `speech` is not installed."""
    pytest.importorskip("faster_whisper")
    with tempfile.TemporaryDirectory(prefix="apl-speech-", dir="/tmp") as folder:
        socket = Path(folder) / "s.sock"
        told = json.dumps({"model": str(model), "threads": 1, **settings})
        words = ["--socket", str(socket), "--model", str(model), "--settings", told]
        process = subprocess.Popen(
            [sys.executable, "-m", "inference.speech.server", *words],
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},  # as `appliance up` starts it
        )
        try:
            yield SpeechProcess(SpeechClient(socket, NAME, patience_s=120), process, socket)
        finally:
            process.terminate()
            process.wait()


def samples_of(sentence: Sentence) -> Samples:
    """16 kHz, one channel."""
    from faster_whisper.audio import decode_audio

    samples: Samples = decode_audio(str(sentence.clip))
    return samples


def silence(seconds: float) -> Samples:
    """Nothing at all."""
    return np.zeros(int(seconds * RATE), np.float32)


def write_audio(
    path: Path,
    pieces: Sequence[Samples] | Callable[[], Any],
    codec: str = "flac",
    *,
    rate: int = RATE,
    layout: str = "mono",
    container: str | None = None,
) -> Path:
    """Encode 16 kHz samples. Skips by name what this FFmpeg cannot write."""
    import av

    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no codec {codec}")
    with av.open(str(path), "w", format=container) as out:
        try:
            stream = out.add_stream(codec, rate=rate, layout=layout)
            stream.codec_context.open()
        except (ValueError, av.error.FFmpegError) as error:
            pytest.skip(f"this FFmpeg cannot write {codec}: {error}")
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate,
            frame_size=stream.codec_context.frame_size or None,
        )
        moment = 0
        for samples in pieces() if callable(pieces) else pieces:
            whole = (np.clip(samples, -1, 1) * 32767).astype(np.int16)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, moment, Fraction(1, RATE)
            moment += whole.shape[1]
            for resampled in resampler.resample(frame):
                out.mux(stream.encode(resampled))
        for resampled in resampler.resample(None):
            out.mux(stream.encode(resampled))
        out.mux(stream.encode(None))
    return path
