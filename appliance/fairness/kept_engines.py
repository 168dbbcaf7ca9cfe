"""Engines whose models come and go from memory, as far as the gate has to know. `bootstrap.keeper` fulfils it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.fairness.admission import Capacity


@dataclass(frozen=True, slots=True)
class Loading:
    """A model on its way into memory. eta_s: seconds until it answers; None: nobody knows. is_after_failure: it was
    there, and its engine died."""

    model: str
    eta_s: float | None
    is_after_failure: bool = False


class KeptEngines(Protocol):
    """All by the engine's name on the roster; a name that is not kept is none of its business."""

    def is_kept(self, engine: str) -> bool:
        """Whether it is one of those."""
        ...

    def capacities(self) -> Sequence[Capacity]:
        """Of those that take nobody just now: no slots."""
        ...

    def loading(self, engine: str) -> Loading | None:
        """What somebody who waits for it is told; None: it is in memory, or not kept."""
        ...

    def refusal(self, engine: str) -> Exception | None:
        """Why nobody need wait for it; None: it answers, or will."""
        ...

    def use(self, engine: str) -> None:
        """Somebody wants it: bring it into memory."""
        ...

    async def failed(self, engine: str) -> bool:
        """It broke off before its first byte. Returns, as soon as that is known, whether it is going to be back."""
        ...


class NothingKept:
    """For processes without such engines."""

    def is_kept(self, engine: str) -> bool:
        """None is."""
        return False

    def capacities(self) -> Sequence[Capacity]:
        """Nothing is closed."""
        return ()

    def loading(self, engine: str) -> Loading | None:
        """Nothing is loaded."""
        return None

    def refusal(self, engine: str) -> Exception | None:
        """Nobody is refused."""
        return None

    def use(self, engine: str) -> None:
        """Nothing to be done."""

    async def failed(self, engine: str) -> bool:
        """What is not kept does not come back."""
        return False


NOTHING_KEPT: KeptEngines = NothingKept()


def loading_of(kept: KeptEngines, engines: Iterable[str]) -> Loading | None:
    """What is loading for a request that any of these could answer: nothing, as soon as one of them is there. Pure."""
    found = [kept.loading(name) for name in engines]
    if not found or any(one is None for one in found):
        return None
    known = [one for one in found if one is not None]
    return min(known, key=lambda one: float("inf") if one.eta_s is None else one.eta_s)
