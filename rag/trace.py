"""What a search did, for the one who asked: what was looked for, found and left out, why, and how long each step took.

Holds names and places of passages, never their text. A trace outlives the rights it was made with: what it names is
shown to those alone who may still see it (`as_seen`). Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Step:
    """One step. figures: what it took in or gave out; steps may have run side by side, so their times do not add up."""

    name: str
    took_ms: float
    figures: dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Traced:
    """A passage that was found. reason: why it was left out, empty where it was handed on."""

    chunk_id: int
    file_id: UUID
    filename: str
    page: int | None
    score: float
    dense: float | None = None
    lexical: float | None = None
    fused: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A search from question to passages.

    queries: what was searched for, the question first. exact: strings looked up to the letter, and how many passages
    hold each. reranker: its model, where it ranked last; else empty.
    """

    queries: tuple[str, ...] = ()
    language: str | None = None
    exact: tuple[tuple[str, int], ...] = ()
    steps: tuple[Step, ...] = ()
    found: tuple[Traced, ...] = ()
    dropped: tuple[Traced, ...] = ()
    reranker: str = ""
    notes: tuple[str, ...] = ()
    is_relevant: bool = False

    @property
    def is_reranked(self) -> bool:
        return bool(self.reranker)

    def as_json(self) -> dict[str, Any]:
        """For keeping and showing; ids as text, times in ms with two digits."""
        return {
            "queries": list(self.queries),
            "language": self.language,
            "exact": [{"text": text, "passages": count} for text, count in self.exact],
            "steps": [
                {"name": step.name, "took_ms": round(step.took_ms, 2), **step.figures} for step in self.steps
            ],
            "found": [_shown(one) for one in self.found],
            "dropped": [_shown(one) for one in self.dropped],
            "reranked": self.is_reranked,
            "reranker": self.reranker or None,
            "notes": list(self.notes),
            "is_relevant": self.is_relevant,
        }


def _shown(one: Traced) -> dict[str, Any]:
    shown = asdict(one) | {"file_id": str(one.file_id), "score": round(one.score, 4)}
    return {name: value for name, value in shown.items() if value is not None and value != ""}


_LISTS = ("found", "dropped")
_NAMELESS = ("score", "reason")


def named_files(trace: Mapping[str, Any]) -> Iterator[UUID]:
    """The files that a kept trace names."""
    for one in _rows(trace):
        yield UUID(one["file_id"])


def as_seen(trace: Mapping[str, Any], seen: Collection[UUID]) -> dict[str, Any]:
    """A kept trace as somebody reads it who sees these files: of other ones their rank is left, marked `withheld`."""
    return {
        **trace,
        **{
            name: [
                one
                if UUID(one["file_id"]) in seen
                else {key: one[key] for key in _NAMELESS if key in one} | {"withheld": True}
                for one in trace[name]
            ]
            for name in _LISTS
            if name in trace
        },
    }


def _rows(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _LISTS:
        yield from trace.get(name, ())
