"""What left the box, as people ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

EgressHappened = Literal["began", "ended", "refused", "stopped", "resumed"]


@dataclass(frozen=True, slots=True)
class EgressQuery:
    """Empty or None: all. happened: any of these. actor, host: a part of it, however it is written. before: a line's
    number: only older ones.
    """

    since: datetime | None = None
    until: datetime | None = None
    purpose: str = ""
    actor: str = ""
    host: str = ""
    happened: tuple[EgressHappened, ...] = ()
    before: int | None = None


@dataclass(frozen=True, slots=True)
class EgressPage:
    """lines: as they stand in the ledger, newest first, without the hash."""

    lines: Sequence[Mapping[str, Any]]
    has_more: bool


@dataclass(frozen=True, slots=True)
class EgressTotal:
    """What went to one host for one purpose. departures: that ended, however. Bytes are of bodies."""

    host: str
    purpose: str
    departures: int = 0
    refused: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ChainReport:
    """Whether the ledger is whole. first, last: numbers of lines, 0 where there is none. head: the last line's hash.
    torn: lines that a dying process left unfinished. problems: sentences, the first ones.
    """

    lines: int
    first: int
    last: int
    head: str
    torn: int
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class EgressStop:
    """Who stopped it, since when and what for; actor is empty for a file put there by hand. by_settings: the
    operator's file says so, and no button takes it back.
    """

    since: datetime | None
    actor: str = ""
    reason: str = ""
    by_settings: bool = False
