"""Decides whether a request leaves, with the rules as they stand in the database at this moment, and records it.

Everything that goes wrong means that it stays. A decision to leave is on disk before anybody hears of it; decisions to
stay are written a moment later, so that a queue full of them costs nobody time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from appliance.domain.origins import OWN_WORDS, collections_in, of_collection
from appliance.domain.people import Caller
from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.fairness.leaving.decisions import LEAVES, Decision, LeavingBook
from appliance.fairness.leaving.port import Leave, Reason, Stay, StayCode
from appliance.fairness.leaving.rules import SENTENCES, Asked, Marks, Narrowing, Permission, stay
from appliance.fairness.leaving.stays import Stays
from inference.personal_data.detector import Detector
from inference.personal_data.requests import Inspection, inspect
from inference.tokenizing.bounds import has_media
from inference.types import EngineRequest, LeavePermit

logger = logging.getLogger(__name__)

_PATIENCE_S = 10.0  # of which a prompt of a million characters takes a third to be looked through
_READ_EVERY_S = 30.0
# They say who asks, and no engine needs them to answer.
_OF_THE_ASKER = frozenset({"user", "metadata", "safety_identifier", "prompt_cache_key", "store"})
_WHY: Mapping[Reason, str] = {
    "local_down": "No engine here answers, and what was asked may leave.",
    "queue": "The queue is too long, and what was asked may leave.",
    "asked_for": "The cloud's model was asked for by its name, and what was asked may leave.",
}


@dataclass(frozen=True, slots=True)
class _Case:
    """One question whether something may leave."""

    caller: Caller
    model: str
    request: EngineRequest
    reason: Reason
    waited_s: float


class Decisions:
    """Fulfils port.Leaving. open() before the first question, close() after the last.

    names: of a model, every name it has here, and the names of what would answer elsewhere; raises nothing.
    detector: of personal data; None: nobody can look, so nothing leaves. patience_s: how long deciding may take before
    the answer is to stay.
    """

    def __init__(
        self,
        permission: Permission,
        book: LeavingBook,
        detector: Detector | None,
        *,
        names: Callable[[str], tuple[frozenset[str], frozenset[str]]],
        new_id: Callable[[], UUID],
        now: Callable[[], datetime],
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.permission = permission
        self._book = book
        self._detector = detector
        self._names = names
        self._new_id = new_id
        self._now = now
        self._patience_s = patience_s
        self.told: Callable[[Decision], None] = lambda _decision: None
        """Told of each decision, for metrics."""
        self._known: Narrowing | None = None
        self._stays = Stays(book)
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to write, and to follow what administrators narrow."""
        await self._stays.open()
        if self.permission.when != "never":
            self._following = asyncio.create_task(for_ever(self._follow))

    async def close(self) -> None:
        """Write what is left to write."""
        await end([self._following])
        await self._stays.close()

    async def decide(
        self, caller: Caller, model: str, request: EngineRequest, reason: Reason, waited_s: float = 0
    ) -> Leave | Stay:
        """As port.Leaving has it."""
        case = _Case(caller, model, request, reason, waited_s)
        try:
            async with asyncio.timeout(self._patience_s):
                answer = await self._decided(case)
        except PartUnavailable:
            answer = _stay("policy_unknown")
        except Exception:  # a TimeoutError too
            logger.exception("request %s stays: deciding failed", request.request_id)
            answer = _stay("failed")
        if isinstance(answer, Stay):
            kept = self._decision(case, self._new_id(), answer.code, answer.why)
            self._stays.note(kept)
            self.told(kept)
        return answer

    def patience_s(self, caller: Caller, model: str) -> float | None:
        """As port.Leaving has it; of the rules as they were read last."""
        if caller.is_batch or self._known is None:
            return None
        left = self._known.of(self.permission)
        return left.queue_s if self._would(caller, model, "queue", left.queue_s) else None

    def could_leave(self, caller: Caller, model: str, reason: Reason = "asked_for") -> bool:
        """As port.Leaving has it; of the rules as they were read last."""
        return self._known is not None and self._would(caller, model, reason, float("inf"))

    async def preview(
        self, caller: Caller, model: str, collections: frozenset[UUID], reason: Reason
    ) -> Stay | None:
        """What would be decided of a question over these collections that waited long enough; not recorded.

        Its text is not looked at. Raises PartUnavailable.
        """
        facts = await self._book.facts(caller, sorted(collections))
        origins = frozenset(map(of_collection, collections))
        asked = self._asked(caller, model, reason, float("inf"), facts.group_ids)
        return stay(self.permission, facts.narrowing, replace(asked, origins=origins), facts.marks)

    async def read(self) -> None:
        """Take over what administrators have narrowed; while it is not known, nothing is hoped for."""
        try:
            self._known = await self._book.narrowing()
        except Exception:
            self._known = None
            raise

    async def _follow(self) -> None:
        while True:
            with suppress(PartUnavailable):
                await self.read()
            await asyncio.sleep(_READ_EVERY_S)

    def _would(self, caller: Caller, model: str, reason: Reason, waited_s: float) -> bool:
        assert self._known is not None
        asked = self._asked(caller, model, reason, waited_s, caller.group_ids)
        return stay(self.permission, self._known, replace(asked, origins=OWN_WORDS), Marks()) is None

    def _asked(
        self, caller: Caller, model: str, reason: Reason, waited_s: float, group_ids: frozenset[UUID]
    ) -> Asked:
        here, elsewhere = self._names(model)
        return Asked(
            caller.user_id,
            group_ids,
            here | {model},
            reason,
            waited_s,
            elsewhere,
            stays_local=caller.stays_local,
        )

    async def _decided(self, case: _Case) -> Leave | Stay:
        request, collections = case.request, collections_in(case.request.origins)
        asked = replace(
            self._asked(case.caller, case.model, case.reason, case.waited_s, case.caller.group_ids),
            origins=request.origins,
            route=request.route,
        )
        # At best: what the file alone keeps here need not ask the database.
        best = stay(self.permission, Narrowing(), asked, Marks(collections or frozenset()))
        if best is not None:
            return best
        facts = await self._book.facts(case.caller, sorted(collections or ()))
        self._known = facts.narrowing
        asked = replace(asked, group_ids=facts.group_ids | case.caller.group_ids)
        ruled = stay(self.permission, facts.narrowing, asked, facts.marks)
        if ruled is not None:
            return ruled
        looked = await self._looked(request)
        if isinstance(looked, Stay):
            return looked
        if looked.count and not facts.narrowing.of(self.permission).redacts:
            return Stay("personal_data", f"{SENTENCES['personal_data']} ({_listed(looked)})")
        return await self._left(case, looked)

    async def _looked(self, request: EngineRequest) -> Inspection | Stay:
        """In a thread: a long prompt takes processor time."""
        if self._detector is None:
            return _stay("detector_failed")
        if has_media(request.payload):
            return _stay("not_text")
        payload = {name: value for name, value in request.payload.items() if name not in _OF_THE_ASKER}
        try:
            looked = await asyncio.to_thread(inspect, payload, self._detector)
        except Exception:
            logger.exception("request %s stays: the detector of personal data failed", request.request_id)
            return _stay("detector_failed")
        return _stay("not_text") if looked.unseen else looked

    async def _left(self, case: _Case, looked: Inspection) -> Leave | Stay:
        """It may leave, once this is on disk."""
        number, why = self._new_id(), _WHY[case.reason]
        decision = self._decision(case, number, LEAVES, why, looked.count)
        try:
            await self._book.keep([decision])
        except PartUnavailable:
            return _stay("not_recorded")
        self.told(decision)
        permit = LeavePermit(str(number), case.caller.email, why, looked.count)
        originals = looked.placeholders.originals
        return Leave(
            permit, replace(case.request, payload=looked.payload, permit=permit, originals=originals)
        )

    def _decision(self, case: _Case, number: UUID, code: str, why: str, redactions: int = 0) -> Decision:
        return Decision(
            number,
            self._now(),
            case.caller.user_id,
            case.caller.key_id,
            case.request.request_id,
            case.model,
            case.reason,
            case.waited_s,
            code == LEAVES,
            code,
            why,
            case.request.origins,
            redactions,
        )


def _stay(code: StayCode) -> Stay:
    return Stay(code, SENTENCES[code])


def _listed(looked: Inspection) -> str:
    kinds: Mapping[Any, int] = looked.kinds
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))
