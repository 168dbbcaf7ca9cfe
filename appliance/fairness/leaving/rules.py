"""May this leave? Values in, an answer out: no clock, no database.

A chain of reasons to stay: each can turn a Leave into a Stay, none the other way round. What the operator's file does
not permit, nothing here permits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from appliance.domain.origins import Origins, collections_in
from appliance.fairness.leaving.port import Reason, Stay, StayCode
from appliance.fairness.leaving.settings import LeavingSettings, When

_ORDER: Final[tuple[When, ...]] = ("never", "local_down", "queue")
_ROUTES: Final = frozenset({"chat/completions", "completions"})
SENTENCES: Final[Mapping[StayCode, str]] = {
    "never": "Nothing may leave this box: `leaving.when` in appliance.toml, or an administrator, says never.",
    "reason_not_permitted": "Requests may not leave for this reason; see `leaving.when` and `leaving.by_name`.",
    "queue_is_short": "It has not waited long enough; see `leaving.queue_s`.",
    "not_a_chat": "Only chats may leave: vectors and rankings of another model do not fit to what is here.",
    "asked_to_stay": "Whoever asked wants it to stay: `x-stay-local`, or a key that stays local.",
    "user_stays": "Requests of this person stay.",
    "group_stays": "Requests of this person's group stay.",
    "not_among_people": "Only requests of chosen people and groups may leave.",
    "model_stays": "Requests to this model stay.",
    "not_among_models": "Only requests to chosen models may leave.",
    "unknown_origins": "Nobody knows what this was made from; begin a new conversation.",
    "collection_stays": "It was made from documents that stay here.",
    "chat_files_stay": "It was made from files of a chat, which stay here; see `leaving.chat_files`.",
    "not_text": "It holds pictures, sound or files, into which nobody can look for personal data.",
    "personal_data": "It holds personal data or secrets.",
    "detector_failed": "Nobody could look for personal data in it.",
    "policy_unknown": "The rules of what may leave cannot be read just now.",
    "not_recorded": "It could not be recorded, and nothing leaves without a record.",
    "failed": "Something went wrong while this was decided.",
}


@dataclass(frozen=True, slots=True)
class Permission:
    """What the operator's file permits. redacts: personal data is replaced; else it keeps a request here."""

    when: When = "never"
    queue_s: float = 30.0
    redacts: bool = False
    by_name: bool = False
    chat_files: bool = False

    @classmethod
    def of(cls, settings: LeavingSettings) -> Permission:
        """As it stands in the file."""
        redacts = settings.personal_data == "redact"
        return cls(settings.when, settings.queue_s, redacts, settings.by_name, settings.chat_files)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What administrators narrowed; every field can only take away. None: no narrower than the file.

    stays, only_people: ids of people and of groups, which count for the groups below them too.
    """

    at_most: When | None = None
    queue_s: float | None = None
    vetoes: bool = False
    stays: frozenset[UUID] = frozenset()
    staying_models: frozenset[str] = frozenset()
    only_people: frozenset[UUID] | None = None
    only_models: frozenset[str] | None = None

    def of(self, permission: Permission) -> Permission:
        """What is left of it."""
        at_most = permission.when if self.at_most is None else self.at_most
        return Permission(
            min(permission.when, at_most, key=_ORDER.index),
            max(permission.queue_s, self.queue_s or 0.0),
            permission.redacts and not self.vetoes,
            permission.by_name,
            permission.chat_files,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked to leave. group_ids: the person's, and those above them. models: every name of the model here.

    elsewhere: names of what would answer in its place; they may keep it here, and let nothing go.
    """

    user_id: UUID
    group_ids: frozenset[UUID]
    models: frozenset[str]
    reason: Reason
    waited_s: float = 0.0
    elsewhere: frozenset[str] = frozenset()
    origins: Origins = None
    route: str = "chat/completions"
    stays_local: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """Of the collections that something was made from: those marked as free to leave, and those of chats."""

    may_leave: frozenset[UUID] = frozenset()
    of_chats: frozenset[UUID] = frozenset()


def stay(permission: Permission, narrowing: Narrowing, asked: Asked, marks: Marks) -> Stay | None:
    """The first reason for which it stays; None: no rule keeps it here, and its text is still to be looked at."""
    code = next(_codes(permission, narrowing, asked, marks), None)
    return None if code is None else Stay(code, SENTENCES[code])


def _codes(permission: Permission, narrowing: Narrowing, asked: Asked, marks: Marks) -> Iterator[StayCode]:
    left = narrowing.of(permission)
    yield from _of_reason(left, asked)
    if asked.route not in _ROUTES:
        yield "not_a_chat"
    if asked.stays_local:
        yield "asked_to_stay"
    yield from _of_person(narrowing, asked)
    if (asked.models | asked.elsewhere) & narrowing.staying_models:
        yield "model_stays"
    if narrowing.only_models is not None and not asked.models & narrowing.only_models:
        yield "not_among_models"
    yield from _of_origins(left, asked, marks)


def _of_reason(left: Permission, asked: Asked) -> Iterator[StayCode]:
    if left.when == "never":
        yield "never"
    permitted = {"local_down": True, "queue": left.when == "queue", "asked_for": left.by_name}
    if not permitted.get(asked.reason, False):
        yield "reason_not_permitted"
    if asked.reason == "queue" and not asked.waited_s >= left.queue_s:  # also what is no number
        yield "queue_is_short"


def _of_person(narrowing: Narrowing, asked: Asked) -> Iterator[StayCode]:
    if asked.user_id in narrowing.stays:
        yield "user_stays"
    if asked.group_ids & narrowing.stays:
        yield "group_stays"
    only = narrowing.only_people
    if only is not None and asked.user_id not in only and not asked.group_ids & only:
        yield "not_among_people"


def _of_origins(left: Permission, asked: Asked, marks: Marks) -> Iterator[StayCode]:
    collections = collections_in(asked.origins)
    if collections is None:
        yield "unknown_origins"
        return
    chats = collections & marks.of_chats
    if chats and not left.chat_files:
        yield "chat_files_stay"
    if collections - chats - marks.may_leave:
        yield "collection_stays"
