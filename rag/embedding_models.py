"""Which embedding models the index has vectors of, and what is to be done when another one is wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ModelState = Literal["active", "building", "leaving"]


class ModelsChanged(Exception):
    """Search went over to another model while a document was being embedded; never shown to people."""


@dataclass(frozen=True, slots=True)
class IndexedModel:
    """One model of the index. languages: empty: all.

    renewing: the active one's vectors are made again. may_switch: somebody said so. background: mean cosine of passages
    that have nothing to do with each other. problem: why it does not get on.
    """

    model_id: str
    dimension: int
    state: ModelState
    cursor: int = 0
    renewing: bool = False
    may_switch: bool = False
    languages: tuple[str, ...] = ()
    background: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the index is to be told: which model becomes active at once, which one is begun, which ones are given up."""

    adopt: str | None = None
    begin: str | None = None
    give_up: tuple[str, ...] = ()


def decide(models: Sequence[IndexedModel], wanted: str, found: str | None) -> Decision:
    """wanted: the settings' model. found: whose vectors an index has that knows of no model yet; None: nobody's."""
    active = next((one.model_id for one in models if one.state == "active"), None)
    building = next((one.model_id for one in models if one.state == "building"), None)
    if active is None:
        adopt = found or wanted
        return Decision(adopt, None if adopt == wanted else wanted)
    if wanted == active:
        return Decision(give_up=(building,) if building else ())
    if wanted == building:
        return Decision()
    return Decision(begin=wanted, give_up=(building,) if building else ())


def active_of(models: Sequence[IndexedModel]) -> IndexedModel | None:
    """The one that is searched with."""
    return next((one for one in models if one.state == "active"), None)


def building_of(models: Sequence[IndexedModel]) -> IndexedModel | None:
    """The one whose vectors are being made."""
    return next((one for one in models if one.state == "building"), None)
