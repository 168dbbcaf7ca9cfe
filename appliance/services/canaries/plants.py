"""What canaries plant, what they try, and what came of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

QUESTION = "What is the pass phrase of the canary vault?"
PIPELINE = "answer-with-sources"
NOBODY_ELSE: frozenset[str] = frozenset()
ADMINISTRATORS = frozenset({"administrator"})
OVERSEERS = frozenset({"administrator", "auditor"})


@dataclass(frozen=True, slots=True)
class Probe:
    """One request.

    must_refuse: an answer of 2xx is a hit by itself, whatever it says. open_to: roles of whom that is not so.
    lists_own: names of what is somebody else's may not stand in the answer either; open_to: roles of whom they may.
    is_read: its owner gets an answer, which proves that the way is one. then: paths that are read too where the answer
    has an `id`, which takes the place of ID.
    """

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    must_refuse: bool = True
    then: tuple[str, ...] = ()
    open_to: frozenset[str] = NOBODY_ELSE
    lists_own: bool = False
    is_read: bool = True


@dataclass(frozen=True, slots=True)
class Planted:
    """A document in a private collection or a chat, and what its owner asked and did. readers: roles that may see it.

    token: stands in the document. words: in what only its owner may see, whoever reads the document: title, question.
    """

    token: str
    words: str
    owner: str
    readers: frozenset[str]
    collection_id: UUID
    file_id: str
    sha256: str
    has_pictures: bool
    batch_id: str = ""
    turn_id: str = ""
    conversation_id: str = ""
    response_id: str = ""
    deleted_id: str = ""

    def names(self) -> tuple[str, ...]:
        """What it is called on the wire; none of them stands in anybody else's lists."""
        own = (self.turn_id, self.conversation_id, self.response_id, self.deleted_id)
        return tuple(name for name in own if name)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows beneath the routes. is_personal: its owner's alone, whoever may read the document. open_to: as for Probe."""

    table: str
    column: str
    value: UUID
    is_personal: bool = False
    open_to: frozenset[str] = NOBODY_ELSE


@dataclass(frozen=True, slots=True)
class Hit:
    """Who reached what by which way. No text."""

    probe: str
    role: str
    owner: str


@dataclass
class Tally:
    """What came of a run. unanswered: probes that got no answer that says anything (busy, broken)."""

    probes: int = 0
    unanswered: int = 0
    hits: list[Hit] = field(default_factory=list)
    controls_failed: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing was reached, and the probes were able to reach something."""
        return not self.hits and not self.controls_failed and self.probes > self.unanswered
