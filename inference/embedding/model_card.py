"""What an embedding model says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelCard:
    """model.json of a built model. model_id names model and build; max_tokens counts both marks.

    languages: those it was trained in; empty: all. device: where it runs. problem: what should be known of that.
    shorter: lengths to which its vectors may be cut, because it was trained for that (Matryoshka).
    """

    model_id: str
    dimension: int
    max_tokens: int
    languages: tuple[str, ...] = ()
    device: str = "cpu"
    problem: str = ""
    shorter: tuple[int, ...] = ()
