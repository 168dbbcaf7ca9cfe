"""Sound as it streams in becomes pieces of speech that are short enough for the model, cut at silences.

Knows no model: what is speech, a function tells. Holds a window and one unfinished piece, however long the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
LONGEST_S = 30.0  # what Whisper hears at once
WINDOW_S = 60.0  # sound that is looked at together; more costs memory, less costs context at its edges
JOINED_S = 2.0  # speech with less silence between stays one piece: a sentence is better than its halves
_MARGIN_S = 1.0  # kept of silence: the start of a word may lie in it

Samples = NDArray[np.float32]
FindSpeech = Callable[[Samples], Sequence[tuple[int, int]]]
"""Samples → (first, behind the last) of every stretch of speech, in order, each at most LONGEST_S long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """start_s: of the recording. samples: at most LONGEST_S. speech_s: of it, somebody spoke."""

    start_s: float
    samples: Samples
    speech_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / RATE


class Cutter:
    """One for each recording. skipped: samples before the first that is fed."""

    def __init__(self, find_speech: FindSpeech, skipped: int = 0) -> None:
        self._find_speech = find_speech
        self._waiting: list[Samples] = []
        self._waits = 0
        self._gone = skipped

    @property
    def heard_s(self) -> float:
        """Of the recording, all that was fed."""
        return (self._gone + self._waits) / RATE

    @property
    def waits_s(self) -> float:
        """What is held of it."""
        return self._waits / RATE

    @property
    def done_s(self) -> float:
        """Of the recording, all whose pieces are complete: whoever goes on from there misses nothing."""
        return self._gone / RATE

    def is_full_with(self, samples: Samples) -> bool:
        """Whether feeding these means looking for speech, which takes a while."""
        return self._waits + len(samples) >= WINDOW_S * RATE

    def feed(self, samples: Samples) -> list[Piece]:
        """Take what comes next; the pieces that are complete by it."""
        is_full = self.is_full_with(samples)
        self._waiting.append(samples)
        self._waits += len(samples)
        return self._cut(is_end=False) if is_full else []

    def finish(self) -> list[Piece]:
        """The pieces that were still open."""
        return self._cut(is_end=True) if self._waits else []

    def _cut(self, *, is_end: bool) -> list[Piece]:
        sound = np.concatenate(self._waiting)
        groups = joined(self._find_speech(sound))
        keep_from = len(sound) if is_end else max(0, len(sound) - int(_MARGIN_S * RATE))
        if groups and not is_end and groups[-1][-1][1] > len(sound) - JOINED_S * RATE:
            keep_from = min(keep_from, groups.pop()[0][0])  # its end may not have been heard yet
        pieces = [
            Piece(
                (self._gone + group[0][0]) / RATE,
                sound[group[0][0] : group[-1][1]].copy(),
                sum(last - first for first, last in group) / RATE,
            )
            for group in groups
        ]
        self._gone += keep_from
        self._waiting = [sound[keep_from:].copy()]
        self._waits = len(sound) - keep_from
        return pieces


def joined(stretches: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Neighbours that fit into one piece together, with little silence between."""
    groups: list[list[tuple[int, int]]] = []
    for first, last in stretches:
        group = groups[-1] if groups else None
        if (
            group is not None
            and first - group[-1][1] <= JOINED_S * RATE
            and last - group[0][0] <= LONGEST_S * RATE
        ):
            group.append((first, last))
        else:
            groups.append([(first, last)])
    return groups


def everything(sound: Samples) -> list[tuple[int, int]]:
    """A FindSpeech that takes all for speech."""
    most = int(LONGEST_S * RATE)
    return [(first, min(first + most, len(sound))) for first in range(0, len(sound), most)]
