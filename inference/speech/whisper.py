"""Whisper by faster-whisper (CTranslate2), and the voice detector that comes with it (Silero). Blocking; for threads.

No hub is ever asked: the model is a folder on this machine, or there is none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

from inference import onnx_runtime  # noqa: F401, I001 - first: it silences onnxruntime before the voice detector loads it
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.vad import VadOptions, get_speech_timestamps

import numpy as np

from inference.errors import LanguageUnknown, SpeechUnavailable
from inference.speech.cutting import LONGEST_S, RATE, Piece, Samples
from inference.speech.inventions import is_invented
from inference.speech.settings import SpeechSettings
from inference.speech.types import SpeechSegment, SpeechWish, SpeechWord

# Tried in this order while a reading repeats itself or is improbable, as in Whisper itself.
_LADDER = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_QUIET_FIRST = VadOptions(
    min_silence_duration_ms=500,
    speech_pad_ms=250,
    max_speech_duration_s=LONGEST_S - 1,
    min_speech_duration_ms=100,
)


def find_speech(sound: Samples) -> list[tuple[int, int]]:
    """A FindSpeech of inference.speech.cutting."""
    return [(one["start"], one["end"]) for one in get_speech_timestamps(sound, _QUIET_FIRST)]


class Whisper:
    """One model in memory. Several threads may use it at once, up to `at_once` of the settings.

    Raises SpeechUnavailable when the folder holds no model that this machine can run.
    """

    def __init__(self, folder: Path, settings: SpeechSettings) -> None:
        if not (folder / "model.bin").is_file():
            raise SpeechUnavailable(
                f"{folder} holds no Whisper model in CTranslate2's format (there is no model.bin). "
                "Correct `model` in [speech]."
            )
        try:
            self._model = WhisperModel(
                str(folder),
                device=settings.device,
                compute_type=settings.precision,
                cpu_threads=settings.threads,
                num_workers=settings.at_once,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise SpeechUnavailable(f"Its model {folder.name} cannot be loaded: {error}.") from error
        self._batched = BatchedInferencePipeline(self._model)
        self._beam = settings.beam

    def check(self, language: str | None) -> None:
        """Raises LanguageUnknown."""
        if language is None:
            return
        known = language in self._model.supported_languages
        if self._model.model.is_multilingual:
            known = known and self._model.hf_tokenizer.token_to_id(f"<|{language}|>") is not None
        if not known:
            raise LanguageUnknown(f"Asked for: {language!r}.")

    def language_of(self, sound: Samples) -> tuple[str, float]:
        """What is spoken, and how sure that is."""
        if not self._model.model.is_multilingual:
            return "en", 1.0
        language, probability, _ = self._model.detect_language(sound)
        return language, float(probability)

    def hear(self, pieces: Sequence[Piece], language: str, wish: SpeechWish) -> list[SpeechSegment]:
        """What is said in them, in order; several go through the model together, without second readings."""
        if len(pieces) == 1:
            return self._hear_one(pieces[0], language, wish)
        places = np.cumsum([0, *(len(piece.samples) for piece in pieces)]) / RATE
        clips = [{"start": float(first), "end": float(last)} for first, last in pairwise(places)]
        segments, _ = self._batched.transcribe(
            np.concatenate([piece.samples for piece in pieces]),
            language=language,
            task=wish.task,
            beam_size=self._beam,
            temperature=wish.temperature,
            initial_prompt=wish.prompt or None,
            word_timestamps=wish.words,
            without_timestamps=False,
            clip_timestamps=clips,
            vad_filter=False,
            batch_size=len(pieces),
        )
        heard: list[SpeechSegment] = []
        for segment in segments:
            place = max(0, int(np.searchsorted(places[:-1], segment.start + 0.001, side="right")) - 1)
            piece = pieces[place]
            heard += _kept(segment, piece, piece.start_s - float(places[place]))
        return heard

    def _hear_one(self, piece: Piece, language: str, wish: SpeechWish) -> list[SpeechSegment]:
        segments, _ = self._model.transcribe(
            piece.samples,
            language=language,
            task=wish.task,
            beam_size=self._beam,
            temperature=_LADDER if wish.temperature == 0 else [wish.temperature],
            initial_prompt=wish.prompt or None,
            condition_on_previous_text=False,
            word_timestamps=wish.words,
            vad_filter=False,
        )
        return [kept for segment in segments for kept in _kept(segment, piece, piece.start_s)]


def _kept(segment: Any, piece: Piece, shift_s: float) -> list[SpeechSegment]:  # noqa: ANN401 - two libraries' shapes
    """The segment in the recording's time, unless it is empty or invented."""
    end_s = piece.start_s + len(piece.samples) / RATE
    told = SpeechSegment(
        start_s=_within(segment.start + shift_s, piece.start_s, end_s),
        end_s=_within(segment.end + shift_s, piece.start_s, end_s),
        text=segment.text.strip(),
        words=tuple(
            SpeechWord(
                _within(word.start + shift_s, piece.start_s, end_s),
                _within(word.end + shift_s, piece.start_s, end_s),
                word.word,
                round(float(word.probability), 4),
            )
            for word in segment.words or ()
        ),
        tokens=tuple(segment.tokens),
        temperature=float(segment.temperature or 0.0),
        avg_logprob=float(segment.avg_logprob),
        compression_ratio=float(segment.compression_ratio),
        no_speech_prob=float(segment.no_speech_prob),
    )
    return [told] if told.text and not is_invented(told, piece.speech_s) else []


def _within(moment_s: float, first_s: float, last_s: float) -> float:
    return round(min(max(float(moment_s), first_s), last_s), 3)
