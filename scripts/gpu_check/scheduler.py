"""Which requests run together, step by step: they join as soon as a slot is free and leave when they are done.

Pure: knows tokens by their number only, no model and no clock. Continuous batching as in Orca (Yu et al., OSDI 2022),
with prompts read in pieces between the steps of those who write (Agrawal et al., Sarathi-Serve, OSDI 2024).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Sequence:
    """One request. prompt: its token ids. read: of the prompt, so far. written: token ids of the answer so far."""

    number: int
    prompt: list[int]
    most_tokens: int
    ends: frozenset[int] = frozenset()
    slot: int = -1
    read: int = 0
    written: list[int] = field(default_factory=list)

    @property
    def position(self) -> int:
        """Of the next token that goes through the model."""
        return self.read + max(0, len(self.written) - 1)

    @property
    def finish_reason(self) -> str | None:
        """`stop` or `length`; None while it goes on."""
        if self.written and self.written[-1] in self.ends:
            return "stop"
        return "length" if len(self.written) >= self.most_tokens else None


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens of a prompt to be read now. is_last: the answer's first token comes of it."""

    sequence: Sequence
    start: int
    tokens: list[int]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What goes through the model at once: one piece of a prompt, and one token of each who writes."""

    piece: Piece | None
    writing: tuple[Sequence, ...]

    @property
    def is_empty(self) -> bool:
        return self.piece is None and not self.writing


class Scheduler:
    """slots: sequences that run together. piece_tokens: of a prompt read in one step."""

    def __init__(self, slots: int, piece_tokens: int) -> None:
        self._free = deque(range(slots))
        self._piece_tokens = piece_tokens
        self._running: dict[int, Sequence] = {}
        self._waiting: deque[Sequence] = deque()

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, sequence: Sequence) -> None:
        """It waits its turn; first come, first served."""
        self._waiting.append(sequence)

    def cancel(self, number: int) -> None:
        """Its client has gone; a number that has ended already is nobody."""
        if (sequence := self._running.get(number)) is not None:
            self._leave(sequence)
        else:
            self._waiting = deque(one for one in self._waiting if one.number != number)

    def step(self) -> Step:
        """What to compute next; new ones are let in first."""
        while self._free and self._waiting:
            sequence = self._waiting.popleft()
            sequence.slot = self._free.popleft()
            self._running[sequence.number] = sequence
        reading = next((one for one in self._running.values() if one.read < len(one.prompt)), None)
        writing = tuple(one for one in self._running.values() if one.read == len(one.prompt) and one.written)
        if reading is None:
            return Step(None, writing)
        end = min(reading.read + self._piece_tokens, len(reading.prompt))
        tokens = reading.prompt[reading.read : end]
        return Step(Piece(reading, reading.read, tokens, end == len(reading.prompt)), writing)

    def took(self, piece: Piece, first: int | None) -> None:
        """The piece has been read. first: the answer's first token, where it was the last piece."""
        sequence = piece.sequence
        if sequence.number in self._running:
            sequence.read += len(piece.tokens)
            if first is not None:
                self.wrote(sequence, first)

    def wrote(self, sequence: Sequence, token: int) -> None:
        """One token more; who is done leaves its slot."""
        if sequence.number not in self._running:
            return
        sequence.written.append(token)
        if sequence.finish_reason is not None:
            self._leave(sequence)

    def _leave(self, sequence: Sequence) -> None:
        del self._running[sequence.number]
        self._free.append(sequence.slot)
