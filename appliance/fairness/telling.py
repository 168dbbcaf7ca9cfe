"""What whoever waits is told, and not before the start row is on disk: telling may send the first bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.domain.answers import AnswerRung, Finished, Waiting
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.kept_engines import KeptEngines, loading_of
from appliance.fairness.lease import OnWaiting
from appliance.fairness.routing import Routes
from appliance.fairness.rungs import FURTHEST, Rung, answered_as


def told_after_commit(
    tell: OnWaiting | None, entry: Entry, kept: KeptEngines, routes: Routes
) -> OnWaiting | None:
    """The caller's callback, with the model that is being loaded, if one is. None: nobody listens."""
    if tell is None:
        return None
    names: Sequence[str] = [candidate.engine for candidate in routes.candidates]

    async def told(waiting: Waiting) -> None:
        await entry.committed()
        loading = None if waiting.trying else loading_of(kept, names)
        if loading is not None:
            waiting = replace(waiting, loading=loading.model, eta_s=loading.eta_s)
        await tell(waiting)

    return told


class Answerer:
    """Who answered. Of several calls for one answer the one furthest from what was asked for is told."""

    __slots__ = ("answered_as", "rung", "served_by")

    def __init__(self) -> None:
        self.served_by: str | None = None
        self.rung: AnswerRung = ""
        self.answered_as = ""

    def signed(self, end: Finished) -> Finished:
        """The end of an answer with who wrote it. One that was quoted for want of a model keeps its own word."""
        if self.served_by is None or end.rung == "quoted":
            return end
        return replace(end, served_by=self.served_by, rung=self.rung, answered_as=self.answered_as)

    def note(self, entry: Entry, rung: Rung, engine: str, served_by: str, *, has_moved: bool) -> None:
        """This engine begins to answer."""
        reached = entry.end.rung = rung.reached(has_moved=has_moved)
        if rung.kind == "smaller":
            entry.end.priced_as = rung.model
        if FURTHEST.index(reached) >= FURTHEST.index(self.rung):
            self.rung, self.served_by, self.answered_as = reached, served_by, answered_as(rung, engine)
