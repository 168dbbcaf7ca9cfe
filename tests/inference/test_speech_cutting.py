"""Cutting sound at silences, and telling what was said from what a model invents."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.speech.cutting import (
    JOINED_S,
    LONGEST_S,
    RATE,
    WINDOW_S,
    Cutter,
    Piece,
    Samples,
    everything,
    joined,
)
from inference.speech.inventions import is_invented
from inference.speech.languages import NAMES, blank_between, language_code, language_name
from inference.speech.types import SpeechSegment

SECONDS = st.integers(min_value=1, max_value=29)


def loud(sound: Samples) -> list[tuple[int, int]]:
    """A voice detector for sound that is 1 where somebody speaks and 0 elsewhere; a stretch ends after 29 s."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (sound > 0.5).astype(np.int8), [0]])))
    found = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        found += [
            (start, min(start + 29 * RATE, int(last))) for start in range(int(first), int(last), 29 * RATE)
        ]
    return found


def cut(sound: Samples, step_s: int = 5) -> tuple[list[Piece], Cutter]:
    """All pieces of it, fed as the decoder feeds it."""
    cutter, pieces = Cutter(loud), []
    for place in range(0, len(sound), step_s * RATE):
        pieces += cutter.feed(sound[place : place + step_s * RATE])
        assert cutter.waits_s <= WINDOW_S + LONGEST_S + step_s
    return pieces + cutter.finish(), cutter


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=12))
def test_no_speech_is_lost_and_none_is_heard_twice(turns: list[tuple[int, int]]) -> None:
    """Whatever the rhythm of speech and silence: pieces are in order, short enough, and hold all of the speech."""
    sound = np.concatenate(
        [
            np.full(seconds * RATE, value, np.float32)
            for spoken, quiet in turns
            for seconds, value in ((spoken, 1), (quiet, 0))
        ]
    )

    pieces, cutter = cut(sound)

    assert sum(piece.samples.sum() for piece in pieces) == sound.sum()
    assert all(len(piece.samples) <= LONGEST_S * RATE for piece in pieces)
    assert all(one.end_s <= other.start_s for one, other in pairwise(pieces))
    for piece in pieces:
        start = round(piece.start_s * RATE)
        assert np.array_equal(piece.samples, sound[start : start + len(piece.samples)])
    assert cutter.heard_s == len(sound) / RATE


def test_hours_of_silence_are_forgotten_as_they_pass() -> None:
    """What is held does not grow with the recording."""
    cutter = Cutter(loud)
    for _ in range(360):
        assert cutter.feed(np.zeros(10 * RATE, np.float32)) == []

    assert cutter.finish() == [] and cutter.heard_s == 3600


def test_a_short_breath_does_not_part_a_sentence() -> None:
    """Neighbours are heard together while they fit."""
    near, far = int(JOINED_S * RATE), int(JOINED_S * RATE) + 1

    assert joined([(0, 100), (100 + near, 200 + near)]) == [[(0, 100), (100 + near, 200 + near)]]
    assert joined([(0, 100), (100 + far, 200 + far)]) == [[(0, 100)], [(100 + far, 200 + far)]]


def test_without_a_voice_detector_everything_is_heard() -> None:
    """In pieces that the model can take."""
    most = int(LONGEST_S * RATE)

    assert everything(np.zeros(2 * most + 5, np.float32)) == [
        (0, most),
        (most, 2 * most),
        (2 * most, 2 * most + 5),
    ]


@pytest.mark.parametrize(
    ("text", "logprob", "silence", "speech_s", "invented"),
    [
        ("Subtítulos realizados por la comunidad de Amara.org", -1.1, 0.1, 3.0, True),
        ("Subtítulos realizados por la comunidad de Amara.org", -0.2, 0.1, 0.4, True),
        ("Thank you for watching!", -0.9, 0.5, 0.5, True),
        ("Thank you.", -0.2, 0.05, 0.9, False),
        ("Gracias por ver el vídeo, mañana seguimos.", -0.9, 0.5, 0.5, False),
        ("La factura vence el quince de marzo.", -1.5, 0.9, 0.5, False),
        ("¡Gracias!", -0.1, 0.0, 0.8, False),
    ],
)
def test_what_films_end_with_is_not_what_was_said(
    text: str, logprob: float, silence: float, speech_s: float, invented: bool
) -> None:
    """Credits and thanks go where the model is unsure or hardly anybody spoke; a real thank-you stays."""
    segment = SpeechSegment(0, 2, text, avg_logprob=logprob, no_speech_prob=silence)

    assert is_invented(segment, speech_s) is invented


def test_a_text_that_goes_round_in_circles_is_left_out() -> None:
    """Where the model is unsure as well."""
    circle = SpeechSegment(0, 30, "no no no", compression_ratio=9.0, avg_logprob=-1.2)

    assert is_invented(circle, 20.0)
    assert not is_invented(SpeechSegment(0, 30, "no no no", compression_ratio=9.0, avg_logprob=-0.1), 20.0)


def test_languages_are_known_by_code_and_by_name() -> None:
    """As people and programs write them; what is unknown stays, for the model to refuse."""
    assert {language_code(told) for told in ("es", "ES", "es-MX", "es_ES", " Spanish ")} == {"es"}
    assert (language_name("es"), language_name("xx"), language_code("klingon")) == (
        "spanish",
        "xx",
        "klingon",
    )
    assert len(NAMES) == 100 and (blank_between("es"), blank_between("ja")) == (" ", "")
