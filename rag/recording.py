"""Writes a search's trace while it runs. Knows passages; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rag.documents import Passage
from rag.trace import Step, Traced


def traced(passage: Passage, reason: str = "") -> Traced:
    """A passage as a trace names it."""
    return Traced(
        passage.chunk_id,
        passage.file_id,
        passage.filename,
        passage.page,
        passage.score,
        passage.dense,
        passage.lexical,
        passage.fused,
        reason,
    )


@dataclass
class Recorder:
    """Collects the steps of one search. clock: seconds."""

    clock: Callable[[], float]
    steps: list[Step] = field(default_factory=list)
    dropped: list[Traced] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, int | float | str]]:
        """Yields the step's figures, to be filled in."""
        figures: dict[str, int | float | str] = {}
        started = self.clock()
        try:
            yield figures
        finally:
            self.steps.append(Step(name, (self.clock() - started) * 1000, figures))

    def drop(self, passages: Sequence[Passage], reason: str) -> None:
        """Passages that were found and are not handed on."""
        self.dropped += [traced(passage, reason) for passage in passages]
