"""The thread that computes: takes requests, steps the scheduler through the model, hands tokens to their clients."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from scripts.gpu_check.scheduler import Scheduler
from scripts.gpu_check.scheduler import Sequence as Request


class Model(Protocol):
    """What the thread needs of a model: two kinds of steps."""

    slots: int
    context_tokens: int

    def read(self, tokens: list[int], slot: int, start: int) -> int:
        """A piece of a prompt; the likeliest next token."""
        ...

    def write(self, tokens: list[int], slots: list[int], positions: list[int]) -> list[int]:
        """One token of each; the next ones."""
        ...


OnToken = Callable[[Sequence[int], str | None], None]
"""Gets the tokens since last time and the reason it ended, or None; called on the computing thread."""


class Generating:
    """One model's requests. load() and add() may be called from anywhere."""

    def __init__(self, model: Model, piece_tokens: int) -> None:
        self._model = model
        self._scheduler = Scheduler(model.slots, piece_tokens)
        self._clients: dict[int, OnToken] = {}
        self._changed = threading.Condition()
        self._count = self.tokens = 0
        self.failure: BaseException | None = None
        threading.Thread(target=self._run, name="generating", daemon=True).start()

    def add(self, prompt: list[int], most_tokens: int, ends: frozenset[int], client: OnToken) -> int:
        """Its number, for cancel. The answer is cut where the context ends."""
        with self._changed:
            self._count += 1
            room = self._model.context_tokens - len(prompt)
            self._scheduler.add(Request(self._count, prompt, min(most_tokens, room), ends))
            self._clients[self._count] = client
            self._changed.notify()
            return self._count

    def cancel(self, number: int) -> None:
        """Nobody waits for it any more; its slot is free from the next step on."""
        with self._changed:
            self._clients.pop(number, None)
            self._scheduler.cancel(number)

    def load(self) -> tuple[int, int]:
        """(running, waiting)."""
        with self._changed:
            return self._scheduler.running, self._scheduler.waiting

    def _run(self) -> None:
        try:
            while True:
                self._step()
        except BaseException as error:  # a thread that dies in silence leaves clients waiting for ever
            self.failure = error
            with self._changed:
                clients, self._clients = self._clients, {}
            for client in clients.values():
                client((), "error")
            raise

    def _step(self) -> None:
        with self._changed:
            while (step := self._scheduler.step()).is_empty:
                self._changed.wait()
        first, tokens = None, list[int]()
        if step.piece is not None:
            piece = step.piece
            token = self._model.read(piece.tokens, piece.sequence.slot, piece.start)
            first = token if piece.is_last else None
        if step.writing:
            tokens = self._model.write(
                [one.written[-1] for one in step.writing],
                [one.slot for one in step.writing],
                [one.position for one in step.writing],
            )
        with self._changed:
            if step.piece is not None:
                self._scheduler.took(step.piece, first)
            told = [step.piece.sequence] if step.piece is not None and first is not None else []
            for sequence, token in zip(step.writing, tokens, strict=True):
                self._scheduler.wrote(sequence, token)
                told.append(sequence)
            self.tokens += len(told)
            clients = [(self._clients.get(one.number), one) for one in told]
            for one in told:
                if one.finish_reason is not None:
                    self._clients.pop(one.number, None)
        for client, one in clients:
            if client is not None:
                client(one.written[-1:], one.finish_reason)
