"""What is asked of the queue and what it answers; and the rule by which an engine is chosen. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that could answer. slots: how many requests it may run, as far as this process knows."""

    engine: str
    slots: int
    is_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that wants a slot on one of its candidates. id is unique for ever; the queue is per pool."""

    id: str
    user: str
    pool: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """The turn has come: this engine holds a slot for the request."""

    engine: str


@dataclass(frozen=True, slots=True)
class Place:
    """Still in line; position counts from 1. ticket orders the queue, in microseconds."""

    position: int
    eta_s: float | None
    ticket: int


@dataclass(frozen=True, slots=True)
class Full:
    """No room to wait. eta_s: when the newcomer would have been served, None while no rate is known."""

    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The queue does not know this request (it was emptied, or gave the request up)."""


Answer = Slot | Place | Full | Gone


@dataclass(frozen=True, slots=True)
class Held:
    """A request as its worker sees it: waiting (engine None) or running."""

    ask: Ask
    ticket: int
    engine: str | None


def choose_engine(candidates: Sequence[Candidate], running: Mapping[str, int]) -> str | None:
    """The engine with the smallest share of its slots in use; fallbacks only when no other is free. Pure."""
    free = [
        (candidate.is_fallback, running.get(candidate.engine, 0) / candidate.slots, index)
        for index, candidate in enumerate(candidates)
        if running.get(candidate.engine, 0) < candidate.slots
    ]
    return candidates[min(free)[2]].engine if free else None


def local_share(candidates: Sequence[Candidate], share: float) -> tuple[Candidate, ...]:
    """The same engines with the part of their slots that one process may fill by itself, at least one. Pure."""
    return tuple(
        Candidate(candidate.engine, max(1, int(candidate.slots * share)), candidate.is_fallback)
        for candidate in candidates
    )
