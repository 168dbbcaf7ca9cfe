"""Whether one request may be answered outside the box: the question, and its two answers.

Whoever cannot say yes for certain says Stay: unknown origins, a failing detector, a record that cannot be written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.domain.people import Caller
from inference.types import EngineRequest, LeavePermit

Reason = Literal["local_down", "queue", "asked_for"]
"""Why a cloud is thought of: nothing here answers, the queue is too long, or its model was asked for by name."""

StayCode = Literal[
    "never",
    "reason_not_permitted",
    "queue_is_short",
    "not_a_chat",
    "asked_to_stay",
    "user_stays",
    "group_stays",
    "not_among_people",
    "model_stays",
    "not_among_models",
    "unknown_origins",
    "collection_stays",
    "chat_files_stay",
    "not_text",
    "personal_data",
    "detector_failed",
    "policy_unknown",
    "not_recorded",
    "failed",
]
"""Stable names of the reasons for which a request stays."""


@dataclass(frozen=True, slots=True)
class Leave:
    """It may leave, and this stands in the database. request: carries the permit; redacted where the policy says so."""

    permit: LeavePermit
    request: EngineRequest


@dataclass(frozen=True, slots=True)
class Stay:
    """It stays on the box. why: an English sentence for people that names the rule, never the prompt's words."""

    code: StayCode
    why: str


class Leaving(Protocol):
    """What may leave; `deciding.Decisions` fulfils it."""

    async def decide(
        self, caller: Caller, model: str, request: EngineRequest, reason: Reason, waited_s: float = 0
    ) -> Leave | Stay:
        """model: the name on this box. waited_s: in the queue so far, for `queue`. Never raises but when cancelled."""
        ...

    def patience_s(self, caller: Caller, model: str) -> float | None:
        """How long this caller's requests wait in a queue before `queue` is a reason; None: they wait on.

        At once and without I/O: a hint for whoever builds the ladder; `decide` has the word.
        """
        ...

    def could_leave(self, caller: Caller, model: str, reason: Reason = "asked_for") -> bool:
        """Whether a request without documents might leave for this caller; for offering names, as `patience_s`."""
        ...


class _NothingLeaves:
    async def decide(
        self, caller: Caller, model: str, request: EngineRequest, reason: Reason, waited_s: float = 0
    ) -> Leave | Stay:
        return Stay("never", "Nothing may leave this box.")

    def patience_s(self, caller: Caller, model: str) -> float | None:
        return None

    def could_leave(self, caller: Caller, model: str, reason: Reason = "asked_for") -> bool:
        return False


NOTHING_LEAVES: Leaving = _NothingLeaves()
"""Where nobody composed a policy."""
